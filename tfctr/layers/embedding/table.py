"""One embedding table."""

from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.saving import serializable
from tfctr.types import Shape, Tensor

__all__ = ["EmbeddingTable"]


@serializable
class EmbeddingTable(keras.layers.Layer):
    """Looks up one trained row for each id.

    Args:
        num_rows: Number of rows.
        dim: Width of a row.
        embeddings_initializer: Initialiser of the rows.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        ids: Integers in `[0, num_rows)`, any shape.

    Returns:
        `(*ids.shape, dim)` in the compute dtype.

    >>> tuple(EmbeddingTable(num_rows=10, dim=4)(ops.ones((2, 3), "int32")).shape)
    (2, 3, 4)
    """

    def __init__(
        self,
        num_rows: int,
        dim: int,
        *,
        embeddings_initializer: Any = "uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (("num_rows", num_rows), ("dim", dim)):
            if value < 1:
                raise InputError(name, received=value, expected="a positive number")
        self.num_rows = num_rows
        self.dim = dim
        self.embeddings_initializer = keras.initializers.get(embeddings_initializer)

    def build(self, ids_shape: Shape) -> None:
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.num_rows, self.dim),
            initializer=self.embeddings_initializer,
        )

    def call(self, ids: Tensor) -> Tensor:
        rows = ops.take(self.embeddings, ids, axis=0)
        return ops.cast(rows, self.compute_dtype)

    def compute_output_shape(self, ids_shape: Shape) -> Shape:
        return (*ids_shape, self.dim)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_rows": self.num_rows,
            "dim": self.dim,
            "embeddings_initializer": keras.initializers.serialize(
                self.embeddings_initializer
            ),
        }
