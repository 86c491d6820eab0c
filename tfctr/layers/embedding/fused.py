"""Columns of one shape, looked up together in the fused table."""

from collections.abc import Iterable, Mapping, Sequence

import tensorflow as tf

from tfctr.features import Categorical, Column, FeatureSchema, Numeric, Vector
from tfctr.features.columns import calendar_size
from tfctr.features.packing import side_by_side
from tfctr.layers.embedding.hashing import hashed_rows
from tfctr.layers.embedding.table import EmbeddingTable
from tfctr.types import Tensor

__all__ = ["Lookup", "gather_all", "table_key", "table_sizes"]


def table_sizes(schema: FeatureSchema, columns: Iterable[Column]) -> dict[str, int]:
    """Rows of the table of each key that `columns` need, in order of appearance."""
    sizes = {}
    for column in columns:
        if isinstance(column.feature, Categorical):
            sizes[table_key(schema, column)] = schema.size(column.feature.vocabulary)
        elif not isinstance(column.feature, (Numeric, Vector)):
            unit = column.name.rsplit("_", 1)[1]
            sizes[table_key(schema, column)] = calendar_size(unit)
    return sizes


def table_key(schema: FeatureSchema, column: Column) -> str:
    """Key of the table of a categorical or calendar column."""
    if isinstance(column.feature, Categorical):
        return f"table_{schema.table(column.feature.vocabulary)}"
    return f"table_{column.name}"


def gather_all(table: EmbeddingTable, parts: Sequence[Tensor]) -> list[Tensor]:
    """Vectors `(*part.shape, dim)` of several tensors of rows, by one gather."""
    if len(parts) == 1:
        return [table(parts[0])]
    rows = tf.concat([tf.reshape(part, [-1]) for part in parts], axis=0)
    # Split, not sliced: the gradient of slices is as many tensors of full length.
    vectors = tf.split(table(rows), [tf.size(part) for part in parts])
    return [
        tf.ensure_shape(
            tf.reshape(vector, tf.concat([tf.shape(part), [table.dim]], axis=0)),
            (*part.shape, table.dim),
        )
        for part, vector in zip(parts, vectors, strict=True)
    ]


class Lookup:
    """The rows of some columns of one kind, and the way back to one block.

    Args:
        schema: The schema.
        columns: Columns of one `kind`.
        inputs: Encoded ids by name.
        tables: Rows `(start, stop)` of each table by key.

    Attributes:
        names: Names of the columns.
        num_hashes: Rows of each value that count as one, or 0.
        rows: `(..., columns)` rows of the fused table; `(..., columns, values)`,
            `(..., columns, hashes)` or `(..., columns, values, hashes)` where each
            has several.
    """

    def __init__(
        self,
        schema: FeatureSchema,
        columns: Sequence[Column],
        inputs: Mapping[str, Tensor],
        tables: Mapping[str, tuple[int, int]],
    ) -> None:
        self.names = [column.name for column in columns]
        _, self._max_values, self.num_hashes = self.kind(schema, columns[0])
        inner = 1 if self._max_values else 0
        ids = [tf.convert_to_tensor(inputs[name]) for name in self.names]
        axis = len(ids[0].shape) - inner
        starts = [tables[table_key(schema, column)][0] for column in columns]
        if self.num_hashes:
            self._ids = side_by_side(ids, axis)
            ids = [
                hashed_rows(value, *_hashing(schema, column))
                for value, column in zip(ids, columns, strict=True)
            ]
            inner += 1
        stacked = side_by_side(ids, axis)
        if not self.num_hashes:
            self._ids = stacked
        self.rows = stacked + tf.reshape(
            tf.constant(starts, stacked.dtype), (-1, *(1,) * inner)
        )

    @staticmethod
    def kind(schema: FeatureSchema, column: Column) -> tuple[str, int, int]:
        """Columns of equal kind stack: sequence, most values, hashes (0 for rows)."""
        sequence = column.sequence.name if column.sequence else ""
        if not isinstance(column.feature, Categorical):
            return sequence, 0, 0
        vocabulary = schema.vocabulary(column.feature.vocabulary)
        hashes = vocabulary.num_hashes if vocabulary.is_fingerprinted else 0
        return sequence, column.feature.max_values or 0, hashes

    def pooled(self, vectors: Tensor) -> Tensor:
        """`(..., columns, dim)`: the mean over hashes, then over known values."""
        if self.num_hashes:
            vectors = tf.reduce_mean(vectors, axis=-2)
        if self._max_values:
            known = tf.cast(tf.not_equal(self._ids, 0), vectors.dtype)[..., None]
            count = tf.maximum(tf.reduce_sum(known, axis=-2), 1)
            vectors = tf.reduce_sum(vectors * known, axis=-2) / count
        return vectors


def _hashing(schema: FeatureSchema, column: Column) -> tuple[int, int, str]:
    feature = column.feature
    if not isinstance(feature, Categorical):
        raise TypeError(f"{column.name} is not categorical")
    vocabulary = schema.vocabulary(feature.vocabulary)
    rows = schema.size(feature.vocabulary)
    return rows, vocabulary.num_hashes, vocabulary.name
