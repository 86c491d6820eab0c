"""Metrics of lists: what a pre-ranking model keeps of what a ranker would show."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.errors import InputError, UnknownName

__all__ = ["check_requests", "kept", "rank_correlation", "recall_at_k", "top_list"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
KINDS = ("kendall", "spearman")


def top_list(scores: ArrayLike, k: int, mask: ArrayLike | None = None) -> Flags:
    """Which candidates are the `k` best of their request.

    Of equal scores the earlier candidate is better, as when serving.

    Args:
        scores: `(requests, candidates)`; only their order counts.
        k: Length of the list; a request with fewer candidates has all in it.
        mask: `True` where a candidate is real.

    Returns:
        `(requests, candidates)` booleans.

    >>> top_list([[0.1, 0.9, 0.9, 0.3]], 2).tolist()
    [[False, True, True, False]]
    """
    if k < 1:
        raise InputError("k", received=k, expected="at least 1")
    values, real = check_requests(scores, mask)
    order = np.argsort(np.where(real, -values, np.inf), axis=1, kind="stable")
    chosen = np.zeros(values.shape, bool)
    np.put_along_axis(chosen, order[:, :k], True, axis=1)
    return chosen & real


def recall_at_k(
    relevant: ArrayLike, scores: ArrayLike, k: int, mask: ArrayLike | None = None
) -> float:
    """Share of a request's relevant candidates among its `k` best, averaged.

    With clicks as `relevant`, the share of clicks that stays; with
    `top_list(ranker_scores, n)`, the share of the ranker's list.

    Args:
        relevant: `(requests, candidates)` booleans, or zeros and ones.
        scores: `(requests, candidates)`.
        k: How many are kept.
        mask: `True` where a candidate is real.

    Returns:
        The mean over the requests that have a relevant candidate; NaN if none has.

    Raises:
        InputError: Shapes differ, a score is NaN, or `k` is below 1.

    >>> recall_at_k([[1, 0, 1, 0]], [[0.9, 0.8, 0.1, 0.2]], 2)
    0.5
    """
    chosen = top_list(scores, k, mask)
    flags, real = check_requests(relevant, mask, name="relevant")
    _check_shapes("relevant", flags, chosen)
    wanted = (flags > 0) & real
    return kept(wanted, chosen)


def kept(wanted: Flags, chosen: Flags) -> float:
    """Mean share of what is wanted that is chosen, over requests that want any."""
    counts = wanted.sum(axis=1)
    found = (wanted & chosen).sum(axis=1)
    asks = counts > 0
    return float(np.mean(found[asks] / counts[asks])) if asks.any() else float("nan")


def rank_correlation(
    scores: ArrayLike,
    others: ArrayLike,
    mask: ArrayLike | None = None,
    *,
    kind: str = "kendall",
) -> float:
    """How alike two models order the candidates of a request, averaged.

    Args:
        scores: `(requests, candidates)`.
        others: Scores of the other model, of that shape.
        mask: `True` where a candidate is real.
        kind: `"kendall"`: tau-b; `"spearman"`: rho of mean ranks.

    Returns:
        The mean over requests in which both models tell at least two candidates
        apart, in [-1, 1]; NaN if there is none.

    Raises:
        UnknownName: There is no such kind.
        InputError: Shapes differ, or a score is NaN.

    >>> rank_correlation([[1, 2, 3]], [[10, 30, 20]])
    0.3333333333333333
    """
    if kind not in KINDS:
        raise UnknownName("kind", kind, KINDS)
    one, real = check_requests(scores, mask)
    other, _ = check_requests(others, mask, name="others")
    _check_shapes("others", other, one)
    statistic = _kendall if kind == "kendall" else _spearman
    found = [
        statistic(a[places], b[places])
        for a, b, places in zip(one, other, real, strict=True)
    ]
    defined = [value for value in found if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")


def check_requests(
    values: ArrayLike, mask: ArrayLike | None, *, name: str = "scores"
) -> tuple[Floats, Flags]:
    """Float64 values `(requests, candidates)` without NaN, and which are real."""
    array = np.array(values, np.float64)
    if array.ndim != 2:
        raise InputError(
            name, received=f"shape {array.shape}", expected="(requests, candidates)"
        )
    real = np.ones(array.shape, bool) if mask is None else np.asarray(mask) > 0
    _check_shapes("mask", real, array)
    array[~real] = 0.0
    if np.isnan(array).any():
        place = tuple(int(n) for n in np.argwhere(np.isnan(array))[0])
        raise InputError(name, received=f"NaN at {place}", expected="numbers")
    return array, real


def _check_shapes(
    name: str, array: NDArray[np.generic], other: NDArray[np.generic]
) -> None:
    if array.shape != other.shape:
        raise InputError(
            name, received=f"shape {array.shape}", expected=f"{other.shape}"
        )


def _kendall(one: Floats, other: Floats) -> float:
    """Tau-b: pairs of one order less those of the other, ties taken off."""
    first, second = (np.sign(v[:, None] - v[None, :]) for v in (one, other))
    norm = np.sqrt(np.abs(first).sum() * np.abs(second).sum())
    return float((first * second).sum() / norm) if norm else float("nan")


def _spearman(one: Floats, other: Floats) -> float:
    first, second = (_ranks(v) - (len(v) - 1) / 2 for v in (one, other))
    norm = np.sqrt((first**2).sum() * (second**2).sum())
    return float((first * second).sum() / norm) if norm else float("nan")


def _ranks(values: Floats) -> Floats:
    """Ranks from 0; equal values share their mean."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray(((ends - counts) + (ends - 1))[codes] / 2, np.float64)
