"""Sum of predicted values in proportion to that of observed ones."""

from collections.abc import Mapping

from tfctr.metrics.streaming.running_sums import ratio
from tfctr.metrics.streaming.value_sums import ValueSums
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["ValueRatio"]


@serializable
class ValueRatio(ValueSums):
    """Mean predicted value divided by the mean observed one, weighted.

    1 is right on average, 1.1 predicts 10 % too much. NaN where all values are 0. A
    value, prediction or weight below 0 gives NaN.

    Args:
        from_logits: Whether predictions are logarithms of values, as models give
            them; else the values.
        name: Name of the metric.
        dtype: Dtype in which single predictions are read and results given.

    >>> metric = ValueRatio(from_logits=False)
    >>> metric.update_state([4.0, 0.0], [2.0, 1.0])
    >>> float(metric.result())
    0.75
    """

    sums = ("expected", "value")

    def __init__(
        self,
        from_logits: bool = True,
        name: str | None = "value_ratio",
        dtype: str | None = None,
    ) -> None:
        super().__init__(from_logits, name, dtype)

    def value_terms(self, values: Tensor, expected: Tensor) -> Mapping[str, Tensor]:
        return {"expected": expected, "value": values}

    def formula(self, **sums: Tensor) -> Tensor:
        return ratio(sums["expected"], sums["value"])
