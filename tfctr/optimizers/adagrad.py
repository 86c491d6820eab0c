"""Adagrad, with one accumulator a weight or a row."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfctr.optimizers.settings import check_not_negative, check_positive
from tfctr.optimizers.sparse_optimizer import SparseOptimizer
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["RowWiseAdagrad", "SparseAdagrad"]


@serializable
class SparseAdagrad(SparseOptimizer):
    """`a += g^2; w -= learning_rate * g / sqrt(a + epsilon)` on touched rows.

    Equals `keras.optimizers.Adagrad`, since a gradient of 0 changes nothing there.

    Args:
        learning_rate: Step size.
        initial_accumulator: Value of `a` before the first step.
        epsilon: Keeps the root from 0.
        **kwargs: As for `SparseOptimizer`.

    Source: Duchi et al., Adaptive Subgradient Methods, JMLR 2011.
    """

    slot_names: tuple[str, ...] = ("accumulator",)

    def __init__(
        self,
        learning_rate: Any = 1e-2,
        *,
        initial_accumulator: float = 0.1,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        check_not_negative(initial_accumulator=initial_accumulator)
        check_positive(epsilon=epsilon)
        self.initial_accumulator = initial_accumulator
        self.epsilon = epsilon

    def initial_slot(self, name: str) -> float:
        return self.initial_accumulator

    def new_rows(
        self,
        rows: Tensor,
        gradient: Tensor,
        slots: Mapping[str, Tensor],
        learning_rate: Tensor,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        total = slots["accumulator"] + self._squares(gradient)
        step = learning_rate * gradient * tf.math.rsqrt(total + self.epsilon)
        return rows - step, {"accumulator": total}

    def compiled_step(self, learning_rate: Tensor) -> tuple[str, tuple[Any, ...]]:
        return "adagrad", (learning_rate, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "initial_accumulator": self.initial_accumulator,
            "epsilon": self.epsilon,
        }

    def _squares(self, gradient: Tensor) -> Tensor:
        return tf.square(gradient)


@serializable
class RowWiseAdagrad(SparseAdagrad):
    """Adagrad with one accumulator a row, of the mean square of its gradient.

    Its slot takes `1 / dim` of the memory of `SparseAdagrad`'s. A vector counts as
    rows of one weight.

    Args:
        learning_rate: Step size.
        initial_accumulator: Value of the accumulators before the first step.
        epsilon: Keeps the root from 0.
        **kwargs: As for `SparseOptimizer`.

    Source: `EXACT_ROWWISE_ADAGRAD` of FBGEMM (Khudia et al., 2021), as in DLRM.
    """

    slot_names = ()
    row_slot_names = ("accumulator",)

    def _squares(self, gradient: Tensor) -> Tensor:
        axes = list(range(1, gradient.shape.rank))
        squares = tf.square(gradient)
        return tf.reduce_mean(squares, axes, keepdims=True) if axes else squares

    def compiled_step(self, learning_rate: Tensor) -> tuple[str, tuple[Any, ...]]:
        return "row_wise_adagrad", (learning_rate, self.epsilon)
