"""The compiled parser of `tf.Example` records."""

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from tfctr.native.operations import _operations
from tfctr.types import Tensor

__all__ = ["RecordColumn", "parse_records"]


@dataclass(frozen=True)
class RecordColumn:
    """A column that is taken out of records.

    Attributes:
        name: Name of the feature.
        dtype: `"float32"`, `"int64"` or `"string"`.
        width: Values of an example.
        kind: `"exact"`: `width` values or none; `"required"`: `width` values;
            `"first"`, `"last"`: those of any number that fit. What is missing becomes
            NaN, -1 or empty.
    """

    name: str
    dtype: str
    width: int
    kind: str


def parse_records(
    serialized: Tensor, columns: list[RecordColumn], part: Sequence[int] = ()
) -> dict[str, Tensor]:
    """Padded columns of records.

    Args:
        serialized: Serialised `tf.Example` records `(n,)`, or the path of a TFRecord
            file.
        columns: What to take.
        part: Of the file: where its first record begins and its last one ends.
            Checksums are checked then.

    Returns:
        `(n, width)` by name.

    Raises:
        tf.errors.InvalidArgumentError: An example is not as declared, or is written in
            a way that is left to `tf.io.parse_example`.
        tf.errors.DataLossError: The file is damaged or cannot be read.
    """
    values = _operations().tfctr_parse_examples(
        serialized=serialized,
        part=tf.constant(part, tf.int64),
        names=[column.name for column in columns],
        dtypes=[column.dtype for column in columns],
        widths=[column.width for column in columns],
        kinds=[column.kind for column in columns],
    )
    return {column.name: value for column, value in zip(columns, values, strict=True)}
