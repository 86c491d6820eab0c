"""Mean prediction in proportion to what was observed."""

from collections.abc import Mapping

from keras import ops

from tfctr.metrics.streaming.examples import Examples
from tfctr.metrics.streaming.running_sums import RunningSums, ratio
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["CalibrationRatio"]


@serializable
class CalibrationRatio(RunningSums):
    """Mean predicted probability divided by the mean label, weighted.

    1 is right on average, 1.1 predicts 10 % too much. TFMA calls it `Calibration`.
    NaN where nothing positive was observed.

    Args:
        from_logits: Whether predictions are logits; else probabilities, clipped to
            `[1e-7, 1 - 1e-7]`.
        name: Name of the metric.
        dtype: Dtype in which single predictions are read and results given.

    >>> metric = CalibrationRatio(from_logits=False)
    >>> metric.update_state([1, 0, 0, 0], [0.5, 0.25, 0.25, 0.5])
    >>> round(float(metric.result()), 4)
    1.5
    """

    sums = ("prediction", "label")

    def __init__(
        self,
        from_logits: bool = True,
        name: str | None = "calibration_ratio",
        dtype: str | None = None,
    ) -> None:
        super().__init__(from_logits, name, dtype)

    def terms(self, examples: Examples) -> Mapping[str, Tensor]:
        return {
            "prediction": ops.sigmoid(examples.logits),
            "label": examples.labels,
        }

    def formula(self, **sums: Tensor) -> Tensor:
        return ratio(sums["prediction"], sums["label"])
