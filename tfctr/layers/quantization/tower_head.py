"""Logits of a student's interest and the vectors of two towers (TARQ)."""

from typing import Any

from keras import ops

from tfctr.layers.quantization.interest_head import InterestHead
from tfctr.saving import serializable
from tfctr.types import Shape, Tensor

__all__ = ["TowerHead"]


@serializable
class TowerHead(InterestHead):
    """`logits = s * cos(user, item) + MLP([h, item, user])`.

    The first layer is one product for each of its inputs: those of codewords and user
    are computed once a request.

    Args:
        units: Number of logits.
        hidden_units: Widths of the hidden layers.
        activation: Activation of the hidden layers.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        interests: `(batch, candidates, dim)` floats.
        items: `(batch, candidates, vector_dim)` unit vectors.
        users: `(batch, vector_dim)` unit vectors.

    Returns:
        `(batch, candidates, units)` in the compute dtype.

    Source: ours; the head of TARQ is not published. See docs/methods/tarq.md.
    """

    def build(
        self, interests_shape: Shape, items_shape: Shape, users_shape: Shape
    ) -> None:
        super().build(interests_shape, items_shape, users_shape)
        self.scale = self.add_weight(
            name="scale", shape=(self.units,), initializer="ones"
        )

    def combine(self, projected: Tensor, items: Tensor, users: Tensor) -> Tensor:
        by_user = ops.expand_dims(ops.matmul(users, self.user_kernel), 1)
        hidden = projected + ops.matmul(items, self.item_kernel) + by_user
        cosine = ops.matmul(items, ops.expand_dims(users, -1))
        return cosine * self.scale + super().combine(hidden, items, users)

    def _kernels(self, dim: int | None, vector_dim: int | None) -> dict[str, Any]:
        return {
            "interest_kernel": dim,
            "item_kernel": vector_dim,
            "user_kernel": vector_dim,
        }
