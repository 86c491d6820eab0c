"""Vectors of a modality as embeddings, with a learnt one where there is none."""

from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.saving import serializable
from tfctr.seeds import glorot, normal
from tfctr.types import Shape, Tensor

__all__ = ["ModalProjection", "is_given"]


def is_given(vectors: Tensor) -> Tensor:
    """Booleans `(..., 1)`: whether a vector is there, which is not all zeros."""
    return ops.any(ops.not_equal(vectors, 0), axis=-1, keepdims=True)


@serializable
class ModalProjection(keras.layers.Layer):
    """`v / |v| W + b`, or the learnt stand-in where the vector is all zeros.

    Zeros are how a missing vector is encoded. The length of a vector tells of its
    encoder and not of the item, so it does not count.

    Args:
        dim: Width of the embeddings.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        vectors: `(..., width)` floats.

    Returns:
        `(..., dim)` in the compute dtype.

    >>> tuple(ModalProjection(4)(ops.ones((2, 3, 7))).shape)
    (2, 3, 4)
    """

    def __init__(self, dim: int, *, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if dim < 1:
            raise InputError("dim", received=dim, expected="a positive number")
        self.dim, self.seed = dim, seed

    def build(self, vectors_shape: Shape) -> None:
        self.kernel = self.add_weight(
            name="kernel",
            shape=(vectors_shape[-1], self.dim),
            initializer=glorot(self.seed, "kernel"),
        )
        self.bias = self.add_weight(name="bias", shape=(self.dim,), initializer="zeros")
        self.stand_in = self.add_weight(
            name="stand_in",
            shape=(self.dim,),
            initializer=normal(self.seed, "stand_in", 0.05),
        )

    def call(self, vectors: Tensor) -> Tensor:
        given = is_given(vectors)
        single = ops.cast(vectors, "float32")
        squares = ops.sum(ops.square(single), axis=-1, keepdims=True)
        scale = ops.rsqrt(ops.where(given, squares, 1.0))
        if self.compute_dtype == "float32":  # short vectors are scaled for less
            made = ops.matmul(single, self.kernel) * scale + self.bias
        else:  # long vectors would overflow
            units = ops.cast(single * scale, self.compute_dtype)
            made = ops.matmul(units, self.kernel) + self.bias
        return ops.where(given, made, self.stand_in)

    def compute_output_shape(self, vectors_shape: Shape) -> Shape:
        return (*vectors_shape[:-1], self.dim)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dim": self.dim, "seed": self.seed}
