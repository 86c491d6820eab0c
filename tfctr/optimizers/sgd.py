"""Stochastic gradient descent."""

from collections.abc import Mapping
from typing import Any

from tfctr.optimizers.sparse_optimizer import SparseOptimizer
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["SparseSGD"]


@serializable
class SparseSGD(SparseOptimizer):
    """`w -= learning_rate * g` on touched rows: what `keras.optimizers.SGD` gives.

    It remembers nothing of a row, so it needs the least memory.
    """

    def new_rows(
        self,
        rows: Tensor,
        gradient: Tensor,
        slots: Mapping[str, Tensor],
        learning_rate: Tensor,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        return rows - learning_rate * gradient, {}

    def compiled_step(self, learning_rate: Tensor) -> tuple[str, tuple[Any, ...]]:
        return "sgd", (learning_rate,)
