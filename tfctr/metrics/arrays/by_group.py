"""Exact AUC within groups, on numpy arrays."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.errors import InputError

__all__ = ["GroupAUCs", "check_examples", "group_aucs", "grouped_auc", "sum_by"]

Floats = NDArray[np.float64]


class GroupAUCs(NamedTuple):
    """The AUC of each group that has examples of both classes.

    Attributes:
        groups: `(groups,)`, ascending.
        auc: `(groups,)` in [0, 1].
        weights: `(groups,)`: weight of all examples of the group.
    """

    groups: NDArray[Any]
    auc: Floats
    weights: Floats


def grouped_auc(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike,
    weights: ArrayLike | None = None,
) -> float:
    """GAUC: the AUC within each group, averaged with the groups' weights.

    Exact; ties count half. A group weighs as much as its examples (impressions).
    Groups with examples of one class only have no AUC and are left out; if that
    leaves none, the result is NaN.

    From H. Zhu and others, Optimized Cost per Click in Taobao Display Advertising,
    2017.

    Args:
        labels: `(examples,)` zeros and ones.
        scores: `(examples,)` logits or probabilities; only their order counts.
        groups: `(examples,)` of any sortable dtype, for example user ids.
        weights: `(examples,)` >= 0; one each by default.

    Returns:
        The mean, or NaN.

    Raises:
        InputError: Lengths differ, or a value is NaN or out of range.

    >>> grouped_auc([1, 0, 0, 1], [0.9, 0.1, 0.8, 0.2], ["ann", "ann", "bob", "bob"])
    0.5
    """
    result = group_aucs(labels, scores, groups, weights)
    total = result.weights.sum()
    return float(result.auc @ result.weights / total) if total > 0 else float("nan")


def group_aucs(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike,
    weights: ArrayLike | None = None,
) -> GroupAUCs:
    """The AUC of each group; arguments and errors as in `grouped_auc`."""
    y, s, w = check_examples(labels, scores, weights)
    if not np.isin(y, (0.0, 1.0)).all():
        wrong = y[~np.isin(y, (0.0, 1.0))][0]
        raise InputError("labels", received=f"the value {wrong}", expected="0 and 1")
    names = np.asarray(groups).reshape(-1)
    if len(names) != len(y):
        raise InputError(
            "groups",
            received=f"{len(names)} values",
            expected=f"{len(y)}, one for each label",
        )
    names, codes = np.unique(names, return_inverse=True)
    order = np.lexsort((s, codes))
    return _areas(names, codes[order], *(v[order] for v in (y, s, w)))


def _areas(
    names: NDArray[Any], codes: NDArray[Any], y: Floats, s: Floats, w: Floats
) -> GroupAUCs:
    """Areas of examples that are sorted by group and score.

    A positive wins against the negatives before its block of ties, and half of
    those inside the block: the mean of the running negatives at both its ends.
    """
    positive, negative = w * y, w * (1.0 - y)
    running = np.concatenate([[0.0], np.cumsum(negative)])
    new_group = np.diff(codes, prepend=-1) != 0
    new_block = new_group | (np.diff(s, prepend=np.nan) != 0)
    starts = np.flatnonzero(new_block)
    ends = np.append(starts[1:], len(s))[: len(starts)]
    block = np.cumsum(new_block) - 1
    before = running[np.flatnonzero(new_group)][codes]
    wins = (running[starts] + running[ends])[block] / 2 - before

    size = len(names)
    sums = [
        sum_by(codes, values, size)
        for values in (positive * wins, positive, negative, w)
    ]
    won, of_positives, of_negatives, total = sums
    both = (of_positives > 0) & (of_negatives > 0)
    auc = won[both] / (of_positives[both] * of_negatives[both])
    return GroupAUCs(names[both], auc, total[both])


def sum_by(codes: NDArray[np.int64], values: Floats, size: int) -> Floats:
    """Sum of the values of each code in [0, size)."""
    return np.asarray(np.bincount(codes, values, minlength=size), np.float64)


def check_examples(
    labels: ArrayLike, predictions: ArrayLike, weights: ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    """Flat float64 arrays of equal length, without NaN and negative weights.

    What has no weight may hold anything, and becomes zero.
    """
    arrays = {"weights": weights, "labels": labels, "predictions": predictions}
    flat = {
        name: np.array(1.0 if values is None else values, np.float64).reshape(-1)
        for name, values in arrays.items()
    }
    size = len(flat["labels"])
    if len(flat["weights"]) == 1:
        flat["weights"] = np.full(size, flat["weights"][0])
    for name, values in flat.items():
        if len(values) != size:
            raise InputError(
                name,
                received=f"{len(values)} values",
                expected=f"{size}, one for each label",
            )
    for name, values in flat.items():
        if name != "weights":
            values[flat["weights"] == 0] = 0.0
        if np.isnan(values).any():
            first = int(np.flatnonzero(np.isnan(values))[0])
            raise InputError(name, received=f"NaN at {first}", expected="numbers")
    if (flat["weights"] < 0).any():
        lowest = flat["weights"].min()
        raise InputError("weights", received=lowest, expected="no negative weight")
    return flat["labels"], flat["predictions"], flat["weights"]
