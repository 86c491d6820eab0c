"""All embeddings of a schema: one vector for each field."""

from collections.abc import Iterable, Mapping
from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.features import Categorical, Column, FeatureSchema, Numeric, Vector
from tfctr.features.columns import calendar_size
from tfctr.layers.embedding.table import EmbeddingTable
from tfctr.saving import serializable
from tfctr.seeds import glorot, normal
from tfctr.types import Tensor

__all__ = ["EmbeddingCollection"]


@serializable
class EmbeddingCollection(keras.layers.Layer):
    """Turns encoded features into one vector for each field.

    Categorical columns look up their vocabulary's table, which all columns of that
    vocabulary share; multi-valued ones average their values. A number scales a
    trained vector; a precomputed vector is projected. Missing numbers, vectors and
    lists give zeros. Unix times themselves have no vector, their calendar units have.

    Args:
        schema: The schema, with sizes.
        dim: Width of the vectors.
        roles: Whose features to embed.
        stddev: Deviation of the tables' initial values.
        seed: Seed of the initial values; each table derives its own by name.
        **kwargs: Passed to `keras.layers.Layer`.

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
        stddev: float = 0.05,
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
        self.stddev = stddev
        self.seed = seed
        self._columns = [c for c in schema.encoded_columns(roles) if c.dtype != "int64"]
        # Each field's weights, and by which sub-layer: tables are shared by name.
        self._layers_by_key: dict[str, keras.layers.Layer] = {}
        for column in self._columns:
            key = self._key(column)
            if key not in self._layers_by_key:
                layer = self._make(column, key)
                setattr(self, f"_{key}", layer)
                self._layers_by_key[key] = layer

    def fields(self, roles: Iterable[str] | None = None) -> list[str]:
        """Names of the fields of the given roles, in the order of the schema."""
        wanted = self.roles if roles is None else tuple(roles)
        return [column.name for column in self._columns if column.role in wanted]

    def mask(self, sequence: str, inputs: Mapping[str, Tensor]) -> Tensor:
        """`(..., time)` booleans, `True` where an event of `sequence` is real."""
        for declared in self.schema.sequences:
            if declared.name == sequence:
                return ops.not_equal(
                    inputs[f"{sequence}_{declared.features[0].name}"], 0
                )
        raise InputError("sequence", received=sequence, expected="a declared sequence")

    def build(self, input_shape: Any = None) -> None:
        for column in self._columns:
            layer = self._layers_by_key[self._key(column)]
            if not layer.built:
                width = column.shape[-1] if isinstance(column.feature, Vector) else 1
                layer.build((None, width))

    def call(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        fields = {}
        for column in self._columns:
            if column.name not in inputs:
                continue
            values = inputs[column.name]
            layer = self._layers_by_key[self._key(column)]
            if isinstance(column.feature, Numeric):
                values = ops.expand_dims(values, -1)
            embedded = layer(values)
            if isinstance(column.feature, Categorical) and column.feature.max_values:
                embedded = _mean_of_known(embedded, values)
            fields[column.name] = embedded
        return fields

    def compute_output_shape(self, input_shape: Mapping[str, Any]) -> dict[str, Any]:
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
            "stddev": self.stddev,
            "seed": self.seed,
        }

    def _key(self, column: Column) -> str:
        if isinstance(column.feature, Categorical):
            return f"table_{column.feature.vocabulary}"
        if isinstance(column.feature, (Numeric, Vector)):
            return f"scale_{column.name}"
        return f"table_{column.name}"

    def _make(self, column: Column, key: str) -> keras.layers.Layer:
        if isinstance(column.feature, (Numeric, Vector)):
            return keras.layers.Dense(
                self.dim,
                use_bias=False,
                kernel_initializer=glorot(self.seed, key),
                dtype=self.dtype_policy,
                name=key,
            )
        if isinstance(column.feature, Categorical):
            num_rows = self.schema.size(column.feature.vocabulary)
        else:
            num_rows = calendar_size(column.name.rsplit("_", 1)[1])
        return EmbeddingTable(
            num_rows,
            self.dim,
            embeddings_initializer=normal(self.seed, key, self.stddev),
            dtype=self.dtype_policy,
            name=key,
        )


def _mean_of_known(embedded: Tensor, ids: Tensor) -> Tensor:
    known = ops.cast(ops.expand_dims(ops.not_equal(ids, 0), -1), embedded.dtype)
    total = ops.sum(embedded * known, axis=-2)
    return total / ops.maximum(ops.sum(known, axis=-2), 1)
