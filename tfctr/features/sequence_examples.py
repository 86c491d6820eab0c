"""Raw user sequences as `tf.Example` records: writing and parsing."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfctr.features.examples import densify, parsing_spec, to_example
from tfctr.features.frames import dense_column
from tfctr.features.schema import FeatureSchema
from tfctr.features.sequence_columns import step_column, visible_column, weight_column
from tfctr.types import Tensor

__all__ = ["parse_sequence_examples", "to_sequence_example"]

FIELDS = {"string": "bytes_list", "int64": "int64_list", "float32": "float_list"}


def to_sequence_example(
    schema: FeatureSchema, row: Mapping[str, Any]
) -> tf.train.Example:
    """The record of one row of `tfctr.data.build_user_sequences`.

    Steps stand flat, those with several values padded to their number, so that all
    columns of a record have the same number of steps.

    Args:
        schema: The declaration.
        row: Cells by column name.
    """
    user = {c.name: row[c.name] for c in schema.raw_columns(("user",))}
    example = to_example(schema, user)
    features = example.features.feature
    for column in schema.raw_columns(("sequence",)):
        values = dense_column(step_column(column), _cells(row[column.name]))
        flat: list[Any] = values.reshape(-1).tolist()
        if column.dtype == "string":
            flat = [v if isinstance(v, bytes) else v.encode() for v in flat]
        getattr(features[column.name], FIELDS[column.dtype]).value.extend(flat)
    for sequence in schema.sequences:
        name = visible_column(sequence)
        features[name].int64_list.value.extend(int(v) for v in row[name])
    for name in _target_columns(schema):
        features[name].float_list.value.extend(float(v) for v in row[name])
    return example


def parse_sequence_examples(
    schema: FeatureSchema, serialized: Tensor
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Raw tensors of serialised user sequences.

    Args:
        schema: The declaration.
        serialized: `(batch,)` strings.

    Returns:
        User columns `(batch, ...)`, and ragged tensors `(batch, steps, ...)`: the
        sequences' columns, int64 `<sequence>_visible`, labels and their weights.
    """
    wanted = {column.name for column in schema.raw_columns(("user",))}
    user = {n: s for n, s in parsing_spec(schema).items() if n in wanted}
    steps: dict[str, Any] = {
        column.name: tf.io.RaggedFeature(tf.dtypes.as_dtype(column.dtype))
        for column in schema.raw_columns(("sequence",))
    }
    steps |= {
        visible_column(sequence): tf.io.RaggedFeature(tf.int64)
        for sequence in schema.sequences
    }
    steps |= {n: tf.io.RaggedFeature(tf.float32) for n in _target_columns(schema)}
    parsed = tf.io.parse_example(serialized, {**user, **steps})
    splits = parsed[_target_columns(schema)[0]].row_splits
    for column in schema.raw_columns(("sequence",)):
        if len(column.shape) > 1:
            values = tf.reshape(parsed[column.name].values, (-1, *column.shape[1:]))
            ragged = tf.RaggedTensor.from_row_splits(values, splits)
            parsed[column.name] = ragged
    for column in schema.raw_columns(("user",)):
        if isinstance(parsed[column.name], tf.RaggedTensor):
            parsed[column.name] = densify(column, parsed[column.name])
    return {n: parsed[n] for n in user}, {n: parsed[n] for n in steps}


def _target_columns(schema: FeatureSchema) -> list[str]:
    names = [label.name for label in schema.labels]
    return [*names, *map(weight_column, names)]


def _cells(values: Any) -> Any:
    if isinstance(values, np.ndarray):
        return values
    return np.fromiter(values, object, len(values))
