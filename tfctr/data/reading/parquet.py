"""Blocks of Parquet files: their row groups, raw or encoded before."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet

from tfctr.data.reading.encoded import (
    EncodedDecoder,
    check_encoded_types,
    encoded_columns,
    state_digest,
    written_digest,
)
from tfctr.data.reading.sources import Examples
from tfctr.data.reading.tables import TableDecoder, check_types, needed_columns
from tfctr.errors import InputError
from tfctr.features import Categorical, FeatureSchema

if TYPE_CHECKING:
    from tfctr.features import SchemaState

__all__ = ["ParquetSource"]

ERRORS = (pa.ArrowException, OSError)


class ParquetSource:
    """A Parquet file of raw examples, or of encoded ones as `write_encoded` makes them.

    Only the footer is read here; row groups are read when their turn comes.

    Args:
        path: The file.
        state: What was learnt.
        packed: Whether to put the columns of one dtype side by side.
    """

    is_sequential = False

    def __init__(self, path: Path, state: "SchemaState", packed: bool) -> None:
        self.name = str(path)
        schema = state.schema
        try:
            file = pyarrow.parquet.ParquetFile(path)
            metadata, types = file.metadata, file.schema_arrow
            file.close()
        except ERRORS as error:
            raise _unreadable(self.name, error) from error
        groups = [
            metadata.row_group(k).num_rows for k in range(metadata.num_row_groups)
        ]
        # Row groups without rows would be blocks without rows.
        self._groups = [k for k, rows in enumerate(groups) if rows]
        self.rows = tuple(rows for rows in groups if rows)
        self.identity: list[str | int] = [path.name, path.stat().st_size, sum(groups)]
        self._decode: Callable[[pa.Table], Examples]
        self._as_dictionary: list[str] = []
        digest = written_digest(types)
        if digest is not None:
            self._check_digest(digest, state)
            check_encoded_types(schema, types, self.name)
            self._columns = encoded_columns(schema)
            self._decode = EncodedDecoder(schema, packed)
        else:
            check_types(schema, types, self.name)
            self._columns = needed_columns(schema)
            self._as_dictionary = _text_columns(schema, types)
            self._decode = TableDecoder(state, packed)

    def read(self, block: int) -> Examples:
        try:
            file = _open(self.name, tuple(self._as_dictionary))
            table = file.read_row_group(
                self._groups[block], columns=self._columns, use_threads=False
            )
        except ERRORS as error:
            raise _unreadable(self.name, error) from error
        return self._decode(table)

    def _check_digest(self, digest: str, state: "SchemaState") -> None:
        if digest != state_digest(state):
            raise InputError(
                self.name,
                received="examples that another state has encoded",
                expected="the state that was given",
                hint="Call `write_encoded` again, with this state.",
            )


@functools.lru_cache(maxsize=4)
def _open(name: str, as_dictionary: tuple[str, ...]) -> pyarrow.parquet.ParquetFile:
    return pyarrow.parquet.ParquetFile(name, read_dictionary=list(as_dictionary))


def _text_columns(schema: FeatureSchema, types: pa.Schema) -> list[str]:
    """Text columns whose dictionaries in the file can be taken as they are."""
    return [
        column.name
        for column in schema.raw_columns()
        if isinstance(column.feature, Categorical)
        and pa.types.is_string(types.field(column.name).type)
    ]


def _unreadable(name: str, error: Exception) -> InputError:
    lines = str(error).splitlines() or [type(error).__name__]
    return InputError(
        name,
        received=lines[0],
        expected="a whole Parquet file",
        hint="The file may be cut off.",
    )
