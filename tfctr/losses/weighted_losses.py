"""Several losses of a label at once."""

from collections.abc import Mapping
from typing import Any

import keras

from tfctr.errors import InputError, UnknownName
from tfctr.losses.binary_cross_entropy import BinaryCrossEntropy
from tfctr.losses.focal_cross_entropy import FocalCrossEntropy
from tfctr.losses.zero_inflated_log_normal import ZeroInflatedLogNormal
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["LOSSES", "RANKING", "WeightedLosses"]

# It compares examples, so that models compute it: see `context_ranking_loss`.
RANKING = "context_ranking"
LOSSES: dict[str, type[BinaryCrossEntropy]] = {
    "binary_cross_entropy": BinaryCrossEntropy,
    "focal_cross_entropy": FocalCrossEntropy,
    "zero_inflated_log_normal": ZeroInflatedLogNormal,
}


@serializable
class WeightedLosses(BinaryCrossEntropy):
    """`sum_i w_i loss_i`, example by example.

    Args:
        losses: Weight of each loss by its name: `"binary_cross_entropy"`,
            `"focal_cross_entropy"`; `"zero_inflated_log_normal"` of values, alone.
            `"context_ranking"` is the second column of predictions `(rows, 2)`, which
            models put there; others see the first.
        name: Name of the loss.
        **kwargs: As for `BinaryCrossEntropy`.

    Raises:
        UnknownName: There is no such loss.
        InputError: No loss, or a weight that is negative or no number.

    >>> loss = WeightedLosses({"binary_cross_entropy": 2.0})
    >>> round(float(loss(keras.ops.ones(1), keras.ops.zeros(1))), 4)
    1.3863
    """

    def __init__(
        self,
        losses: Mapping[str, float],
        name: str | None = "weighted_losses",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        if not losses:
            raise InputError("losses", received="none", expected="at least one loss")
        for loss, weight in losses.items():
            if loss not in (*LOSSES, RANKING):
                raise UnknownName("losses", loss, (*LOSSES, RANKING))
            if not 0 <= weight < float("inf"):
                raise InputError(
                    f"losses.{loss}", received=weight, expected="a number >= 0"
                )
        self.losses = dict(losses)
        self.parts: dict[str, keras.losses.Loss] = {
            loss: LOSSES[loss]() for loss in losses if loss != RANKING
        }

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        weighted = []
        if RANKING in self.losses:
            y_pred, ranking = y_pred[..., :1], y_pred[..., 1:]
            weighted.append(self.losses[RANKING] * ranking)
        weighted += [
            self.losses[name] * part.call(y_true, y_pred)
            for name, part in self.parts.items()
        ]
        return sum(weighted[1:], weighted[0])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "losses": self.losses}
