"""Several losses of a label at once."""

from collections.abc import Mapping
from typing import Any

import keras

from tfctr.errors import InputError, UnknownName
from tfctr.losses.binary_cross_entropy import BinaryCrossEntropy
from tfctr.losses.focal_cross_entropy import FocalCrossEntropy
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["LOSSES", "WeightedLosses"]

LOSSES: dict[str, type[BinaryCrossEntropy]] = {
    "binary_cross_entropy": BinaryCrossEntropy,
    "focal_cross_entropy": FocalCrossEntropy,
}


@serializable
class WeightedLosses(BinaryCrossEntropy):
    """`sum_i w_i loss_i`, example by example.

    Args:
        losses: Weight of each loss by its name: `"binary_cross_entropy"`,
            `"focal_cross_entropy"`.
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
            if loss not in LOSSES:
                raise UnknownName("losses", loss, LOSSES)
            if not 0 <= weight < float("inf"):
                raise InputError(
                    f"losses.{loss}", received=weight, expected="a number >= 0"
                )
        self.losses = dict(losses)
        self.parts: list[keras.losses.Loss] = [LOSSES[loss]() for loss in losses]

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        weighted = [
            weight * part.call(y_true, y_pred)
            for part, weight in zip(self.parts, self.losses.values(), strict=True)
        ]
        return sum(weighted[1:], weighted[0])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "losses": self.losses}
