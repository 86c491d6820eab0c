"""How a cascade fares as its first stage keeps fewer candidates."""

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.errors import InputError
from tfctr.metrics.arrays.by_request import (
    check_requests,
    kept,
    rank_correlation,
    top_list,
)

__all__ = ["CascadePoint", "CascadeReport", "cascade_report"]


@dataclass(frozen=True)
class CascadePoint:
    """The cascade at one cut.

    Attributes:
        cut: How many candidates the first stage keeps.
        ranker_recall: Share of the ranker's list of `k` that the cut keeps.
        clicked_recall: Share of clicked candidates that the cut keeps.
        ndcg: NDCG of the final list of `k`: the best of what is kept by the ranker.
        clicked_in_list: Share of clicked candidates in that list.
    """

    cut: int
    ranker_recall: float
    clicked_recall: float
    ndcg: float
    clicked_in_list: float


@dataclass(frozen=True)
class CascadeReport:
    """What a pre-ranking model does to a ranker's lists.

    Attributes:
        k: Length of the final list.
        requests: Number of requests.
        kendall: Mean tau-b of the two stages' orders.
        spearman: Mean rho of them.
        curve: The cascade at each cut, the smallest first; the last keeps everything.
    """

    k: int
    requests: int
    kendall: float
    spearman: float
    curve: tuple[CascadePoint, ...]

    def to_dict(self) -> dict[str, Any]:
        """All numbers, ready for JSON; what is not defined is `None`."""
        curve = [{n: _number(v) for n, v in asdict(p).items()} for p in self.curve]
        rest = {n: getattr(self, n) for n in ("k", "requests", "kendall", "spearman")}
        return {n: _number(v) for n, v in rest.items()} | {"curve": curve}

    def to_markdown(self) -> str:
        """The curve as a table; `-` stands for what is not defined."""
        titles = (
            "cut",
            f"recall of the ranker's top {self.k}",
            "recall of clicked",
            f"NDCG@{self.k}",
            f"clicked in the top {self.k}",
        )
        lines = [f"| {' | '.join(titles)} |", "|" + "---:|" * len(titles)]
        for point in self.curve:
            values = [_number(v) for v in asdict(point).values()][1:]
            cells = ["-" if v is None else f"{v:.4f}" for v in values]
            lines.append(f"| {point.cut:,} | {' | '.join(cells)} |")
        return "\n".join(lines) + "\n"

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draws the curve to a file.

        Args:
            path: The file; its ending says the format, such as `.png` or `.svg`.
        """
        # It takes half a second to import, and only plots need it.
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.add_subplot()
        cuts = [point.cut for point in self.curve]
        for name in ("ranker_recall", "clicked_recall", "ndcg"):
            values = [getattr(point, name) for point in self.curve]
            axes.plot(cuts, values, marker="o", label=name.replace("_", " "))
        axes.set(xlabel="candidates kept", ylim=(0, 1.02))
        axes.set_xscale("log")
        axes.legend()
        figure.savefig(path)


def cascade_report(
    scores: ArrayLike,
    ranker_scores: ArrayLike,
    labels: ArrayLike,
    mask: ArrayLike | None = None,
    *,
    k: int = 10,
    cuts: Iterable[int] | None = None,
) -> CascadeReport:
    """Measures a first stage against a ranker, and the cascade of both.

    Args:
        scores: `(requests, candidates)` of the pre-ranking model.
        ranker_scores: Scores of the ranking model, of that shape.
        labels: Clicks, zeros and ones, of that shape.
        mask: `True` where a candidate is real.
        k: Length of the final list.
        cuts: How many candidates the first stage keeps; by default `k`, twice that,
            and so on. The cut that keeps everything is always last.

    Returns:
        The report.

    Raises:
        InputError: Shapes differ, a score is NaN, there are no candidates, or a
            number is below 1.

    >>> report = cascade_report([[1, 3, 2]], [[3, 1, 2]], [[1, 0, 0]], k=1, cuts=[1, 2])
    >>> [point.ranker_recall for point in report.curve]
    [0.0, 0.0, 1.0]
    """
    first, real = check_requests(scores, mask)
    second, _ = check_requests(ranker_scores, mask, name="ranker_scores")
    clicks, _ = check_requests(labels, mask, name="labels")
    for name, array in (("ranker_scores", second), ("labels", clicks)):
        if array.shape != first.shape:
            raise InputError(
                name, received=f"shape {array.shape}", expected=str(first.shape)
            )
    if not real.any():
        raise InputError("scores", received="no candidates", expected="some")
    ranker_list = top_list(second, k, real)
    points = []
    for cut in _cuts(cuts, k, int(real.sum(axis=1).max())):
        chosen = top_list(first, cut, real)
        final = top_list(second, k, chosen)
        points.append(
            CascadePoint(
                cut,
                kept(ranker_list, chosen),
                kept(clicks > 0, chosen),
                _ndcg(second, clicks, final, k),
                kept(clicks > 0, final),
            )
        )
    kendall, spearman = (
        rank_correlation(first, second, real, kind=kind)
        for kind in ("kendall", "spearman")
    )
    return CascadeReport(k, len(first), kendall, spearman, tuple(points))


def _cuts(cuts: Iterable[int] | None, k: int, most: int) -> list[int]:
    if cuts is None:
        cuts = [k * 2**n for n in range(32) if k * 2**n < most]
    return sorted({int(cut) for cut in cuts if cut < most} | {most})


def _ndcg(
    scores: NDArray[np.float64],
    clicks: NDArray[np.float64],
    final: NDArray[np.bool_],
    k: int,
) -> float:
    """Mean over requests with a click of DCG over the best possible DCG of `k`."""
    order = np.argsort(np.where(final, -scores, np.inf), axis=1, kind="stable")[:, :k]
    discounts = 1 / np.log2(np.arange(order.shape[1]) + 2)
    gains = np.take_along_axis(np.where(final, clicks, 0.0), order, axis=1)
    ideal = -np.sort(-clicks, axis=1)[:, :k] @ discounts
    asks = ideal > 0
    if not asks.any():
        return float("nan")
    return float(np.mean((gains @ discounts)[asks] / ideal[asks]))


def _number(value: float) -> float | None:
    return None if np.isnan(value) else value
