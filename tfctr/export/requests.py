"""Raw tensors of requests: their specs, and cutting them to what models expect."""

from collections.abc import Iterable, Mapping

import tensorflow as tf

from tfctr.features import Categorical, Column, FeatureSchema, Sequence
from tfctr.types import Tensor

__all__ = ["ITEM_ROLES", "USER_ROLES", "cut", "request_specs"]

USER_ROLES = ("user", "context", "sequence")
ITEM_ROLES = ("item",)


def request_specs(
    schema: FeatureSchema, roles: Iterable[str], leading: tuple[None, ...]
) -> dict[str, tf.TensorSpec]:
    """Specs of raw columns with the given leading dimensions.

    Histories and lists of values may have any length: a client sends what there is.
    """
    return {
        column.name: tf.TensorSpec(
            (*leading, *_open_shape(column)), column.dtype, column.name
        )
        for column in schema.raw_columns(roles)
    }


def cut(schema: FeatureSchema, raw: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Cuts histories to their most recent events and lists to their first values.

    Args:
        schema: The declaration.
        raw: Raw tensors; histories `(batch, time, ...)`, padded at the end.
    """
    cut_to = dict(raw)
    for column in schema.raw_columns():
        feature = column.feature
        if column.name not in raw or not isinstance(feature, Categorical):
            continue
        if feature.max_values is not None:
            cut_to[column.name] = raw[column.name][..., : feature.max_values]
    for sequence in schema.sequences:
        names = [
            column.name
            for column in schema.raw_columns(["sequence"])
            if column.sequence == sequence and column.name in raw
        ]
        if names:
            first = raw[f"{sequence.name}_{sequence.features[0].name}"]
            events = _recent_events(sequence, first)
            for name in names:
                cut_to[name] = tf.gather(cut_to[name], events, batch_dims=1)
    return cut_to


def _recent_events(sequence: Sequence, first: Tensor) -> Tensor:
    """Places `(batch, min(time, max_length))` of the most recent real events."""
    time = tf.shape(first)[1]
    missing = "" if first.dtype == tf.string else -1
    places = tf.range(1, time + 1)
    real = tf.where(tf.not_equal(first, missing), places, 0)
    length = tf.reduce_max(tf.pad(real, [[0, 0], [1, 0]]), axis=1)
    kept = tf.minimum(time, sequence.max_length)
    start = tf.maximum(length - kept, 0)
    return start[:, None] + tf.range(kept)


def _open_shape(column: Column) -> tuple[int | None, ...]:
    is_list = isinstance(column.feature, Categorical)
    inner = column.shape[1:] if column.sequence is not None else column.shape
    outer = (None,) if column.sequence is not None else ()
    return (*outer, *((None,) * len(inner) if is_list else inner))
