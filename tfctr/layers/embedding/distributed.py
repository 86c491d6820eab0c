"""The embeddings of a schema on a TPU, by `keras_rs.layers.DistributedEmbedding`."""

from collections.abc import Iterable, Mapping
from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.features import Categorical, Column, FeatureSchema, Numeric, Vector
from tfctr.layers.embedding.fused import table_key, table_sizes
from tfctr.layers.embedding.initializers import NormalByName
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Tensor

__all__ = ["DistributedCollection", "feature_configs"]


def feature_configs(
    schema: FeatureSchema,
    dim: int,
    batch_size: int | None = None,
    *,
    roles: Iterable[str] = ("user", "item", "context", "sequence"),
    stddev: float = 0.05,
    seed: int = 0,
    optimizer: Any = "adam",
    placement: str = "auto",
) -> dict[str, Any]:
    """What `keras_rs.layers.DistributedEmbedding` takes, by column name.

    A single value is looked up; several are averaged, weighted by whether they are
    known; each event of a sequence counts as an example of its own. Columns of one
    table share one `TableConfig`.

    Args:
        schema: The schema, with sizes.
        dim: Width of the vectors.
        batch_size: Examples in a global batch; a TPU needs to know it.
        roles: Whose features to embed.
        stddev: Deviation of the tables' initial values.
        seed: Seed of the initial values; each table derives its own by name.
        optimizer: The tables' own optimizer, one that keras-rs takes: a name or a
            Keras optimizer. Off TPU, that of the model trains them.
        placement: `"auto"`, `"sparsecore"` or `"default_device"`.

    Raises:
        InputError: A vocabulary needs several rows of each id.
    """
    import keras_rs  # half a second, and few need it

    columns = [c for c in schema.encoded_columns(roles) if _has_rows(c)]
    for column in columns:
        _check(schema, column)
    tables = {
        key: keras_rs.layers.TableConfig(
            name=key,
            vocabulary_size=rows,
            embedding_dim=dim,
            initializer=NormalByName({key: rows}, stddev=stddev, seed=seed),
            optimizer=optimizer,
            combiner="mean",
            placement=placement,
        )
        for key, rows in table_sizes(schema, columns).items()
    }
    configs = {}
    for column in columns:
        time = column.sequence.max_length if column.sequence else 1
        count = None if batch_size is None else batch_size * time
        values = _max_values(column)
        configs[column.name] = keras_rs.layers.FeatureConfig(
            name=column.name,
            table=tables[table_key(schema, column)],
            input_shape=(count, values) if values else (count,),
            output_shape=(count, dim),
        )
    return configs


