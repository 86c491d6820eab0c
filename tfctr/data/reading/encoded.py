"""Parquet files of encoded examples: their columns, and the state they belong to."""

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tfctr.data.cells import Array
from tfctr.data.reading.sources import Examples
from tfctr.errors import InputError
from tfctr.features import GROUP_ID, FeatureSchema
from tfctr.features.columns import Column
from tfctr.features.packing import packed_columns

if TYPE_CHECKING:
    from tfctr.features import SchemaState

__all__ = [
    "EncodedDecoder",
    "check_encoded_types",
    "encoded_columns",
    "encoded_table",
    "state_digest",
    "written_digest",
]

KEY = b"tfctr.encoded_by"
LABEL, WEIGHT = "label:", "weight:"


def state_digest(state: "SchemaState") -> str:
    """What tells two states apart, as short text."""
    parts = [state.schema.to_json(), json.dumps(state.moments, sort_keys=True)]
    digest = hashlib.sha256("\n".join(parts).encode())
    for name in sorted(state.vocabularies):
        values = "\n".join(state.vocabularies[name])
        digest.update(f"\n\n{name}\n{values}".encode())
    return digest.hexdigest()[:32]


def written_digest(types: pa.Schema) -> str | None:
    """The state that has encoded a file; nothing if it holds raw examples."""
    value = (types.metadata or {}).get(KEY)
    return None if value is None else value.decode()


def encoded_columns(schema: FeatureSchema) -> list[str]:
    """Names of the columns of such a file."""
    features = [column.name for column in _features(schema)]
    return [*features, *_targets(schema)]


def check_encoded_types(schema: FeatureSchema, types: pa.Schema, path: str) -> None:
    """Refuses a file of encoded examples that lacks a column or has another type."""
    expected = _types(schema)
    for name, kind in zip(expected.names, expected.types, strict=True):
        found = types.field(name).type if name in types.names else "no such column"
        if found != kind:
            raise InputError(
                name, received=f"{found} in {path}", expected=f"a column of {kind}"
            )


def encoded_table(schema: FeatureSchema, examples: Examples, digest: str) -> pa.Table:
    """A table of encoded, unpacked examples."""
    types = _types(schema).with_metadata({KEY: digest.encode()})
    x = examples[0]
    flat: dict[str, Array] = {c.name: x[c.name] for c in _features(schema)}
    for prefix, part in zip((LABEL, WEIGHT), examples[1:], strict=False):
        flat |= {f"{prefix}{name}": values for name, values in part.items()}
    arrays = []
    for name, kind in zip(types.names, types.types, strict=True):
        values = pa.array(np.ascontiguousarray(flat[name]).reshape(-1))
        if pa.types.is_fixed_size_list(kind):
            values = pa.FixedSizeListArray.from_arrays(values, kind.list_size)
        arrays.append(values.cast(kind))
    return pa.Table.from_arrays(arrays, schema=types)


class EncodedDecoder:
    """Gives back what `encoded_table` got.

    Args:
        schema: The declaration.
        packed: Whether to put the columns of one dtype side by side.
    """

    def __init__(self, schema: FeatureSchema, packed: bool) -> None:
        self.schema, self.packed = schema, packed

    def __call__(self, table: pa.Table) -> Examples:
        features = _features(self.schema)
        x = self._packed(table) if self.packed else None
        if x is None:
            x = {c.name: _array(table, c.name, c.shape) for c in features}
        parts: list[Mapping[str, Array]] = [x]
        for prefix in (LABEL, WEIGHT)[: 1 + self.schema.has_weights]:
            names = [label.name for label in self.schema.labels]
            parts.append({name: _array(table, prefix + name, ()) for name in names})
        return tuple(parts)

    def _packed(self, table: pa.Table) -> dict[str, Array]:
        """As `pack`, each column straight to its place."""
        features = [*packed_columns(self.schema), _group_id(self.schema)]
        widths: dict[str, int] = {}
        for column in features:
            width = int(np.prod(column.shape, dtype=int))
            widths[column.dtype] = widths.get(column.dtype, 0) + width
        packed = {
            dtype: np.empty((len(table), width), dtype)
            for dtype, width in widths.items()
        }
        places = dict.fromkeys(widths, 0)
        for column in features:
            start = places[column.dtype]
            stop = start + int(np.prod(column.shape, dtype=int))
            values = _array(table, column.name, (stop - start,))
            packed[column.dtype][:, start:stop] = values
            places[column.dtype] = stop
        return {f"packed_{dtype}": values for dtype, values in packed.items()}


def _features(schema: FeatureSchema) -> list[Column]:
    return [*schema.encoded_columns(), _group_id(schema)]


def _group_id(schema: FeatureSchema) -> Column:
    user = next(f for f in schema.user if f.name == schema.user_id)
    return Column(GROUP_ID, "int64", (), "user", user)


def _targets(schema: FeatureSchema) -> list[str]:
    prefixes = (LABEL, WEIGHT)[: 1 + schema.has_weights]
    return [f"{prefix}{label.name}" for prefix in prefixes for label in schema.labels]


def _types(schema: FeatureSchema) -> pa.Schema:
    fields = []
    for column in _features(schema):
        kind = pa.from_numpy_dtype(np.dtype(column.dtype))
        if column.shape:
            kind = pa.list_(kind, int(np.prod(column.shape)))
        fields.append((column.name, kind))
    return pa.schema([*fields, *((name, pa.float32()) for name in _targets(schema))])


def _array(table: pa.Table, name: str, shape: tuple[int, ...]) -> Array:
    values = table[name].combine_chunks()
    if isinstance(values, pa.ChunkedArray):
        values = values.chunk(0)
    if pa.types.is_fixed_size_list(values.type):
        values = values.flatten()
    return np.asarray(values.to_numpy()).reshape(len(table), *shape)
