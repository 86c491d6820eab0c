"""Log loss in proportion to that of the base rate."""

from collections.abc import Mapping

from keras import ops

from tfctr.losses.cross_entropy import cross_entropy
from tfctr.metrics.streaming.examples import Examples
from tfctr.metrics.streaming.running_sums import RunningSums, ratio
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["NormalizedEntropy"]


@serializable
class NormalizedEntropy(RunningSums):
    """Log loss divided by the log loss of always predicting the base rate.

    `NE = LogLoss / (-r log r - (1 - r) log(1 - r))`, where `r` is the weighted mean
    label. Below 1 a model knows more than the base rate; lower is better. Unlike log
    loss it can be compared between data sets of unlike base rate. NaN without
    examples, and where all examples are of one class (the base rate has no entropy).

    From X. He and others, Practical Lessons from Predicting Clicks on Ads at
    Facebook, 2014, section 3.

    Args:
        from_logits: Whether predictions are logits; else probabilities, clipped to
            `[1e-7, 1 - 1e-7]`.
        name: Name of the metric.
        dtype: Dtype in which single predictions are read and results given.

    >>> metric = NormalizedEntropy()
    >>> metric.update_state([1, 0], [0.0, 0.0])
    >>> round(float(metric.result()), 4)
    1.0
    """

    sums = ("loss", "label")

    def __init__(
        self,
        from_logits: bool = True,
        name: str | None = "normalized_entropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(from_logits, name, dtype)
        self._direction = "down"

    def terms(self, examples: Examples) -> Mapping[str, Tensor]:
        loss = cross_entropy(examples.labels, examples.logits)
        return {"loss": loss, "label": examples.labels}

    def formula(self, **sums: Tensor) -> Tensor:
        rate = ratio(sums["label"], sums["weight"])
        mixed = ops.logical_and(rate > 0, rate < 1)
        safe = ops.where(mixed, rate, 0.5)
        entropy = -safe * ops.log(safe) - (1 - safe) * ops.log1p(-safe)
        value = ratio(sums["loss"], sums["weight"]) / entropy
        return ops.where(mixed, value, float("nan"))
