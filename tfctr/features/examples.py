"""Raw features as `tf.Example` records: writing, parsing, the parsing spec."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfctr.features.columns import GROUP_ID, Column
from tfctr.features.frames import check_mapping, dense_column
from tfctr.features.schema import ROLES, FeatureSchema
from tfctr.features.specs import Numeric, Vector
from tfctr.types import Tensor

__all__ = [
    "encoded_parsing_spec",
    "parse_examples",
    "parsing_spec",
    "to_example",
    "to_examples",
]


def parsing_spec(schema: FeatureSchema, *, labels: bool = False) -> dict[str, Any]:
    """Spec for `tf.io.parse_example` of raw features.

    Single values and vectors are dense with their missing value as default; all that
    varies in length is ragged.
    """
    spec: dict[str, Any] = {}
    for column in schema.raw_columns():
        dtype = tf.dtypes.as_dtype(column.dtype)
        if _is_dense(column):
            default = np.full(column.shape, column.missing).tolist()
            spec[column.name] = tf.io.FixedLenFeature(column.shape, dtype, default)
        else:
            spec[column.name] = tf.io.RaggedFeature(dtype)
    for name in schema.label_columns() if labels else ():
        spec[name] = tf.io.FixedLenFeature((), tf.float32, float("nan"))
    return spec


def encoded_parsing_spec(schema: FeatureSchema) -> dict[str, Any]:
    """Spec of encoded features as TFT writes them: all dense, ids as int64."""
    spec = {}
    for column in schema.encoded_columns():
        dtype = tf.float32 if column.dtype == "float32" else tf.int64
        spec[column.name] = tf.io.FixedLenFeature(column.shape, dtype)
    spec[GROUP_ID] = tf.io.FixedLenFeature((), tf.int64)
    return spec


def parse_examples(
    schema: FeatureSchema, serialized: Tensor, *, labels: bool = False
) -> dict[str, Tensor]:
    """Dense raw tensors of serialised examples.

    Args:
        schema: The declaration.
        serialized: `(batch,)` strings, each a `tf.Example`.
        labels: Whether to parse labels and weights too (float32, NaN if missing).

    Returns:
        Tensors `(batch, *column.shape)` by column name. Longer histories keep their
        most recent events.
    """
    parsed = tf.io.parse_example(serialized, parsing_spec(schema, labels=labels))
    for column in schema.raw_columns():
        value = parsed[column.name]
        if isinstance(value, tf.RaggedTensor):
            parsed[column.name] = densify(column, value)
    return dict(parsed)


def densify(column: Column, ragged: Any) -> Tensor:
    """Pads a flat ragged column to `(batch, *column.shape)`."""
    width = int(np.prod(column.shape))
    kept = ragged[:, -width:] if column.sequence is not None else ragged[:, :width]
    dense = kept.to_tensor(column.missing, shape=(None, width))
    return tf.reshape(dense, (-1, *column.shape))


def to_example(schema: FeatureSchema, row: Mapping[str, Any]) -> tf.train.Example:
    """One example of raw features, and of labels where the row has them.

    Args:
        schema: The declaration.
        row: Values by column name; lists for multi-valued and sequence columns.
            Columns that are absent or missing are left out of the record.
    """
    return to_examples(schema, [row])[0]


def to_examples(
    schema: FeatureSchema, rows: Sequence[Mapping[str, Any]]
) -> list[tf.train.Example]:
    """Examples of many rows; several times faster than one at a time.

    Args:
        schema: The declaration.
        rows: As for `to_example`.
    """
    columns = {column.name: column for column in schema.raw_columns(ROLES)}
    for name in schema.label_columns():
        columns[name] = Column(name, "float32", (), "label", Numeric(name))
    given = dict.fromkeys(itertools.chain.from_iterable(rows))
    check_mapping(given, columns, "column")
    examples = [tf.train.Example() for _ in rows]
    for name in given:
        cells = np.empty(len(rows), object)
        cells[:] = [row.get(name) for row in rows]
        for example, values in zip(examples, _flat(columns[name], cells), strict=True):
            if values:
                _add(example.features.feature[name], columns[name].dtype, values)
    return examples


def _is_dense(column: Column) -> bool:
    return column.sequence is None and (
        not column.shape or isinstance(column.feature, Vector)
    )


def _flat(column: Column, cells: np.ndarray) -> list[list[Any]]:
    """Values of each cell without the padding at its end."""
    dense = dense_column(column, cells)
    known = ~_missing(column, dense)
    if not column.shape:
        return [[v] if k else [] for v, k in zip(dense.tolist(), known, strict=True)]
    if _is_dense(column):
        is_known: list[bool] = np.asarray(known.any(axis=1)).tolist()
        rows = zip(dense.tolist(), is_known, strict=True)
        return [values if k else [] for values, k in rows]
    is_real = known.reshape(*dense.shape[:2], -1).any(axis=2)
    places = np.arange(1, dense.shape[1] + 1)
    lengths = np.max(np.where(is_real, places, 0), axis=1).tolist()
    pairs = zip(dense, lengths, strict=True)
    return [values[:length].reshape(-1).tolist() for values, length in pairs]


def _missing(column: Column, dense: np.ndarray) -> np.ndarray:
    missing = np.isnan(dense) if column.dtype == "float32" else dense == column.missing
    return np.asarray(missing, bool)


def _add(feature: tf.train.Feature, dtype: str, values: list[Any]) -> None:
    if dtype == "string":
        encoded = [v if isinstance(v, bytes) else v.encode() for v in values]
        feature.bytes_list.value.extend(encoded)
    elif dtype == "int64":
        feature.int64_list.value.extend(values)
    else:
        feature.float_list.value.extend(values)
