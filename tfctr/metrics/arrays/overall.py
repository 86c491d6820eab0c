"""Metrics of arrays of labels and probabilities, exact and in float64.

All take labels in [0, 1], probabilities in [0, 1] and optional weights >= 0, raise
`InputError` for NaN, other ranges and unlike lengths, and give NaN where the Keras
metric of the same name does.
"""

import numpy as np
from numpy.typing import ArrayLike

from tfctr.errors import InputError
from tfctr.metrics.arrays.by_group import (
    Floats,
    check_examples,
    grouped_auc,
    sum_by,
)

__all__ = [
    "auc",
    "calibration_bins",
    "calibration_ratio",
    "expected_calibration_error",
    "log_loss",
    "normalized_entropy",
]

# The smallest distance from 0 and 1 that a float64 probability keeps.
SMALLEST_PROBABILITY = 1e-15


def auc(
    labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None
) -> float:
    """Exact area under the ROC curve; ties count half. Needs labels 0 and 1.

    >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    return grouped_auc(labels, scores, np.zeros(np.size(labels), np.int8), weights)


def log_loss(
    labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None
) -> float:
    """Mean of `-y log p - (1 - y) log(1 - p)`, with `p` in [1e-15, 1 - 1e-15].

    >>> round(log_loss([1, 0], [0.5, 0.5]), 4)
    0.6931
    """
    y, p, w = _check(labels, probabilities, weights)
    p = np.clip(p, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return _mean(-y * np.log(p) - (1 - y) * np.log1p(-p), w)


def normalized_entropy(
    labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None
) -> float:
    """Log loss divided by the entropy of the base rate; NaN for one class.

    >>> normalized_entropy([1, 0], [0.5, 0.5])
    1.0
    """
    y, _, w = _check(labels, probabilities, weights)
    rate = _mean(y, w)
    if not 0 < rate < 1:
        return float("nan")
    entropy = -rate * np.log(rate) - (1 - rate) * np.log1p(-rate)
    return float(log_loss(labels, probabilities, weights) / entropy)


def calibration_ratio(
    labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None
) -> float:
    """Mean probability divided by mean label; NaN without positives.

    >>> calibration_ratio([1, 0], [0.75, 0.0])
    0.75
    """
    y, p, w = _check(labels, probabilities, weights)
    observed = float(w @ y)
    return float(w @ p) / observed if observed > 0 else float("nan")


def expected_calibration_error(
    labels: ArrayLike,
    probabilities: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    num_bins: int = 20,
) -> float:
    """Mean gap between predicted and observed rates over bins of equal mass.

    Equal probabilities are never split between bins.

    >>> expected_calibration_error([0, 1], [0.25, 0.75], num_bins=2)
    0.25
    """
    mass, predicted, observed = calibration_bins(
        labels, probabilities, weights, num_bins=num_bins
    )
    if not len(mass):
        return float("nan")
    return float(mass @ np.abs(predicted - observed) / mass.sum())


def calibration_bins(
    labels: ArrayLike,
    probabilities: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    num_bins: int = 20,
) -> tuple[Floats, Floats, Floats]:
    """Weight, mean prediction and mean label of each bin that is not empty."""
    if num_bins < 1:
        raise InputError("num_bins", received=num_bins, expected="at least 1")
    y, p, w = _check(labels, probabilities, weights)
    _, value = np.unique(p, return_inverse=True)
    mass_of_value = sum_by(value, w, 0)
    middle = np.cumsum(mass_of_value) - mass_of_value / 2
    share = middle / max(float(w.sum()), 1e-300)
    # The small number decides for values whose middle falls on a border.
    bin_of_value = np.minimum((share * num_bins + 1e-9).astype(int), num_bins - 1)
    bins = bin_of_value[value]
    mass, predicted, observed = (sum_by(bins, v, num_bins) for v in (w, w * p, w * y))
    used = mass > 0
    mass = mass[used]
    return mass, predicted[used] / mass, observed[used] / mass


def _check(
    labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    y, p, w = check_examples(labels, probabilities, weights)
    for name, values in (("labels", y), ("probabilities", p)):
        if len(values) and not (values.min() >= 0 and values.max() <= 1):
            raise InputError(
                name,
                received=f"values from {values.min():g} to {values.max():g}",
                expected="values from 0 to 1",
            )
    return y, p, w


def _mean(values: Floats, weights: Floats) -> float:
    total = float(weights.sum())
    return float(weights @ values) / total if total > 0 else float("nan")
