"""From Arrow tables of raw examples to encoded arrays, by distinct values.

A look-up costs more than reading a value. A column of a block holds few distinct ones,
so these are encoded and then put in their places; the result is that of
`encode_frame`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tfctr.data.cells import Array
from tfctr.data.reading.sources import Examples
from tfctr.data.targets import targets
from tfctr.errors import InputError
from tfctr.features import Categorical, FeatureSchema, Numeric, Timestamp, Vector
from tfctr.features.columns import Column
from tfctr.features.frames import dense_column
from tfctr.features.packing import pack

if TYPE_CHECKING:
    from tfctr.features import SchemaState

__all__ = ["TableDecoder", "check_types", "needed_columns"]

# Distinct values of a column that are remembered from block to block.
KEPT_VALUES = 100_000


def needed_columns(schema: FeatureSchema) -> list[str]:
    """Raw columns, labels and weights: what is read of a file."""
    return [*(c.name for c in schema.raw_columns()), *schema.label_columns()]


def check_types(schema: FeatureSchema, types: pa.Schema, path: str) -> None:
    """Refuses a file whose columns cannot hold what is declared.

    Args:
        schema: The declaration.
        types: Names and types of the file's columns.
        path: The file, for error texts.

    Raises:
        InputError: A column is missing or of a wrong type.
    """
    for column in schema.raw_columns():
        check_column(column.name, types, path)
        kind = types.field(column.name).type
        inner, depth = _value_type(kind)
        wanted = 1 if column.shape else 0
        is_vector = isinstance(column.feature, Vector)
        is_nested = column.sequence is not None and len(column.shape) > 1
        wanted += is_nested
        if depth != wanted or not _is_accepted(column, inner):
            lists = {0: "", 1: "lists of ", 2: "lists of lists of "}[wanted]
            what = "numbers" if is_vector else _KINDS[column.dtype]
            raise InputError(
                column.name,
                received=f"type {kind} in {path}",
                expected=f"{lists}{what}",
            )
    for name in schema.label_columns():
        check_column(name, types, path)


def check_column(name: str, types: pa.Schema, path: str) -> None:
    """Refuses a file without a column, or with two of its name."""
    count = len(types.get_all_field_indices(name))
    if count != 1:
        listed = ", ".join(types.names[:30]) + (" ..." if len(types) > 30 else "")
        raise InputError(
            name,
            received=f"{path} with {count or 'no'} such column",
            expected=f"one; it has {listed}",
        )


class TableDecoder:
    """Encodes tables of raw examples.

    Args:
        state: What was learnt.
        packed: Whether to put the columns of one dtype side by side.
    """

    def __init__(self, state: "SchemaState", packed: bool) -> None:
        self.state, self.schema, self.packed = state, state.schema, packed
        # Values that were looked up before, and what they became (row 0: missing).
        self._known: dict[str, tuple[pa.Array, dict[str, Array]]] = {}

    def __call__(self, table: pa.Table) -> Examples:
        labels = table.select(self.schema.label_columns()).to_pandas()
        y, w = targets(labels, self.schema)
        x: dict[str, Array] = {}
        for column in self.schema.raw_columns():
            x |= self._encoded(column, table[column.name])
        return self.finished(x, y, w)

    def finished(
        self, x: Mapping[str, Array], y: Mapping[str, Array], w: Mapping[str, Array]
    ) -> Examples:
        """The parts of an example as `to_dataset` gives them."""
        x = pack(self.schema, x) if self.packed else x
        return (x, y, w) if self.schema.has_weights else (x, y)

    def _encoded(self, column: Column, chunks: pa.ChunkedArray) -> dict[str, Array]:
        values = _one_array(chunks)
        _, depth = _value_type(values.type)
        is_categorical = isinstance(column.feature, Categorical)
        if (
            isinstance(column.feature, Vector)
            or depth > 1
            or depth != len(column.shape)
        ):
            cells = values.to_pandas(integer_object_nulls=True)
            return self._tensors({column.name: dense_column(column, cells)})
        places = None
        if depth:
            values, places = _places(column, values)
        if not is_categorical:
            raw = np.append(_numbers(column, values), column.missing)
            raw = raw.astype(column.dtype)
            raw = raw[:-1] if places is None else raw[places]
            return self._tensors({column.name: raw})
        encoded, found = self._looked_up(column, values)
        chosen = found[:-1] if places is None else found[places]
        return {name: array[chosen] for name, array in encoded.items()}

    def _looked_up(
        self, column: Column, values: pa.Array
    ) -> tuple[dict[str, Array], Array]:
        """Encoded distinct values, and which of them each value is.

        One more place follows the values': that of a missing one, which is row 0.
        """
        values = _with_dictionary(column, values)
        distinct = values.dictionary
        key = f"{column.name} {distinct.type}"
        known, encoded = self._known.get(key) or self._nothing_known(column, distinct)
        places = pc.index_in(distinct, value_set=known)
        new = distinct.filter(places.is_null())
        if len(new):
            found = self._tensors({column.name: _raw(column, new)})
            known = pa.concat_arrays([known, new])
            encoded = {n: np.concatenate([a, found[n]]) for n, a in encoded.items()}
            places = pc.index_in(distinct, value_set=known)
            if len(known) <= KEPT_VALUES:
                self._known[key] = known, encoded
        rows = np.append(1 + np.asarray(places), 0)
        indices = pc.fill_null(values.indices.cast(pa.int64()), len(distinct))
        return encoded, rows[np.append(np.asarray(indices), len(distinct))]

    def _nothing_known(
        self, column: Column, distinct: pa.Array
    ) -> tuple[pa.Array, dict[str, Array]]:
        dtype = object if column.dtype == "string" else np.int64
        missing = np.array([column.missing], dtype)
        return distinct.slice(0, 0), self._tensors({column.name: missing})

    def _tensors(self, raw: Mapping[str, Array]) -> dict[str, Array]:
        return {name: t.numpy() for name, t in self.state.encode(raw).items()}


_KINDS = {"string": "text", "int64": "whole numbers", "float32": "numbers"}


def _one_array(chunks: pa.ChunkedArray) -> pa.Array:
    if pa.types.is_dictionary(chunks.type) and chunks.num_chunks > 1:
        chunks = chunks.unify_dictionaries()
    return chunks.combine_chunks() if chunks.num_chunks != 1 else chunks.chunk(0)


def _value_type(kind: pa.DataType) -> tuple[pa.DataType, int]:
    """Type of the values inside the lists of a type, and how deep they lie."""
    depth = 0
    while _is_list(kind):
        kind, depth = kind.value_type, depth + 1
    return (kind.value_type if pa.types.is_dictionary(kind) else kind), depth


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
    )


def _is_accepted(column: Column, kind: pa.DataType) -> bool:
    types = pa.types
    if types.is_null(kind):
        return True
    if column.dtype == "string":
        is_text = types.is_string(kind) or types.is_large_string(kind)
        return bool(is_text or types.is_binary(kind))
    # Whole numbers with gaps come as floats from pandas; their values are checked.
    is_number = types.is_integer(kind) or types.is_floating(kind)
    return bool(is_number and not types.is_float16(kind))


def _places(column: Column, lists: pa.Array) -> tuple[pa.Array, Array]:
    """Flat values of lists, and for each row the places of those that are kept.

    The place after the last value stands for a missing one.
    """
    lengths = np.asarray(pc.fill_null(pc.list_value_length(lists), 0), np.int64)
    flat = lists.flatten()
    width = column.shape[0]
    kept = np.minimum(lengths, width)
    # Histories keep their end, multi-valued features their beginning.
    skipped = lengths - kept if column.sequence is not None else 0
    first = np.cumsum(lengths) - lengths + skipped
    step = np.arange(width)
    places = np.where(step < kept[:, None], first[:, None] + step, len(flat))
    return flat, places


def _with_dictionary(column: Column, values: pa.Array) -> pa.Array:
    if pa.types.is_null(values.type):
        values = values.cast(pa.string() if column.dtype == "string" else pa.int64())
    is_dictionary = pa.types.is_dictionary(values.type)
    return values if is_dictionary else values.dictionary_encode()


def _raw(column: Column, values: pa.Array) -> Array:
    """Raw values, as encoding takes them."""
    if column.dtype == "string":
        return dense_column(_scalar(column), values.to_numpy(zero_copy_only=False))
    return _numbers(column, values)


def _scalar(column: Column) -> Column:
    return Column(column.name, column.dtype, (), column.role, column.feature)


def _numbers(column: Column, values: pa.Array) -> Array:
    """Numbers in the column's dtype, missing ones as its missing value."""
    whole = column.dtype == "int64"
    try:
        if whole and pa.types.is_floating(values.type):
            nothing = pa.scalar(None, values.type)
            values = pc.if_else(pc.is_nan(values), nothing, values)
        values = values.cast(pa.int64() if whole else pa.float32(), safe=whole)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(
            column.name,
            received=str(error).splitlines()[0],
            expected=_expected(column),
        ) from error
    return np.asarray(pc.fill_null(values, column.missing))


def _expected(column: Column) -> str:
    if isinstance(column.feature, Timestamp):
        return "whole seconds since 1970"
    return "numbers" if isinstance(column.feature, Numeric) else "whole numbers"
