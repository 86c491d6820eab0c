"""Attention of fields to each other (AutoInt)."""

from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.layers.interaction.field_pairs import fields_and_dim
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Shape, Tensor

__all__ = ["FieldAttention"]

KERNELS = ("query_kernel", "key_kernel", "value_kernel", "residual_kernel")


@serializable
class FieldAttention(keras.layers.Layer):
    """Each field becomes a mean of all fields, weighed by how much they match it.

    In each head `a_fg = softmax_g <v_f W_Q, v_g W_K>`, in float32, and
    `o_f = sum_g a_fg v_g W_V`. The result is `relu([o_f of all heads] + v_f W_R)`.

    Args:
        num_heads: Number of heads.
        head_dim: Width of each head.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        fields: `(batch, fields, dim)` floats.

    Returns:
        `(batch, fields, num_heads * head_dim)` in the compute dtype.

    Source: Song et al., AutoInt, CIKM 2019, interacting layer.

    >>> tuple(FieldAttention(num_heads=2, head_dim=5)(ops.ones((2, 4, 3))).shape)
    (2, 4, 10)
    """

    def __init__(
        self, *, num_heads: int = 2, head_dim: int = 16, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (("num_heads", num_heads), ("head_dim", head_dim)):
            if value < 1:
                raise InputError(name, received=value, expected="a positive number")
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.seed = seed

    def build(self, fields_shape: Shape) -> None:
        _, dim = fields_and_dim(fields_shape)
        for name in KERNELS:
            weight = self.add_weight(
                name=name,
                shape=(dim, self.num_heads * self.head_dim),
                initializer=glorot(self.seed, name),
            )
            setattr(self, name, weight)

    def call(self, fields: Tensor) -> Tensor:
        kernel = ops.concatenate([getattr(self, name) for name in KERNELS], axis=-1)
        projected = ops.split(ops.matmul(fields, kernel), len(KERNELS), axis=-1)
        queries, keys, values = (self._heads(part) for part in projected[:3])
        # (batch, heads, fields, fields)
        scores = ops.matmul(queries, ops.transpose(keys, (0, 1, 3, 2)))
        weights = ops.softmax(ops.cast(scores, "float32"), axis=-1)
        attended = ops.matmul(ops.cast(weights, self.compute_dtype), values)
        attended = ops.transpose(attended, (0, 2, 1, 3))
        return ops.relu(ops.reshape(attended, ops.shape(projected[3])) + projected[3])

    def compute_output_shape(self, fields_shape: Shape) -> Shape:
        return (*fields_shape[:2], self.num_heads * self.head_dim)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "head_dim": self.head_dim,
            "seed": self.seed,
        }

    def _heads(self, projected: Tensor) -> Tensor:
        """From `(batch, fields, heads * width)` to `(batch, heads, fields, width)`."""
        shape = (-1, projected.shape[1], self.num_heads, self.head_dim)
        return ops.transpose(ops.reshape(projected, shape), (0, 2, 1, 3))
