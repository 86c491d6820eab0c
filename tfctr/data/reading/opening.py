"""Opening files of examples to stream them, and encoding them once for all epochs."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow.parquet

from tfctr.data.learning import learnt_columns
from tfctr.data.reading.delimited import DelimitedSource
from tfctr.data.reading.encoded import encoded_table, state_digest
from tfctr.data.reading.files import Paths, find_files
from tfctr.data.reading.frame import FrameSource
from tfctr.data.reading.order import BatchOrder
from tfctr.data.reading.parquet import ParquetSource
from tfctr.data.reading.reader import ExampleReader
from tfctr.data.reading.records import (
    CompressedRecordSource,
    RecordDecoder,
    RecordSource,
)
from tfctr.data.reading.sources import ROWS_PER_BLOCK, Source
from tfctr.errors import InputError
from tfctr.features import FeatureSchema

if TYPE_CHECKING:
    from tfctr.features import SchemaState

__all__ = ["read_examples", "write_encoded"]


def read_examples(
    data: "Paths | pd.DataFrame",
    state: "SchemaState | FeatureSchema",
    batch_size: int = 1024,
    *,
    shuffle: bool = True,
    seed: int = 0,
    packed: bool = False,
    shuffle_rows: int = 262_144,
    num_shards: int = 1,
    shard_index: int = 0,
    drop_remainder: bool = False,
    file_format: str | None = None,
    encoded: bool = False,
    separator: str = "|",
) -> ExampleReader:
    """Opens files of examples, to be streamed in batches.

    Args:
        data: A file, a folder, a pattern, or several of them: Parquet (raw, or as
            `write_encoded` makes it), CSV, TSV, TFRecord with or without gzip. Or a
            frame of raw examples.
        state: What `schema.fit` learnt; a schema alone serves if it learns nothing.
        batch_size: Examples in a batch; the last one may hold fewer.
        shuffle: Gives each epoch a new order.
        seed: Seed of these orders.
        packed: Gives few wide tensors (see `tfctr.data.unpack`).
        shuffle_rows: Rows that are shuffled among each other, and read ahead; memory
            holds twice as many.
        num_shards: Number of workers that share the data.
        shard_index: Which of them this is, from 0.
        drop_remainder: Makes all batches full; leaves out what fills none.
        file_format: `"parquet"`, `"csv"`, `"tsv"`, `"tfrecord"` or `"tfrecord.gz"`;
            by default each file's name tells.
        encoded: Whether TFRecord files hold examples that TFT has encoded.
        separator: What stands between the values of a list in a cell of a text file.

    Returns:
        A reader; `fit` takes its `dataset()`.

    Raises:
        InputError: A file is missing, cut off or without a column that the schema has,
            there are no rows, or fewer than the shards need.
    """
    if isinstance(state, FeatureSchema):
        state = _state_of(state)
    sources = _sources(data, state, packed, encoded, file_format, separator)
    order = BatchOrder(
        _units(sources),
        batch_size,
        shuffle=shuffle,
        seed=seed,
        shuffle_rows=shuffle_rows,
        num_shards=num_shards,
        shard_index=shard_index,
        drop_remainder=drop_remainder,
    )
    return ExampleReader(sources, state, order, packed)


def write_encoded(
    data: "Paths | pd.DataFrame",
    state: "SchemaState | FeatureSchema",
    folder: str | Path,
    *,
    rows_per_file: int = 1_000_000,
    file_format: str | None = None,
    encoded: bool = False,
    separator: str = "|",
) -> list[Path]:
    """Encodes examples once, so that epochs cost no more than reading.

    Writes Parquet files with a column for each encoded feature, label and weight, in
    the order of the data. `read_examples` knows them by a mark in the files, and
    refuses them with another state.

    Args:
        data: As for `read_examples`.
        state: As for `read_examples`.
        folder: Folder to write; it appears when all is there.
        rows_per_file: Examples of a file.
        file_format: As for `read_examples`.
        encoded: As for `read_examples`.
        separator: As for `read_examples`.

    Returns:
        The files.

    Raises:
        InputError: As `read_examples`, or `folder` exists.
    """
    folder = Path(folder)
    if folder.exists():
        raise InputError(
            "folder", received=f"{folder}, which exists", expected="a new folder"
        )
    if isinstance(state, FeatureSchema):
        state = _state_of(state)
    rows = min(ROWS_PER_BLOCK, rows_per_file)
    reader = read_examples(
        data,
        state,
        rows,
        shuffle=False,
        file_format=file_format,
        encoded=encoded,
        separator=separator,
    )
    aside = folder.with_name(folder.name + ".partial")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    names = _write(reader, state, aside, max(1, rows_per_file // rows))
    aside.rename(folder)
    return [folder / name for name in names]


def _write(
    reader: ExampleReader, state: "SchemaState", folder: Path, groups_per_file: int
) -> list[str]:
    digest, names = state_digest(state), []
    batches = reader.batches()
    for number in range(-(-reader.num_batches // groups_per_file)):
        names.append(f"examples-{number:05d}.parquet")
        writer = None
        for _, examples in zip(range(groups_per_file), batches, strict=False):
            table = encoded_table(state.schema, examples, digest)
            if writer is None:
                path = folder / names[-1]
                writer = pyarrow.parquet.ParquetWriter(path, table.schema)
            writer.write_table(table)
        if writer is not None:
            writer.close()
    return names


def _sources(
    data: "Paths | pd.DataFrame",
    state: "SchemaState",
    packed: bool,
    encoded: bool,
    file_format: str | None,
    separator: str,
) -> list[Source]:
    if isinstance(data, pd.DataFrame):
        return [FrameSource(data, state, packed)]
    decode = RecordDecoder(state, packed, encoded)
    sources = [
        _source(path, kind, state, packed, decode, separator)
        for path, kind in find_files(data, file_format)
    ]
    if not any(source.rows for source in sources):
        raise InputError(
            sources[0].name, received="no rows", expected="at least one example"
        )
    return sources


def _units(sources: list[Source]) -> tuple[tuple[int, ...], ...]:
    """Blocks that are permuted, or kept together where a file cannot be jumped in."""
    units: list[tuple[int, ...]] = []
    for source in sources:
        units += [source.rows] if source.is_sequential else [(n,) for n in source.rows]
    return tuple(units)


def _source(
    path: Path,
    kind: str,
    state: "SchemaState",
    packed: bool,
    decode: RecordDecoder,
    separator: str,
) -> Source:
    if kind == "parquet":
        return ParquetSource(path, state, packed)
    if kind == "tfrecord":
        return RecordSource(path, decode)
    if kind == "tfrecord.gz":
        return CompressedRecordSource(path, decode)
    delimiter = "\t" if kind == "tsv" else ","
    return DelimitedSource(path, delimiter, state, packed, separator)


def _state_of(schema: FeatureSchema) -> "SchemaState":
    """The state of a schema that learns nothing from data."""
    from tfctr.features import SchemaState

    for column in learnt_columns(schema)[:1]:
        raise InputError(
            "state",
            received=f"a schema that learns `{column.name}` from data",
            expected="the state with what it learnt",
            hint="Call `state = schema.fit(train)` and give `state`.",
        )
    return SchemaState(schema, {}, {})
