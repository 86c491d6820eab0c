"""Cross-entropy that easy examples hardly count in."""

from typing import Any

from keras import ops

from tfctr.errors import InputError
from tfctr.losses.binary_cross_entropy import BinaryCrossEntropy
from tfctr.losses.cross_entropy import cross_entropy
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["FocalCrossEntropy"]


@serializable
class FocalCrossEntropy(BinaryCrossEntropy):
    """`-a_y (1 - p_y)^gamma log p_y`, `p_y` the probability of what happened.

    What it trains is no probability: predictions are drawn towards 1/2. Where the
    score is used as one, take it beside `BinaryCrossEntropy`, or calibrate.

    Args:
        gamma: How little easy examples count; 0 gives cross-entropy.
        alpha: Share of the positives' weight, the negatives have `1 - alpha`; without,
            each has 1.
        name: Name of the loss.
        **kwargs: As for `BinaryCrossEntropy`.

    Source: Lin et al., Focal Loss for Dense Object Detection, ICCV 2017, equation (5).

    >>> round(float(FocalCrossEntropy(gamma=1.0)(ops.ones(1), ops.zeros(1))), 4)
    0.3466
    """

    def __init__(
        self,
        gamma: float = 2.0,
        alpha: float | None = None,
        name: str | None = "focal_cross_entropy",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        if not gamma >= 0:
            raise InputError("gamma", received=gamma, expected="at least 0")
        if alpha is not None and not 0 < alpha < 1:
            raise InputError("alpha", received=alpha, expected="between 0 and 1")
        self.gamma, self.alpha = gamma, alpha

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        losses = cross_entropy(y_true, y_pred)
        # (1 - p_y)^gamma, without a power of what may be 0.
        surprise = ops.log_sigmoid((1 - 2 * y_true) * y_pred)
        losses = ops.exp(self.gamma * surprise) * losses
        if self.alpha is None:
            return losses
        return losses * (y_true * self.alpha + (1 - y_true) * (1 - self.alpha))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gamma": self.gamma, "alpha": self.alpha}
