"""All embeddings of a schema: one vector for each field."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError, UnknownName
from tfctr.features import Categorical, Column, FeatureSchema, Numeric, Vector
from tfctr.features.packing import is_single, place_of
from tfctr.layers.embedding.fused import Lookup, gather_all, table_sizes
from tfctr.layers.embedding.initializers import NormalByName
from tfctr.layers.embedding.table import EmbeddingTable
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Tensor

__all__ = ["EmbeddingCollection"]


@serializable
class EmbeddingCollection(keras.layers.Layer):
    """Turns encoded features into one vector for each field.

    Categorical columns look up their vocabulary's rows, which all columns of that
    vocabulary share; multi-valued ones average their values, and multi-hash ones
    their hashes. All rows lie in one variable and are read by one look-up. A number
    scales a trained vector; a precomputed vector is projected. Missing numbers,
    vectors and lists give zeros. Unix times themselves have no vector, their calendar
    units have.

    Args:
        schema: The schema, with sizes.
        dim: Width of the vectors.
        roles: Whose features to embed.
        only: Names of the columns to embed; all of the roles by default.
        stddev: Deviation of the tables' initial values, or one for each of `dim`.
        seed: Seed of the initial values; each table derives its own by name.
        **kwargs: Passed to `keras.layers.Layer`.

    Attributes:
        table: The `EmbeddingTable` with all rows; `None` without categorical columns.
        tables: Rows `(start, stop)` of each part of it by key: `table_<table of the
            vocabulary>` and `table_<calendar column>`.

    Call arguments:
        inputs: Encoded tensors by name, with any leading dimensions. Columns that
            are left out are left out of the result.

    Returns:
        Dict of `(..., dim)` by field name in the compute dtype; fields of sequences
        are `(..., time, dim)` and not masked: see `mask`.
    """

    def __init__(
        self,
        schema: FeatureSchema,
        dim: int,
        *,
        roles: Iterable[str] = ("user", "item", "context", "sequence"),
        only: Iterable[str] | None = None,
        stddev: float | Sequence[float] = 0.05,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(schema, Mapping):
            schema = FeatureSchema.from_dict(schema)
        if dim < 1:
            raise InputError("dim", received=dim, expected="a positive number")
        self.schema = schema
        self.dim = dim
        self.roles = tuple(roles)
        self.only = None if only is None else list(only)
        self.stddev = stddev if isinstance(stddev, (int, float)) else list(stddev)
        if isinstance(self.stddev, list) and len(self.stddev) != dim:
            raise InputError(
                "stddev", received=f"{len(self.stddev)} numbers", expected=f"{dim}"
            )
        self.seed = seed
        self._columns = self._chosen(schema.encoded_columns(self.roles))
        self._by_place = {c.name: c for c in sorted(self._columns, key=place_of)}
        sizes = table_sizes(schema, self._columns)
        self.tables: dict[str, tuple[int, int]] = {}
        start = 0
        for key, rows in sizes.items():
            self.tables[key] = (start, start + rows)
            start += rows
        self.table = self._make_table(sizes) if sizes else None
        self._scales = {c.name: self._make_scale(c) for c in self._columns if _wide(c)}

    def fields(self, roles: Iterable[str] | None = None) -> list[str]:
        """Names of the fields of the given roles, in the order of the schema."""
        wanted = self.roles if roles is None else tuple(roles)
        return [column.name for column in self._columns if column.role in wanted]

    def stacked_fields(self, roles: Iterable[str] | None = None) -> list[str]:
        """Names of the fields of the given roles, in the order of `stacked`."""
        wanted = self.roles if roles is None else tuple(roles)
        return [name for name, c in self._by_place.items() if c.role in wanted]

    def mask(self, sequence: str, inputs: Mapping[str, Tensor]) -> Tensor:
        """`(..., time)` booleans, `True` where an event of `sequence` is real."""
        for declared in self.schema.sequences:
            if declared.name == sequence:
                return ops.not_equal(
                    inputs[f"{sequence}_{declared.features[0].name}"], 0
                )
        raise InputError("sequence", received=sequence, expected="a declared sequence")

    def build(self, input_shape: Any = None) -> None:
        if self.table is not None and not self.table.built:
            self.table.build(None)
            self.table.built = True
        for column in self._columns:
            if _wide(column) and not self._scales[column.name].built:
                is_vector = isinstance(column.feature, Vector)
                width = column.shape[-1] if is_vector else 1
                self._scales[column.name].build((None, width))

    def call(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for names, block in self._blocks(inputs):
            vectors = ops.unstack(block, len(names), axis=-2)
            found |= dict(zip(names, vectors, strict=True))
        found |= self._scaled(inputs)
        return {name: found[name] for name in self.fields() if name in found}

    def stacked(self, inputs: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The same vectors with as few copies as there can be.

        Args:
            inputs: As for a call, with a column outside of the sequences.

        Returns:
            `(..., fields, dim)` of the given columns outside of the sequences, in the
            order of `stacked_fields`; and those of sequences by name, as in a call.
        """
        if not self.built:
            self.build()
        parts = self._parts(self._blocks(inputs), self._scaled(inputs))
        events = {
            name: ops.squeeze(parts.pop(name), -2)
            for name in list(parts)
            if self._by_place[name].sequence is not None
        }
        return self._joined(parts), events

    def compute_output_shape(self, input_shape: Mapping[str, Any]) -> Any:
        shapes = {}
        for column in self._columns:
            if column.name in input_shape:
                is_wide = isinstance(column.feature, Vector) or (
                    isinstance(column.feature, Categorical)
                    and column.feature.max_values is not None
                )
                outer = tuple(input_shape[column.name])
                shapes[column.name] = ((*outer[:-1],) if is_wide else outer) + (
                    self.dim,
                )
        return shapes

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "schema": self.schema.to_dict(),
            "dim": self.dim,
            "roles": list(self.roles),
            "only": self.only,
            "stddev": self.stddev,
            "seed": self.seed,
        }

    def _chosen(self, columns: Sequence[Column]) -> list[Column]:
        """Those of the columns that have a vector and are asked for."""
        have = {column.name: column for column in columns if column.dtype != "int64"}
        for name in self.only or ():
            if name not in have:
                raise UnknownName("only", name, have)
        wanted = have if self.only is None else self.only
        return [column for name, column in have.items() if name in wanted]

    def _blocks(self, inputs: Mapping[str, Tensor]) -> list[tuple[list[str], Tensor]]:
        """Vectors `(..., fields, dim)` of the categorical columns that are given.

        Columns of one shape come as one block, in the order of `stacked_fields`; all
        are read by one gather.
        """
        lookups = self._lookups(inputs)
        if not lookups or self.table is None:
            return []
        blocks = gather_all(self.table, [lookup.rows for lookup in lookups])
        return [
            (lookup.names, lookup.pooled(block))
            for lookup, block in zip(lookups, blocks, strict=True)
        ]

    def _lookups(self, inputs: Mapping[str, Tensor]) -> list[Lookup]:
        groups: dict[Any, list[Column]] = {}
        for column in self._by_place.values():
            if column.name in inputs and not _wide(column):
                groups.setdefault(Lookup.kind(self.schema, column), []).append(column)
        return [
            Lookup(self.schema, columns, inputs, self.tables)
            for columns in groups.values()
        ]

    def _parts(
        self,
        blocks: Iterable[tuple[list[str], Tensor]],
        scaled: Mapping[str, Tensor],
    ) -> dict[str, Tensor]:
        """`(..., fields, dim)` by the name of the first of the fields in it."""
        parts = {name: ops.expand_dims(vector, -2) for name, vector in scaled.items()}
        for names, block in blocks:
            if is_single(self._by_place[names[0]]):
                # All single values lie side by side as they came.
                parts[names[0]] = block
            else:
                vectors = ops.split(block, len(names), axis=-2)
                parts |= dict(zip(names, vectors, strict=True))
        return parts

    def _joined(self, parts: Mapping[str, Tensor]) -> Tensor:
        ordered = [parts[name] for name in self._by_place if name in parts]
        return ordered[0] if len(ordered) == 1 else ops.concatenate(ordered, axis=-2)

    def _scaled(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        scaled = {}
        for column in self._columns:
            if _wide(column) and column.name in inputs:
                values = inputs[column.name]
                if isinstance(column.feature, Numeric):
                    values = ops.expand_dims(values, -1)
                scaled[column.name] = self._scales[column.name](values)
        return scaled

    def _make_table(self, sizes: Mapping[str, int]) -> EmbeddingTable:
        return EmbeddingTable(
            sum(sizes.values()),
            self.dim,
            embeddings_initializer=NormalByName(
                sizes, stddev=self.stddev, seed=self.seed
            ),
            dtype=self.dtype_policy,
            name="table",
        )

    def _make_scale(self, column: Column) -> keras.layers.Layer:
        key = f"scale_{column.name}"
        return keras.layers.Dense(
            self.dim,
            use_bias=False,
            kernel_initializer=glorot(self.seed, key),
            dtype=self.dtype_policy,
            name=key,
        )


def _wide(column: Column) -> bool:
    """Whether a column has no rows but a kernel: numbers and vectors."""
    return isinstance(column.feature, (Numeric, Vector))
