"""TensorFlow Transform's side of a feature schema: learning and encoding."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from tfctr.errors import InputError
from tfctr.features import FeatureSchema, Numeric, SchemaState, encode
from tfctr.features.columns import Column
from tfctr.features.encoding import numeric_values, text_values
from tfctr.features.examples import densify
from tfctr.types import Tensor

__all__ = [
    "MOMENTS",
    "make_preprocessing_fn",
    "preprocessing_fn",
    "sparse_spec",
    "state_from_transform",
]

# Output with mean and scale of each standardised column, the same in every row: the
# released Transform has no other way to hand out numbers that it has learnt.
MOMENTS = "_moments"
Tensors = dict[str, Tensor]


def preprocessing_fn(inputs: Tensors, custom_config: Mapping[str, Any]) -> Tensors:
    """Entry point of TFX's Transform.

    Args:
        inputs: Sparse raw features by name.
        custom_config: Has `schema`, the feature schema as JSON.
    """
    schema = FeatureSchema.from_json(custom_config["schema"])
    return make_preprocessing_fn(schema)(inputs)


def make_preprocessing_fn(schema: FeatureSchema) -> Callable[[Tensors], Tensors]:
    """Learns a schema's state with analyzers and encodes with it.

    Args:
        schema: The declaration.

    Returns:
        A function from sparse raw features (and labels) to encoded ones; ids are
        int64, since transformed examples have no int32. Labels and weights pass
        through as float32, NaN where they are missing.
    """

    def preprocess(inputs: Tensors) -> Tensors:
        raw = {c.name: _dense(c, inputs[c.name]) for c in schema.raw_columns()}
        files = {
            vocabulary.name: _learn_vocabulary(schema, vocabulary.name, raw)
            for vocabulary in schema.vocabularies
            if vocabulary.is_learnt
        }
        moments = {
            column.name: _learn_moments(column, raw[column.name])
            for column in schema.raw_columns()
            if _is_scaled(column)
        }

        def lookup(vocabulary: str, text: Tensor) -> Tensor:
            if vocabulary in files:
                return tft.apply_vocabulary(text, files[vocabulary], default_value=-1)
            return _fixed_table(schema, vocabulary).lookup(text)

        encoded = encode(schema, raw, lookup, moments)
        if moments:
            row = tf.cast(tf.stack(list(moments.values())), tf.float32)
            shape = [tf.shape(raw[schema.user_id])[0], 1, 1]
            encoded[MOMENTS] = tf.tile(row[None], shape)
        for name in schema.label_columns():
            encoded[name] = _label(inputs[name])
        return {
            name: tf.cast(value, tf.int64) if value.dtype == tf.int32 else value
            for name, value in encoded.items()
        }

    return preprocess


def state_from_transform(output: Any, schema: FeatureSchema) -> SchemaState:
    """What Transform has learnt, in the form that models and exports use.

    Args:
        output: A `tft.TFTransformOutput`.
        schema: The declaration that its `preprocessing_fn` was made from.
    """
    vocabularies = {
        vocabulary.name: [
            value.decode() for value in output.vocabulary_by_name(vocabulary.name)
        ]
        for vocabulary in schema.vocabularies
        if vocabulary.is_learnt
    }
    columns = [column.name for column in schema.raw_columns() if _is_scaled(column)]
    moments = {}
    if columns:
        nothing = tf.io.parse_example([b""], sparse_spec(schema))
        learnt = output.transform_raw_features(nothing)[MOMENTS][0].numpy()
        moments = dict(zip(columns, learnt.tolist(), strict=True))
    return SchemaState(schema, vocabularies, moments)


def sparse_spec(schema: FeatureSchema) -> dict[str, Any]:
    """Spec by which Transform itself parses raw examples: everything is sparse."""
    spec = {c.name: tf.io.VarLenFeature(c.dtype) for c in schema.raw_columns()}
    labels = {n: tf.io.VarLenFeature(tf.float32) for n in schema.label_columns()}
    return {**spec, **labels}


def _dense(column: Column, sparse: tf.SparseTensor) -> Tensor:
    return densify(column, _ragged(sparse))


def _label(sparse: tf.SparseTensor) -> Tensor:
    return _ragged(sparse).to_tensor(float("nan"), shape=(None, 1))[:, 0]


def _ragged(sparse: tf.SparseTensor) -> Any:
    # `from_sparse` checks what parsing guarantees, which doubles the graph.
    return tf.RaggedTensor.from_value_rowids(
        sparse.values, sparse.indices[:, 0], sparse.dense_shape[0], validate=False
    )


def _is_scaled(column: Column) -> bool:
    return isinstance(column.feature, Numeric) and column.feature.transform != "none"


def _learn_vocabulary(schema: FeatureSchema, name: str, raw: Tensors) -> Tensor:
    settings = schema.vocabulary(name)
    columns = schema.vocabulary_columns(name)
    texts = [tf.reshape(text_values(raw[c.name]), [-1]) for c in columns]
    text = tf.concat(texts, axis=0)
    return tft.vocabulary(
        tf.boolean_mask(text, tf.not_equal(text, "")),
        top_k=settings.max_size,
        frequency_threshold=settings.min_count if settings.min_count > 1 else None,
        vocab_filename=name,
        name=f"vocabulary_{name}",
    )


def _learn_moments(column: Column, values: Tensor) -> tuple[Tensor, Tensor]:
    if not isinstance(column.feature, Numeric):
        raise TypeError(f"{column.name} is not numeric")
    numbers, known = numeric_values(column.feature, values)
    numbers = tf.cast(tf.boolean_mask(numbers, known), tf.float64)
    mean = tft.mean(numbers, name=f"mean_{column.name}")
    deviation = tf.sqrt(tft.var(numbers, name=f"variance_{column.name}"))
    return mean, tf.where(deviation > 0, deviation, tf.ones_like(deviation))


def _fixed_table(schema: FeatureSchema, name: str) -> Any:
    values = schema.vocabulary(name).values
    if values is None:
        raise InputError(name, received="no values", expected="a fixed vocabulary")

    def make() -> Any:
        keys = np.array([value.encode() for value in values], object)
        rows = np.arange(len(values), dtype="int64")
        source = tf.lookup.KeyValueTensorInitializer(keys, rows, tf.string, tf.int64)
        return tf.lookup.StaticHashTable(source, -1)

    return tft.make_and_track_object(make, name=f"fixed_{name}")
