"""The mean log loss of predicted probabilities."""

from collections.abc import Mapping

from tfctr.losses.cross_entropy import cross_entropy
from tfctr.metrics.streaming.examples import Examples
from tfctr.metrics.streaming.running_sums import RunningSums, ratio
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["LogLoss"]


@serializable
class LogLoss(RunningSums):
    """Mean of `-y log p - (1 - y) log(1 - p)`, in nats, weighted.

    Computed from logits, so that sure and wrong predictions cost what they should:
    no probability is clipped. NaN without examples.

    Args:
        from_logits: Whether predictions are logits; else probabilities, clipped to
            `[1e-7, 1 - 1e-7]`.
        name: Name of the metric.
        dtype: Dtype in which single predictions are read and results given.

    >>> metric = LogLoss()
    >>> metric.update_state([1, 0], [0.0, 0.0])
    >>> round(float(metric.result()), 4)
    0.6931
    """

    sums = ("loss",)

    def __init__(
        self,
        from_logits: bool = True,
        name: str | None = "log_loss",
        dtype: str | None = None,
    ) -> None:
        super().__init__(from_logits, name, dtype)
        self._direction = "down"

    def terms(self, examples: Examples) -> Mapping[str, Tensor]:
        return {"loss": cross_entropy(examples.labels, examples.logits)}

    def formula(self, **sums: Tensor) -> Tensor:
        return ratio(sums["loss"], sums["weight"])
