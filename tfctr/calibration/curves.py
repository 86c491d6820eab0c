"""Curves that calibrate: fitted to labels, or known beforehand."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.calibration.curve import Curve
from tfctr.errors import InputError

__all__ = ["isotonic_curve", "platt_curve", "prior_curve"]

# Newton's method on two numbers takes about six steps.
MAX_STEPS = 100
# Pools beyond this many are joined, and so are neighbours beyond that many examples.
MAX_POOLS = 50
MAX_POINTS = 20_000
# A pool has one rate; so that it keeps order, its logits rise by this slope.
MIN_SLOPE = 1e-3
# Between pools it rises by no more than this, or the last bit of a logit, which is not
# the same in every graph, would show in the probability.
MAX_SLOPE = 10.0
Pool = tuple[float, float, float, float]


def prior_curve(negative_rate: float) -> Curve:
    """Undoes the down-sampling of negatives: `p' = p / (p + (1 - p) / r)`.

    Args:
        negative_rate: Share `r` of the negatives that were kept, in (0, 1].

    Raises:
        InputError: It is not in that range.

    >>> round(float(prior_curve(0.1)(0.0)), 4)  # ten times the negatives
    -2.3026
    """
    if not 0 < negative_rate <= 1:
        raise InputError(
            "negative_rate", received=negative_rate, expected="a share in (0, 1]"
        )
    return Curve(offset=math.log(negative_rate))


def platt_curve(
    logits: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> Curve:
    """`a * x + b` of the least log loss; `a` stays positive.

    Args:
        logits: `(examples,)`.
        labels: `(examples,)` zeros and ones.
        weights: `(examples,)`, all 1 by default.

    Raises:
        InputError: There is only one class.

    Source: Platt, Probabilistic Outputs for Support Vector Machines, 1999, without
    its prior on labels.
    """
    x, y, w = _examples(logits, labels, weights)
    # In units of the spread, so that one step length suits both numbers.
    center, spread = np.average(x, weights=w), max(float(np.std(x)), 1e-6)
    design = np.stack([(x - center) / spread, np.ones_like(x)], axis=1)
    rate = np.average(y, weights=w)
    found = np.array([0.0, math.log(rate / (1 - rate))])
    for _ in range(MAX_STEPS):
        p = 1 / (1 + np.exp(-design @ found))
        gradient = design.T @ (w * (p - y))
        curvature = (design * (w * p * (1 - p))[:, None]).T @ design
        curvature += 1e-9 * np.trace(curvature) * np.eye(2) + 1e-12 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        found = found - step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-10:
            break
    slope = max(float(found[0]) / spread, 1e-3)
    # With a slope that may not fall, the offset that meets the observed rate.
    offset = float(found[1]) - float(found[0]) * center / spread
    if slope == 1e-3:
        offset = math.log(rate / (1 - rate)) - slope * center
    return Curve(slope, offset)


def isotonic_curve(
    logits: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> Curve:
    """Observed rates of examples of like logits, made to rise, as a curve.

    Pools adjacent violators. Over a pool the curve is level, but for a slope of 0.001
    that keeps order; between pools it is linear, by a slope of at most 10: where pools
    are too close for it, their edges give way, or they are joined. A rate of 0 or 1 is
    moved by half an example.

    Args:
        logits: `(examples,)`.
        labels: `(examples,)` zeros and ones.
        weights: `(examples,)`, all 1 by default.

    Raises:
        InputError: There is only one class.

    Source: Zadrozny and Elkan, Transforming Classifier Scores into Accurate
    Multiclass Probability Estimates, KDD 2002.
    """
    x, y, w = _examples(logits, labels, weights)
    pools, half = _binned(_pooled(x, y, w)), 0.5 * w.mean()
    level, low, high = _apart(pools, half)
    rise = MIN_SLOPE * (high - low) / 2
    points = np.stack([level - rise, level + rise], axis=1).ravel()
    places = np.stack([low, high], axis=1).ravel()
    kept = [0]
    for place in range(1, len(points)):
        above = points[place] - points[kept[-1]], places[place] - places[kept[-1]]
        if min(above) > 1e-9:
            kept.append(place)
    return Curve.through(places[kept], points[kept])


def _levels(pools: NDArray[np.float64], half: float) -> NDArray[np.float64]:
    """Logits of the pools' rates, none of them infinite."""
    weight, rate = pools[:, 0], pools[:, 3]
    rate = np.clip(rate, half / (weight + 2 * half), 1 - half / (weight + 2 * half))
    return np.asarray(np.maximum.accumulate(np.log(rate / (1 - rate))))


