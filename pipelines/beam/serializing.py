"""Raw examples to serialised records."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import tensorflow as tf

from tfctr.features import FeatureSchema
from tfctr.features.columns import Column
from tfctr.features.sequence_examples import to_sequence_example

__all__ = ["RowSerializer", "SerializeRows", "SerializeSequences"]

Flatten = Callable[[Any], list[Any]]
FIELDS = {"string": "bytes_list", "int64": "int64_list", "float32": "float_list"}


class SerializeRows(beam.PTransform):
    """Serialised `tf.Example`s of raw rows.

    Args:
        schema: The declaration.
    """

    def __init__(self, schema: FeatureSchema) -> None:
        super().__init__()
        self.schema = schema

    def expand(self, rows: Any) -> Any:
        return rows | beam.ParDo(_Serialize(self.schema)).with_output_types(bytes)


class SerializeSequences(beam.PTransform):
    """Serialised `tf.Example`s of rows of user sequences.

    Args:
        schema: The declaration.
    """

    def __init__(self, schema: FeatureSchema) -> None:
        super().__init__()
        self.schema = schema

    def expand(self, rows: Any) -> Any:
        return rows | beam.Map(_serialize_sequence, self.schema).with_output_types(
            bytes
        )


class RowSerializer:
    """`tfctr.features.to_example` for rows whose cells were checked before.

    It writes the same records four times as fast, because it checks nothing.

    Args:
        schema: The declaration.
    """

    def __init__(self, schema: FeatureSchema) -> None:
        self._columns = [
            (
                column.name,
                FIELDS[column.dtype],
                column.dtype == "string",
                _flatten(column),
            )
            for column in schema.raw_columns()
        ]
        self._labels = schema.label_columns()

    def __call__(self, row: Mapping[str, Any]) -> bytes:
        """The record of one row, with its labels."""
        example = tf.train.Example()
        features = example.features.feature
        for name, field, is_text, flatten in self._columns:
            values = flatten(row[name])
            if values:
                if is_text:
                    values = [value.encode() for value in values]
                getattr(features[name], field).value.extend(values)
        for name in self._labels:
            if row[name] == row[name]:  # not NaN
                features[name].float_list.value.append(row[name])
        serialized: bytes = example.SerializeToString()
        return serialized


class _Serialize(beam.DoFn):
    def __init__(self, schema: FeatureSchema) -> None:
        super().__init__()
        self.schema = schema

    def setup(self) -> None:
        self.serialize = RowSerializer(self.schema)

    def process(self, row: Mapping[str, Any]) -> Iterator[bytes]:
        yield self.serialize(row)


def _serialize_sequence(row: Mapping[str, Any], schema: FeatureSchema) -> bytes:
    serialized: bytes = to_sequence_example(schema, row).SerializeToString()
    return serialized


def _flatten(column: Column) -> Flatten:
    """From a cell to the values of its record, without the padding at its end."""
    missing = column.missing
    if column.sequence is None:
        if not column.shape:
            return lambda cell: [] if _is(cell, missing) else [cell]
        width = column.shape[0]
        return lambda cell: _stripped(cell[:width], missing)
    steps = column.shape[0]
    if len(column.shape) == 1:
        return lambda cell: _stripped(cell[-steps:], missing)
    width = column.shape[1]
    blank = [missing] * width

    def flatten(cell: Sequence[Sequence[Any]]) -> list[Any]:
        padded = [[*step[:width], *blank[len(step) :]] for step in cell[-steps:]]
        while padded and all(_is(value, missing) for value in padded[-1]):
            padded.pop()
        return [value for step in padded for value in step]

    return flatten


def _stripped(cell: Sequence[Any], missing: Any) -> list[Any]:
    length = len(cell)
    while length and _is(cell[length - 1], missing):
        length -= 1
    return list(cell[:length])


def _is(value: Any, missing: Any) -> bool:
    return bool(value == missing or (value != value and missing != missing))
