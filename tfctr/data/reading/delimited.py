"""Blocks of CSV and TSV files: stretches of lines, found in one pass over the bytes."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from tfctr.data.cells import Array
from tfctr.data.reading.sources import ROWS_PER_BLOCK, Examples
from tfctr.data.reading.tables import TableDecoder, check_column, needed_columns
from tfctr.errors import InputError
from tfctr.features import FeatureSchema, Vector
from tfctr.features.columns import Column

if TYPE_CHECKING:
    from tfctr.features import SchemaState

__all__ = ["DelimitedSource"]

BYTES_PER_LOOK = 1 << 24
QUOTE, NEWLINE, RETURN = b'"'[0], b"\n"[0], b"\r"[0]


class DelimitedSource:
    """A CSV or TSV file of raw examples whose first line names the columns.

    Opening it reads it once, to count its lines and note where each block begins.

    Args:
        path: The file.
        delimiter: What stands between cells.
        state: What was learnt.
        packed: Whether to put the columns of one dtype side by side.
        separator: What stands between the values of a list in a cell.
    """

    is_sequential = False

    def __init__(
        self,
        path: Path,
        delimiter: str,
        state: "SchemaState",
        packed: bool,
        separator: str,
    ) -> None:
        self.name = str(path)
        self._schema, self._separator = state.schema, separator
        self._parsing = pyarrow.csv.ParseOptions(
            delimiter=delimiter, newlines_in_values=True
        )
        _check_lists(state.schema, self.name)
        if not path.stat().st_size:
            raise InputError(self.name, received="an empty file", expected="a table")
        with path.open("rb") as file:
            self._begins, self.rows, header = _index(file, self.name)
        self._names = self._column_names(header)
        rows, size = sum(self.rows), path.stat().st_size
        self.identity: list[str | int] = [path.name, size, rows]
        self._decode = TableDecoder(state, packed)

    def read(self, block: int) -> Examples:
        with open(self.name, "rb") as file:
            file.seek(self._begins[block])
            text = file.read(self._begins[block + 1] - self._begins[block])
        table = self._parsed(text)
        if len(table) != self.rows[block]:
            raise InputError(
                self.name,
                received=f"{len(table)} rows in {self.rows[block]} lines",
                expected="quotes only around whole cells, doubled inside them",
            )
        return self._decode(table)

    def _column_names(self, header: bytes) -> list[str]:
        try:
            table = pyarrow.csv.read_csv(
                io.BytesIO(header), parse_options=self._parsing
            )
        except pa.ArrowInvalid as error:
            raise self._unreadable(error) from error
        for name in needed_columns(self._schema):
            check_column(name, table.schema, self.name)
        return list(table.schema.names)

    def _parsed(self, text: bytes) -> pa.Table:
        lists = {c.name: c for c in self._schema.raw_columns() if _is_list(c)}
        types = {c.name: _TYPES[c.dtype]() for c in self._schema.raw_columns()}
        types |= dict.fromkeys(lists, pa.string())
        types |= dict.fromkeys(self._schema.label_columns(), pa.float64())
        convert = pyarrow.csv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            strings_can_be_null=False,
        )
        reading = pyarrow.csv.ReadOptions(column_names=self._names, use_threads=False)
        try:
            table = pyarrow.csv.read_csv(
                io.BytesIO(text), reading, self._parsing, convert
            )
        except pa.ArrowInvalid as error:
            raise self._unreadable(error) from error
        for name, column in lists.items():
            place = table.column_names.index(name)
            cells = self._split(column, table[name].combine_chunks())
            table = table.set_column(place, name, cells)
        return table

    def _split(self, column: Column, cells: pa.Array) -> pa.Array:
        cells = cells.chunk(0) if isinstance(cells, pa.ChunkedArray) else cells
        lists = pc.split_pattern(_without_empty(cells), self._separator)
        if column.dtype == "string":
            return lists
        try:
            numbers = _without_empty(lists.values).cast(_TYPES[column.dtype]())
        except pa.ArrowInvalid as error:
            raise InputError(
                column.name,
                received=f"{error} in {self.name}",
                expected=f"numbers separated by {self._separator!r}",
            ) from error
        return pa.ListArray.from_arrays(lists.offsets, numbers, mask=lists.is_null())

    def _unreadable(self, error: Exception) -> InputError:
        message = str(error).splitlines()[0]
        place = re.search(r"CSV column #(\d+)", message)
        field = self._names[int(place[1])] if place else self.name
        return InputError(
            field,
            received=message if field == self.name else f"{message} in {self.name}",
            expected="a whole table whose cells hold what is declared",
        )


_TYPES = {"string": pa.string, "int64": pa.int64, "float32": pa.float32}


def _without_empty(texts: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, texts.type), texts)


def _is_list(column: Column) -> bool:
    return bool(column.shape)


def _check_lists(schema: FeatureSchema, path: str) -> None:
    """Refuses schemas whose lists of lists no cell can hold."""
    for column in schema.raw_columns():
        if len(column.shape) > 1:
            kind = "vectors" if isinstance(column.feature, Vector) else "lists"
            raise InputError(
                column.name,
                received=f"{path}, a text file",
                expected=f"Parquet or TFRecord: no cell holds a list of {kind}",
            )


def _index(file: BinaryIO, name: str) -> tuple[list[int], tuple[int, ...], bytes]:
    """Where blocks begin (and the last ends), their rows, and the header line.

    A row ends with a line break outside quotes. Lines without a character are no rows.
    """
    begins: list[int] = []
    rows: list[int] = []
    header = b""
    pending = last = 0
    for ends in _row_ends(file):
        if not begins:
            if not len(ends):
                continue
            header, begins = _header(file, int(ends[0])), [int(ends[0])]
            ends = ends[1:]
        # Rows since `last`, in whole blocks; what is left over waits.
        while len(ends):
            room = ROWS_PER_BLOCK - pending
            taken, ends = ends[:room], ends[room:]
            pending, last = pending + len(taken), int(taken[-1])
            if pending == ROWS_PER_BLOCK:
                begins.append(last)
                rows.append(pending)
                pending = 0
    if not begins:
        raise InputError(name, received="no line", expected="names of columns")
    if pending:
        begins.append(last)
        rows.append(pending)
    return begins, tuple(rows), header


def _header(file: BinaryIO, end: int) -> bytes:
    place = file.tell()
    file.seek(0)
    line = file.read(end)
    file.seek(place)
    return line


def _row_ends(file: BinaryIO) -> Iterator[Array]:
    """Ends of rows (the place after the break), a look at a time."""
    tail, start, quoted = b"\n\n", 0, 0
    while chunk := file.read(BYTES_PER_LOOK):
        data = np.frombuffer(tail + chunk, np.uint8)
        breaks = 2 + np.flatnonzero(data[2:] == NEWLINE)
        quotes = 2 + np.flatnonzero(data[2:] == QUOTE)
        inside = (np.searchsorted(quotes, breaks) + quoted) % 2 == 1
        previous, earlier = data[breaks - 1], data[breaks - 2]
        is_empty = (previous == NEWLINE) | ((previous == RETURN) & (earlier == NEWLINE))
        yield start + breaks[~inside & ~is_empty] - 1
        tail, start = bytes(data[-2:]), start + len(chunk)
        quoted += len(quotes)
    if start and tail[-1] != NEWLINE:
        yield np.array([start])