def _apart(
    pools: NDArray[np.float64], half: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Level and edges of pools, far enough from each other for the largest slope."""
    while True:
        level = _levels(pools, half)
        low, high = pools[:, 1], pools[:, 2]
        room = (high - low) / 2  # that a pool gives at either edge
        lacking = np.diff(level) / MAX_SLOPE - (low[1:] - high[:-1])
        short = np.flatnonzero(lacking > room[:-1] + room[1:])
        if not len(short):
            break
        place = short[np.argmax((lacking - room[:-1] - room[1:])[short])]
        joined = _joined(tuple(pools[place]), tuple(pools[place + 1]))
        pools = np.concatenate([pools[:place], [joined], pools[place + 2 :]])
    lacking = np.maximum(lacking, 0)
    left = np.clip(lacking / 2, lacking - room[1:], room[:-1])
    return level, low + np.append(0, lacking - left), high - np.append(left, 0)


def _pooled(
    x: NDArray[np.float64], y: NDArray[np.float64], w: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weight, lowest and highest logit and rate of pools whose rates rise."""
    x, y, w = _grouped(x, y, w)
    pools: list[Pool] = []
    for value, label, weight in zip(x.tolist(), y.tolist(), w.tolist(), strict=True):
        own = (weight, value, value, label)
        while pools and pools[-1][3] >= own[3]:
            own = _joined(pools.pop(), own)
        pools.append(own)
    return np.array(pools)


def _grouped(
    x: NDArray[np.float64], y: NDArray[np.float64], w: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean logit, rate and weight of examples of one logit, or of like ones of many."""
    values, groups = np.unique(x, return_inverse=True)
    if len(values) > MAX_POINTS:
        groups = groups * MAX_POINTS // len(values)
    weight = np.bincount(groups, w).astype("float64")
    rate = np.bincount(groups, w * y) / weight
    return np.bincount(groups, w * x) / weight, rate, weight


def _binned(pools: NDArray[np.float64]) -> NDArray[np.float64]:
    """At most `MAX_POOLS` pools, of about equal weight where some are joined."""
    if len(pools) <= MAX_POOLS:
        return pools
    weight = pools[:, 0]
    shares = (np.cumsum(weight) - weight / 2) / weight.sum()
    places = np.minimum((shares * MAX_POOLS).astype(int), MAX_POOLS - 1)
    starts = np.flatnonzero(np.diff(places, prepend=-1))
    total = np.add.reduceat(weight, starts)
    rate = np.add.reduceat(weight * pools[:, 3], starts) / total
    ends = np.append(starts[1:], len(pools)) - 1
    return np.stack([total, pools[starts, 1], pools[ends, 2], rate], axis=1)


def _joined(first: Pool, second: Pool) -> Pool:
    weight = first[0] + second[0]
    rate = first[3] + second[0] / weight * (second[3] - first[3])
    return (weight, first[1], second[2], rate)


def _examples(
    logits: ArrayLike, labels: ArrayLike, weights: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The examples that count, after a check that there are both classes."""
    x, y = (np.asarray(v, "float64").reshape(-1) for v in (logits, labels))
    w = np.ones_like(x) if weights is None else np.asarray(weights, "float64").ravel()
    if not len(x) == len(y) == len(w):
        sizes = f"{len(x)} logits, {len(y)} labels, {len(w)} weights"
        raise InputError("examples", received=sizes, expected="equally many")
    counts = w > 0
    x, y, w = x[counts], y[counts], w[counts]
    if not np.isfinite(x).all():
        raise InputError("logits", received="NaN or infinity", expected="numbers")
    positives = float((y > 0.5).sum())
    if not 0 < positives < len(y):
        raise InputError(
            "labels",
            received=f"{positives:g} positives of {len(y)} examples that count",
            expected="both classes",
        )
    return x, y, w
