"""Raw features as `tf.Example` records: writing, parsing, the parsing spec."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfctr.features.columns import Column
from tfctr.features.frames import check_mapping, dense_column
from tfctr.features.schema import ROLES, FeatureSchema
from tfctr.features.specs import Vector
from tfctr.types import Tensor

__all__ = ["parse_examples", "parsing_spec", "to_example"]


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
    columns = {column.name: column for column in schema.raw_columns(ROLES)}
    labels = schema.label_columns()
    check_mapping(row, [*columns, *labels], "column")
    features = {}
    for name, value in row.items():
        if name in columns:
            flat = _flat(columns[name], value)
            if len(flat):
                features[name] = _feature(columns[name].dtype, flat)
        elif value is not None and not np.isnan(value):
            features[name] = _feature("float32", [float(value)])
    return tf.train.Example(features=tf.train.Features(feature=features))


def _is_dense(column: Column) -> bool:
    return column.sequence is None and (
        not column.shape or isinstance(column.feature, Vector)
    )


def _flat(column: Column, value: Any) -> np.ndarray:
    """Values of one cell without the padding at its end."""
    if not column.shape:
        value = value if value is not None else column.missing
        dense = dense_column(column, np.array([value], object))
        is_missing = _missing(column, dense)
        return dense[~is_missing]
    cells = np.empty(1, object)
    cells[0] = value
    dense = dense_column(column, cells)[0]
    known = ~_missing(column, dense).reshape(len(dense), -1).all(axis=1)
    length = np.flatnonzero(known)[-1] + 1 if known.any() else 0
    return dense[:length].reshape(-1)


def _missing(column: Column, dense: np.ndarray) -> np.ndarray:
    missing = np.isnan(dense) if column.dtype == "float32" else dense == column.missing
    return np.asarray(missing, bool)


def _feature(dtype: str, values: Any) -> tf.train.Feature:
    if dtype == "string":
        encoded = [v if isinstance(v, bytes) else v.encode() for v in values]
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded))
    if dtype == "int64":
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))
