"""Mean distance of predicted values from observed ones."""

from collections.abc import Mapping

from keras import ops

from tfctr.metrics.streaming.running_sums import ratio
from tfctr.metrics.streaming.value_sums import ValueSums
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["MeanValueError"]


@serializable
class MeanValueError(ValueSums):
    """Mean of `|expected - value|`, weighted.

    NaN without examples, and where a value, prediction or weight is below 0. Where
    most values are 0, the least of it is at the median, which is 0 too: read it
    beside the ratio.

    Args:
        from_logits: Whether predictions are logarithms of values, as models give
            them; else the values.
        name: Name of the metric.
        dtype: Dtype in which single predictions are read and results given.

    >>> metric = MeanValueError(from_logits=False)
    >>> metric.update_state([4.0, 0.0], [2.0, 1.0])
    >>> float(metric.result())
    1.5
    """

    sums = ("error",)

    def __init__(
        self,
        from_logits: bool = True,
        name: str | None = "mean_value_error",
        dtype: str | None = None,
    ) -> None:
        super().__init__(from_logits, name, dtype)

    def value_terms(self, values: Tensor, expected: Tensor) -> Mapping[str, Tensor]:
        return {"error": ops.abs(expected - values)}

    def formula(self, **sums: Tensor) -> Tensor:
        return ratio(sums["error"], sums["weight"])
