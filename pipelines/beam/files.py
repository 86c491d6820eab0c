"""Files of raw tables: finding them, their columns, and reading them in pieces."""

import os
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems

from tfctr.errors import InputError, UnknownName

__all__ = ["header", "matching_files", "read_pieces"]

ROWS_IN_A_PIECE = 50_000
SUFFIXES = (".csv", ".parquet")


def matching_files(table: str, pattern: str) -> list[str]:
    """Files that a path or pattern stands for.

    Raises:
        InputError: There is none, or one of a kind that cannot be read.
    """
    match = FileSystems.match([os.fspath(pattern)])[0]
    files = sorted(found.path for found in match.metadata_list)
    if not files:
        raise InputError(
            f"data.{table}",
            received=f"{pattern}, which no file matches",
            expected="the path of a .csv or .parquet file",
        )
    for file in files:
        if os.path.splitext(file)[1] not in SUFFIXES:
            raise UnknownName(
                f"data.{table}", os.path.splitext(file)[1] or file, SUFFIXES
            )
    return files


def header(table: str, files: list[str]) -> list[str]:
    """Columns of a table.

    Raises:
        InputError: The files differ in their columns, cannot be read or are empty.
    """
    columns: list[str] | None = None
    rows = 0
    for file in files:
        try:
            names, has_rows = _start(file)
        except (pd.errors.ParserError, pa.ArrowInvalid, UnicodeDecodeError) as error:
            raise InputError(
                file, received=str(error).splitlines()[0], expected="a readable table"
            ) from error
        if columns is not None and set(names) != set(columns):
            raise InputError(
                file,
                received=f"columns {', '.join(names)}",
                expected=f"those of {files[0]}: {', '.join(columns)}",
            )
        columns, rows = names, rows + has_rows
    if columns is None or not rows:
        raise InputError(
            ", ".join(files), received="an empty file", expected=f"rows of {table}"
        )
    return columns


def read_pieces(file: str, columns: list[str]) -> Iterator[pd.DataFrame]:
    """Frames of consecutive rows; cells of CSV are text, missing ones empty."""
    with FileSystems.open(file) as stream:
        if file.endswith(".parquet"):
            table = pq.ParquetFile(stream)
            for batch in table.iter_batches(ROWS_IN_A_PIECE, columns=columns):
                yield batch.to_pandas()
            return
        yield from pd.read_csv(
            stream,
            usecols=columns,
            dtype=str,
            keep_default_na=False,
            chunksize=ROWS_IN_A_PIECE,
        )


def _start(file: str) -> tuple[list[str], int]:
    """Columns of a file, and 1 if it has rows, else 0."""
    with FileSystems.open(file) as stream:
        if file.endswith(".parquet"):
            table = pq.ParquetFile(stream)
            return list(table.schema_arrow.names), int(table.metadata.num_rows > 0)
        try:
            frame: Any = pd.read_csv(stream, nrows=1, dtype=str)
        except pd.errors.EmptyDataError:
            return [], 0
        return list(frame.columns), len(frame)
