"""Second-order factorisation machine."""

from typing import Any

import keras
from keras import ops

from tfctr import kernels, native
from tfctr.layers.embedding.table import EmbeddingTable
from tfctr.saving import serializable
from tfctr.types import Shape, Tensor

__all__ = ["FactorizationMachine"]


@serializable
class FactorizationMachine(keras.layers.Layer):
    """Sum of the dot products of all pairs of fields.

    `sum_{i<j} <v_i, v_j> = 1/2 * sum_d ((sum_i v_i)^2 - sum_i v_i^2)_d`, in float32.

    Args:
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        fields: `(batch, fields, dim)` floats.

    Returns:
        `(batch, 1)` in the compute dtype.

    Source: Rendle, Factorization Machines, ICDM 2010, equation (5) and lemma 3.1.

    >>> vectors = ops.convert_to_tensor([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]])
    >>> float(FactorizationMachine()(vectors)[0, 0])  # 11 + 17 + 39
    67.0
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def call(self, fields: Tensor) -> Tensor:
        return ops.cast(_pairs(ops.cast(fields, "float32")), self.compute_dtype)

    def parts(self, rows: Tensor, dim: int) -> tuple[Tensor, Tensor, Tensor]:
        """What models take from table rows that hold a vector and further weights.

        Args:
            rows: `(batch, fields, dim + rest)` floats, the vector first in each row.
            dim: Width of the vectors.

        Returns:
            The vectors side by side, `(batch, fields * dim)`, in the compute dtype;
            the sums of the rest over the fields, `(batch, rest)`, and the sum of the
            dot products of all pairs of vectors, `(batch, 1)`, in float32.
        """
        if kernels.is_compiled(rows):
            return native.factorization(rows, dim)
        fields, weights = ops.split(rows, [dim], axis=-1)
        sums = ops.sum(ops.cast(weights, "float32"), axis=1)
        pairs = _pairs(ops.cast(fields, "float32"))
        return ops.reshape(fields, (-1, fields.shape[1] * dim)), sums, pairs

    def table_parts(
        self, table: EmbeddingTable, places: Tensor, dim: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """`parts` of rows of a table, in one pass over them where that is compiled.

        Args:
            table: Holds rows of `dim + rest` weights.
            places: `(batch, fields)` rows of it.
            dim: Width of the vectors.
        """
        is_single = self.compute_dtype == table.compute_dtype == "float32"
        is_plain = table.storage is None and table.frozen is None and not table.dropout
        if is_single and is_plain:
            weights = table.embeddings.value
            if kernels.is_read_compiled(weights):
                return native.table_factorization(weights, places, dim)
        return self.parts(table(places), dim)

    def compute_output_shape(self, fields_shape: Shape) -> Shape:
        return (fields_shape[0], 1)


@ops.custom_gradient
def _pairs(fields: Tensor) -> Any:
    total = ops.sum(fields, axis=1)
    squares = ops.sum(ops.square(fields), axis=(1, 2))
    pairs = 0.5 * (ops.sum(ops.square(total), axis=-1) - squares)

    def gradient(*args: Tensor, upstream: Tensor | None = None) -> Tensor:
        # d/dv_i = sum_j v_j - v_i: two passes, where each square by itself takes two.
        upstream = args[0] if upstream is None else upstream
        rest = ops.expand_dims(total, 1) - fields
        return ops.expand_dims(upstream, 1) * rest

    return ops.expand_dims(pairs, -1), gradient
