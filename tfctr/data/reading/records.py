"""Blocks of TFRecord files of `tf.Example` records, parsed a block at a time."""

import itertools
import math
import mmap
import struct
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from tfctr.data.reading.sources import ROWS_PER_BLOCK, Examples
from tfctr.data.reading.tables import TableDecoder
from tfctr.data.targets import targets
from tfctr.errors import InputError
from tfctr.features import GROUP_ID, FeatureSchema

if TYPE_CHECKING:
    import tensorflow as tf

    from tfctr.features import SchemaState
    from tfctr.native import RecordColumn

__all__ = ["CompressedRecordSource", "RecordDecoder", "RecordSource"]

# A record is its length (8 bytes), the length's checksum (4), the data, its checksum.
FRAME_BYTES = 16
_numbers = itertools.count()


class RecordSource:
    """A TFRecord file.

    Opening it walks from record to record without reading them, to count them and
    note where each block begins.

    Args:
        path: The file.
        decode: Encodes serialised examples.
    """

    is_sequential = False

    def __init__(self, path: Path, decode: "RecordDecoder") -> None:
        self.name, self._decode = str(path), decode
        self._begins, self.rows = _index(path)
        rows, size = sum(self.rows), path.stat().st_size
        self.identity: list[str | int] = [path.name, size, rows]

    def read(self, block: int) -> Examples:
        import tensorflow as tf

        begin, end = self._begins[block : block + 2]
        examples = self._decode.of_file(self.name, begin, end)
        if examples is not None:
            return examples
        with open(self.name, "rb") as file:
            file.seek(begin)
            data = file.read(end - begin)
        # TensorFlow checks records as it reads them, but starts at a file's beginning.
        aside = f"ram://tfctr/{next(_numbers)}.tfrecord"
        with tf.io.gfile.GFile(aside, "wb") as copy:
            copy.write(data)
        try:
            return self._decode(self.name, next(_read(aside, "", self.name)))
        finally:
            tf.io.gfile.remove(aside)


class CompressedRecordSource:
    """A TFRecord file under gzip, which can only be read from its beginning.

    Opening it reads it once, to count its records. Asking for the next block goes on
    where the last one ended; any other block is reached by reading, not parsing, what
    stands before it.

    Args:
        path: The file.
        decode: Encodes serialised examples.
    """

    is_sequential = True

    def __init__(self, path: Path, decode: "RecordDecoder") -> None:
        self.name, self._decode = str(path), decode
        counts = [int(block.shape[0]) for block in _read(self.name, "GZIP", self.name)]
        self.rows = tuple(counts)
        self.identity: list[str | int] = [path.name, path.stat().st_size, sum(counts)]
        self._lock = threading.Lock()
        self._next = 0
        self._blocks: Iterator[Any] = iter(())

    def read(self, block: int) -> Examples:
        with self._lock:
            if block != self._next or not block:
                self._blocks = _read(self.name, "GZIP", self.name, skip=block)
            serialized = next(self._blocks)
            self._next = block + 1
        return self._decode(self.name, serialized)


