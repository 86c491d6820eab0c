"""Follow the regularised leader."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfctr.errors import InputError
from tfctr.optimizers.settings import check_not_negative
from tfctr.optimizers.sparse_optimizer import SparseOptimizer
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["SparseFTRL"]


@serializable
class SparseFTRL(SparseOptimizer):
    """FTRL-Proximal on touched rows: weights that earn nothing become exactly 0.

    With `s = (sqrt(a + g^2) - sqrt(a)) / learning_rate`: `z += g - s * w`,
    `a += g^2`, then `w = 0` where `|z| <= l1`, else
    `w = -(z - sign(z) * l1) / ((beta + sqrt(a)) / learning_rate + 2 * l2)`. This is
    `keras.optimizers.Ftrl` with `learning_rate_power=-0.5`.

    Args:
        learning_rate: Step size.
        initial_accumulator: Value of `a` before the first step.
        l1: Strength of the pull to exactly 0.
        l2: Strength of the pull towards 0.
        beta: Keeps early steps small.
        **kwargs: As for `SparseOptimizer`.

    Source: McMahan et al., Ad Click Prediction, KDD 2013, algorithm 1.
    """

    slot_names = ("accumulator", "linear")

    def __init__(
        self,
        learning_rate: Any = 1e-2,
        *,
        initial_accumulator: float = 0.1,
        l1: float = 0.0,
        l2: float = 0.0,
        beta: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        if self.frequency_adaptive:
            raise InputError(
                "frequency_adaptive",
                received=True,
                expected="False: what FTRL sums up is for one rate",
            )
        check_not_negative(
            initial_accumulator=initial_accumulator, l1=l1, l2=l2, beta=beta
        )
        self.initial_accumulator = initial_accumulator
        self.l1 = l1
        self.l2 = l2
        self.beta = beta

    def initial_slot(self, name: str) -> float:
        return self.initial_accumulator if name == "accumulator" else 0.0

    def new_rows(
        self,
        rows: Tensor,
        gradient: Tensor,
        slots: Mapping[str, Tensor],
        learning_rate: Tensor,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        before = slots["accumulator"]
        after = before + tf.square(gradient)
        root = tf.sqrt(after)
        linear = (
            slots["linear"] + gradient - (root - tf.sqrt(before)) / learning_rate * rows
        )
        beyond = tf.sign(linear) * self.l1 - linear
        scale = (self.beta + root) / learning_rate + 2 * self.l2
        rows = tf.where(tf.abs(linear) > self.l1, beyond / scale, 0.0)
        return rows, {"accumulator": after, "linear": linear}

    def compiled_step(self, learning_rate: Tensor) -> tuple[str, tuple[Any, ...]]:
        return "ftrl", (learning_rate, self.l1, self.l2, self.beta)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "initial_accumulator": self.initial_accumulator,
            "l1": self.l1,
            "l2": self.l2,
            "beta": self.beta,
        }
