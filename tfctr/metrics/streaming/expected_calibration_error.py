"""Mean gap between predicted and observed rates over bins of equal mass."""

from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.metrics.streaming.examples import read_examples
from tfctr.metrics.streaming.running_sums import ratio
from tfctr.metrics.streaming.score_scale import bin_index, count_invalid, invalid_count
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["ExpectedCalibrationError"]

NUM_FINE_BINS = 2000


@serializable
class ExpectedCalibrationError(keras.metrics.Metric):
    """`sum_b (n_b / n) * |mean prediction_b - mean label_b|` over bins of equal mass.

    Bins hold equal weight, not equal ranges of probability: click predictions crowd
    near zero, and bins of equal width would put nearly all of them into the first.
    To be streaming and independent of order, predictions first go into 2,000 fine
    bins of the squashed logit (`tfctr.metrics.streaming.score_scale`); the result joins
    neighbours into `num_bins` of about equal weight and never splits a fine bin. So
    with few distinct predictions there are fewer bins.

    NaN without examples. With examples of one class it is defined.

    Args:
        num_bins: Number of bins of equal mass.
        from_logits: Whether predictions are logits; else probabilities, clipped to
            `[1e-7, 1 - 1e-7]`.
        name: Name of the metric.
        dtype: Dtype in which single predictions are read and results given.

    Raises:
        InputError: `num_bins` is not positive.

    >>> metric = ExpectedCalibrationError(num_bins=2, from_logits=False)
    >>> metric.update_state([0, 0, 1, 0], [0.1, 0.1, 0.8, 0.8])
    >>> round(float(metric.result()), 4)  # (0.1 - 0) / 2 + (0.8 - 0.5) / 2
    0.2
    """

    def __init__(
        self,
        num_bins: int = 20,
        from_logits: bool = True,
        name: str | None = "expected_calibration_error",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if num_bins < 1:
            raise InputError("num_bins", received=num_bins, expected="at least 1")
        self._direction = "down"
        self.num_bins = num_bins
        self.from_logits = from_logits
        # Columns: weight, predicted positives, observed positives.
        self.fine_bins = self.add_variable(
            shape=(NUM_FINE_BINS, 3),
            initializer="zeros",
            dtype="float64",
            name="fine_bins",
        )
        self.invalid = invalid_count(self)

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        labels, logits, weights = read_examples(
            y_true,
            y_pred,
            sample_weight,
            from_logits=self.from_logits,
            dtype=self.dtype,
        )
        self.invalid.assign_add(count_invalid(labels, logits, weights))
        rates = ops.stack([ops.ones_like(labels), ops.sigmoid(logits), labels], axis=1)
        values = ops.cast(rates * weights[:, None], "float64")
        self.fine_bins.assign_add(
            ops.segment_sum(
                ops.nan_to_num(values),
                bin_index(logits, NUM_FINE_BINS),
                num_segments=NUM_FINE_BINS,
            )
        )

    def result(self) -> Tensor:
        fine = ops.convert_to_tensor(self.fine_bins)
        bins = ops.segment_sum(
            fine, equal_mass_bin(fine[:, 0], self.num_bins), num_segments=self.num_bins
        )
        gap = ops.sum(ops.abs(bins[:, 1] - bins[:, 2]))
        error = ratio(gap, ops.sum(fine[:, 0]))
        error = ops.where(self.invalid > 0, float("nan"), error)
        return ops.cast(error, self.dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_bins": self.num_bins,
            "from_logits": self.from_logits,
        }


def equal_mass_bin(mass: Tensor, num_bins: int) -> Tensor:
    """Bin of each of a row of masses: where its middle lies in the total."""
    middle = ops.cumsum(mass) - mass / 2
    total = ops.maximum(ops.sum(mass), 1e-300)
    # The small number keeps a middle that falls on a border on one side of it,
    # whatever the order in which rounded masses were summed.
    index = ops.cast(ops.floor(middle / total * num_bins + 1e-9), "int32")
    return ops.clip(index, 0, num_bins - 1)
