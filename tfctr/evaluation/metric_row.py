"""All metrics of one label on one set of examples."""

import math
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from tfctr import metrics

__all__ = ["Examples", "MetricRow"]


@dataclass(frozen=True)
class Examples:
    """Arrays `(examples,)` of one label.

    Attributes:
        labels: Zeros and ones.
        probabilities: Predictions in [0, 1].
        weights: Weights >= 0; what has none does not count.
        groups: Whose examples they are, if known.
    """

    labels: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    weights: NDArray[np.float64]
    groups: NDArray[np.generic] | None

    def take(self, rows: NDArray[np.bool_]) -> "Examples":
        """The examples of these rows."""
        groups = None if self.groups is None else self.groups[rows]
        return Examples(
            self.labels[rows], self.probabilities[rows], self.weights[rows], groups
        )


@dataclass(frozen=True)
class MetricRow:
    """Metrics of one label on one set of examples; NaN where not defined.

    Attributes:
        count: Number of examples that have weight.
        positives: Number of those with label 1.
        auc: Area under the ROC curve, exact.
        gauc: AUC within each group (user), averaged by impressions; NaN also where
            groups are not known.
        log_loss: Mean log loss in nats.
        normalized_entropy: Log loss over that of the base rate.
        calibration_ratio: Mean prediction over mean label.
        expected_calibration_error: Mean gap over bins of equal mass.
    """

    count: int
    positives: int
    auc: float
    gauc: float
    log_loss: float
    normalized_entropy: float
    calibration_ratio: float
    expected_calibration_error: float

    @classmethod
    def measure(cls, examples: Examples, *, num_bins: int = 20) -> "MetricRow":
        """Computes all metrics.

        Args:
            examples: The arrays.
            num_bins: Bins of the expected calibration error.

        Returns:
            The row.
        """
        y, p, w = examples.labels, examples.probabilities, examples.weights
        gauc = float("nan")
        if examples.groups is not None:
            gauc = metrics.grouped_auc(y, p, examples.groups, w)
        return cls(
            count=int((w > 0).sum()),
            positives=int((y[w > 0] > 0).sum()),
            auc=metrics.auc(y, p, w),
            gauc=gauc,
            log_loss=metrics.log_loss(y, p, w),
            normalized_entropy=metrics.normalized_entropy(y, p, w),
            calibration_ratio=metrics.calibration_ratio(y, p, w),
            expected_calibration_error=metrics.expected_calibration_error(
                y, p, w, num_bins=num_bins
            ),
        )

    def to_dict(self) -> dict[str, float | int | None]:
        """Values by name, ready for JSON: what is not defined is `None`."""
        return {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in asdict(self).items()
        }