@serializable
class DistributedCollection(keras.layers.Layer):
    """The vectors of `EmbeddingCollection`, with tables spread over a TPU's cores.

    It is called like `EmbeddingCollection` and, with the same rows, gives the same
    vectors. Off TPU keras-rs holds tables as ordinary Keras variables, with dense
    gradients: right, but slow for large vocabularies. No TPU was available to its
    authors; what is tested is construction and the CPU path.

    It cannot do: multi-hash vocabularies (several rows of each id), `stacked`, and
    inputs with other leading dimensions than the batch.

    Args:
        schema: The schema, with sizes.
        dim: Width of the vectors.
        batch_size: As for `feature_configs`.
        roles: Whose features to embed.
        stddev: Deviation of the tables' initial values.
        seed: Seed of the initial values; each table derives its own by name.
        optimizer: As for `feature_configs`.
        placement: As for `feature_configs`.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Encoded tensors `(batch, ...)` by name: all columns of the roles.

    Returns:
        Dict of `(batch, dim)` by field name in the compute dtype; fields of sequences
        are `(batch, time, dim)` and not masked.
    """

    def __init__(
        self,
        schema: FeatureSchema,
        dim: int,
        batch_size: int | None = None,
        *,
        roles: Iterable[str] = ("user", "item", "context", "sequence"),
        stddev: float = 0.05,
        seed: int = 0,
        optimizer: Any = "adam",
        placement: str = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(schema, Mapping):
            schema = FeatureSchema.from_dict(schema)
        self.schema = schema
        self.dim = dim
        self.batch_size = batch_size
        self.roles = tuple(roles)
        self.stddev = stddev
        self.seed = seed
        if isinstance(optimizer, Mapping):
            optimizer = keras.saving.deserialize_keras_object(optimizer)
        self.optimizer = optimizer
        self.placement = placement
        columns = schema.encoded_columns(self.roles)
        self._columns = [column for column in columns if column.dtype != "int64"]
        self.embedding = self._make_embedding()
        self._scales = {
            column.name: _scale(column, dim, seed, self.dtype_policy)
            for column in self._columns
            if not _has_rows(column)
        }

    def _make_embedding(self) -> keras.layers.Layer:
        import keras_rs

        configs = feature_configs(
            self.schema,
            self.dim,
            self.batch_size,
            roles=self.roles,
            stddev=self.stddev,
            seed=self.seed,
            optimizer=self.optimizer,
            placement=self.placement,
        )
        return keras_rs.layers.DistributedEmbedding(
            configs, dtype=self.dtype_policy, name="embedding"
        )

    def build(self, input_shape: Any = None) -> None:
        if not self.embedding.built:
            shapes = {
                name: config.input_shape
                for name, config in self.embedding._feature_configs.items()
            }
            self.embedding.build(shapes)
        for column in self._columns:
            if not _has_rows(column) and not self._scales[column.name].built:
                is_vector = isinstance(column.feature, Vector)
                width = column.shape[-1] if is_vector else 1
                self._scales[column.name].build((None, width))

    def call(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        ids = {c.name: inputs[c.name] for c in self._columns if _has_rows(c)}
        flat = {
            column.name: _flat(ids[column.name], column)
            for column in self._columns
            if column.name in ids
        }
        known = {
            name: ops.cast(ops.not_equal(value, 0), self.compute_dtype)
            if len(value.shape) == 2
            else ops.ones_like(value, self.compute_dtype)
            for name, value in flat.items()
        }
        found = self.embedding(flat, known)
        vectors = {}
        for column in self._columns:
            name = column.name
            if name not in ids:
                vectors[name] = self._scaled(column, inputs[name])
            elif column.sequence:
                shape = (-1, column.sequence.max_length, self.dim)
                vectors[name] = ops.reshape(found[name], shape)
            else:
                vectors[name] = found[name]
        return vectors

    def compute_output_shape(self, input_shape: Mapping[str, Any]) -> dict[str, Any]:
        shapes = {}
        for column in self._columns:
            time = (column.sequence.max_length,) if column.sequence else ()
            batch = input_shape[column.name][:1]
            shapes[column.name] = (*batch, *time, self.dim)
        return shapes

    def get_config(self) -> dict[str, Any]:
        is_name = isinstance(self.optimizer, str)
        return {
            **super().get_config(),
            "schema": self.schema.to_dict(),
            "dim": self.dim,
            "batch_size": self.batch_size,
            "roles": list(self.roles),
            "stddev": self.stddev,
            "seed": self.seed,
            "optimizer": self.optimizer
            if is_name
            else keras.saving.serialize_keras_object(self.optimizer),
            "placement": self.placement,
        }

    def _scaled(self, column: Column, values: Tensor) -> Tensor:
        if isinstance(column.feature, Numeric):
            values = ops.expand_dims(values, -1)
        return self._scales[column.name](values)


def _has_rows(column: Column) -> bool:
    """Whether a column has rows in a table, as opposed to a kernel or nothing."""
    return column.dtype != "int64" and not isinstance(column.feature, (Numeric, Vector))


def _max_values(column: Column) -> int | None:
    feature = column.feature
    return feature.max_values if isinstance(feature, Categorical) else None


def _check(schema: FeatureSchema, column: Column) -> None:
    feature = column.feature
    if not isinstance(feature, Categorical):
        return
    vocabulary = schema.vocabulary(feature.vocabulary)
    if vocabulary.is_fingerprinted:
        raise InputError(
            column.name,
            received=f"vocabulary {vocabulary.name!r}, whose ids the layer hashes",
            expected="one whose encoded ids are rows of its table",
            hint="Use EmbeddingCollection, or a vocabulary with `num_hashes=1`.",
        )


def _flat(ids: Tensor, column: Column) -> Tensor:
    """Events of a sequence as examples of their own."""
    if column.sequence is None:
        return ids
    values = _max_values(column)
    return ops.reshape(ids, (-1, values) if values else (-1,))


def _scale(column: Column, dim: int, seed: int, dtype: Any) -> keras.layers.Layer:
    key = f"scale_{column.name}"
    return keras.layers.Dense(
        dim,
        use_bias=False,
        kernel_initializer=glorot(seed, key),
        dtype=dtype,
        name=key,
    )