class RecordDecoder:
    """Encodes serialised examples.

    With the compiled parser of `tfctr.native` where it is there. Records of which that
    one can make nothing are left to TensorFlow's, which knows what to say of them.

    Args:
        state: What was learnt.
        packed: Whether to put the columns of one dtype side by side.
        encoded: Whether the records hold encoded examples, as TFT writes them, rather
            than raw ones.
    """

    def __init__(self, state: "SchemaState", packed: bool, encoded: bool) -> None:
        self._state, self._encoded = state, encoded
        self._finished = TableDecoder(state, packed).finished
        self._columns = _record_columns(state.schema, encoded)

    def __call__(self, name: str, serialized: Any) -> Examples:
        import tensorflow as tf

        from tfctr.features import parse_examples

        examples = self._compiled(serialized)
        if examples is not None:
            return examples
        schema = self._state.schema
        try:
            if self._encoded:
                parsed = tf.io.parse_example(serialized, _encoded_spec(schema))
            else:
                parsed = parse_examples(schema, serialized, labels=True)
        except tf.errors.InvalidArgumentError as error:
            raise InputError(
                name,
                received=error.message.splitlines()[0],
                expected="records of `tf.Example` with the declared types",
            ) from error
        return self._finish(parsed)

    def of_file(self, path: str, begin: int, end: int) -> Examples | None:
        """Encodes records of a TFRecord file.

        Args:
            path: The file.
            begin: Where the first record begins.
            end: Where the last one ends.

        Returns:
            `None` where the compiled parser is missing or makes nothing of them.
        """
        return self._compiled(path, (begin, end))

    def _compiled(self, data: Any, part: Sequence[int] = ()) -> Examples | None:
        import tensorflow as tf

        from tfctr import native

        if not native.is_loaded():
            return None
        columns = self._columns
        try:
            flat = native.parse_records(data, list(columns), part)
        except (tf.errors.InvalidArgumentError, tf.errors.DataLossError):
            return None
        shapes = {column.name: shape for column, shape in columns.items()}
        return self._finish(
            {name: tf.reshape(v, (-1, *shapes[name])) for name, v in flat.items()}
        )

    def _finish(self, parsed: dict[str, Any]) -> Examples:
        schema = self._state.schema
        labels = {n: parsed.pop(n).numpy() for n in schema.label_columns()}
        y, w = targets(pd.DataFrame(labels), schema)
        if not self._encoded:
            parsed = self._state.encode(parsed)
        dtypes = {c.name: c.dtype for c in schema.encoded_columns()} | {
            GROUP_ID: "int64"
        }
        x = {name: parsed[name].numpy().astype(dtypes[name]) for name in dtypes}
        return self._finished(x, y, w)


def _record_columns(
    schema: FeatureSchema, encoded: bool
) -> dict["RecordColumn", tuple[int, ...]]:
    """What to take out of records, and the shape of an example's values."""
    import tensorflow as tf

    from tfctr.features import parsing_spec
    from tfctr.native import RecordColumn

    spec = _encoded_spec(schema) if encoded else parsing_spec(schema, labels=True)
    raw = {column.name: column for column in schema.raw_columns()}
    columns = {}
    for name, feature in spec.items():
        if isinstance(feature, tf.io.FixedLenFeature):
            shape = tuple(feature.shape)
            kind = "required" if feature.default_value is None else "exact"
        else:
            shape = raw[name].shape
            kind = "first" if raw[name].sequence is None else "last"
        columns[RecordColumn(name, feature.dtype.name, math.prod(shape), kind)] = shape
    return columns


def _encoded_spec(schema: FeatureSchema) -> dict[str, Any]:
    """Encoded columns, and labels that may be missing: they are checked later."""
    import tensorflow as tf

    from tfctr.features.examples import encoded_parsing_spec  # it loads TensorFlow

    label = tf.io.FixedLenFeature((), tf.float32, float("nan"))
    labels = dict.fromkeys(schema.label_columns(), label)
    return encoded_parsing_spec(schema) | labels


def _read(
    path: str, compression: str, name: str, skip: int = 0
) -> "Iterator[tf.Tensor]":
    """Serialised examples, a block at a time; checksums are checked."""
    import tensorflow as tf

    records = tf.data.TFRecordDataset(path, compression, buffer_size=1 << 20)
    blocks = iter(records.skip(skip * ROWS_PER_BLOCK).batch(ROWS_PER_BLOCK))
    while True:
        try:
            block = next(blocks)
        except StopIteration:
            return
        except (tf.errors.DataLossError, tf.errors.OutOfRangeError) as error:
            raise _damaged(name, str(error.message).splitlines()[0]) from error
        yield block


def _index(path: Path) -> tuple[list[int], tuple[int, ...]]:
    """Where blocks of records begin (and the last ends), and their rows."""
    size, place, count = path.stat().st_size, 0, 0
    begins, rows = [0], []
    if not size:
        return begins, ()
    length = struct.Struct("<Q").unpack_from
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        while place < size:
            if place + FRAME_BYTES <= size:
                place += FRAME_BYTES + length(data, place)[0]
            else:
                place = size + 1
            if place > size:
                raise _damaged(str(path), f"a file cut off in record {count}")
            count += 1
            if count % ROWS_PER_BLOCK == 0:
                begins.append(place)
                rows.append(ROWS_PER_BLOCK)
    if count % ROWS_PER_BLOCK:
        begins.append(place)
        rows.append(count % ROWS_PER_BLOCK)
    return begins, tuple(rows)


def _damaged(name: str, received: str) -> InputError:
    return InputError(name, received=received, expected="whole TFRecord data")
