"""The one encoding of raw features: in training, in TFT and in the exported graph."""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from tfctr.errors import InputError
from tfctr.features.calendar import calendar_ids
from tfctr.features.columns import GROUP_ID, Column
from tfctr.features.schema import FeatureSchema
from tfctr.features.specs import Categorical, Numeric, Timestamp, Vector, Vocabulary
from tfctr.types import Tensor

__all__ = ["encode", "numeric_values", "text_values", "vocabulary_ids"]

# Fingerprints of hashed values with several rows, or in a table of several features:
# the largest number of them that leaves both 0 and 2**31 - 1 free in int32.
NUM_FINGERPRINTS = 2**31 - 2

# From a vocabulary's name and strings to their int64 places, -1 for unknown ones.
Lookup = Callable[[str, Tensor], Tensor]


def encode(
    schema: FeatureSchema,
    raw: Mapping[str, Tensor],
    lookup: Lookup,
    moments: Mapping[str, tuple[Any, Any]],
) -> dict[str, Tensor]:
    """Turns raw features into what models get.

    Args:
        schema: The declaration.
        raw: Dense raw tensors by column name, with any leading dimensions; columns
            that are left out are left out of the result.
        lookup: Finds strings in a learnt or fixed vocabulary.
        moments: Mean and scale by raw column name, for standardised numbers.

    Returns:
        Encoded tensors by name; `group_id` (int64) where the user id is given.
    """
    encoded: dict[str, Tensor] = {}
    for column in schema.raw_columns():
        if column.name not in raw:
            continue
        values = _checked(column, raw[column.name])
        feature = column.feature
        if isinstance(feature, Categorical):
            vocabulary = schema.vocabulary(feature.vocabulary)
            encoded[column.name] = vocabulary_ids(vocabulary, values, lookup)
        elif isinstance(feature, Numeric):
            encoded[column.name] = _scaled(column, values, moments)
        elif isinstance(feature, Vector):
            encoded[column.name] = _whole_vectors(values)
        elif isinstance(feature, Timestamp):
            encoded[column.name] = values
            for unit in feature.calendar:
                name = f"{column.name}_{unit}"
                encoded[name] = calendar_ids(values, unit, feature.time_zone)
    if schema.user_id in raw:
        text = text_values(raw[schema.user_id])
        encoded[GROUP_ID] = tf.strings.to_hash_bucket_fast(text, 2**63 - 1)
    return encoded


def text_values(values: Tensor) -> Tensor:
    """Ids as text; a missing one is the empty text."""
    if values.dtype == tf.string:
        return values
    text = tf.strings.as_string(values)
    return tf.where(values == -1, tf.zeros_like(text), text)


def numeric_values(feature: Numeric, values: Tensor) -> tuple[Tensor, Tensor]:
    """Numbers before scaling, and where they are known (finite)."""
    known = tf.math.is_finite(values)
    values = tf.where(known, values, tf.zeros_like(values))
    if feature.transform == "log_standardize":
        values = tf.math.log1p(tf.maximum(values, 0.0))
    return values, known


def vocabulary_ids(vocabulary: Vocabulary, values: Tensor, lookup: Lookup) -> Tensor:
    """int32 ids of raw values; 0 is missing.

    Args:
        vocabulary: How they are encoded.
        values: Strings or int64, any shape.
        lookup: Finds strings in a learnt or fixed vocabulary.

    Returns:
        Rows of the vocabulary's table, or fingerprints: see
        `Vocabulary.is_fingerprinted`.
    """
    text = text_values(values)
    if vocabulary.is_fingerprinted:
        ids = 1 + tf.strings.to_hash_bucket_fast(text, NUM_FINGERPRINTS)
    elif vocabulary.num_hash_buckets is not None:
        buckets = vocabulary.num_hash_buckets
        ids = 1 + tf.strings.to_hash_bucket_fast(text, buckets)
    else:
        place = lookup(vocabulary.name, text)
        unknown = 1 + tf.strings.to_hash_bucket_fast(text, vocabulary.num_oov)
        ids = tf.where(place >= 0, place + 1 + vocabulary.num_oov, unknown)
    ids = tf.where(tf.equal(text, ""), tf.zeros_like(ids), ids)
    return tf.cast(ids, tf.int32)


def _scaled(
    column: Column, values: Tensor, moments: Mapping[str, tuple[Any, Any]]
) -> Tensor:
    feature = column.feature
    if not isinstance(feature, Numeric):
        raise TypeError(f"{column.name} is not numeric")
    values, known = numeric_values(feature, values)
    if feature.transform != "none":
        if column.name not in moments:
            raise InputError(
                column.name, received="no moments", expected="a state with its mean"
            )
        mean, scale = moments[column.name]
        values = (values - tf.cast(mean, tf.float32)) / tf.cast(scale, tf.float32)
    return tf.where(known, values, tf.zeros_like(values))


def _whole_vectors(values: Tensor) -> Tensor:
    """Zeros for vectors that are missing, or that have a number that is not finite.

    A half of a vector points elsewhere than the vector; and a served graph cannot
    refuse one row of a request, as frames in memory do.
    """
    known = tf.reduce_all(tf.math.is_finite(values), axis=-1, keepdims=True)
    return tf.where(known, values, tf.zeros_like(values))


def _checked(column: Column, values: Any) -> Tensor:
    tensor = tf.convert_to_tensor(values)
    if tensor.dtype.name != column.dtype:
        raise InputError(
            column.name,
            received=f"dtype {tensor.dtype.name}",
            expected=f"dtype {column.dtype}",
        )
    if isinstance(column.feature, Vector):
        column.feature.check_width(column.name, tensor.shape)
    return tensor
