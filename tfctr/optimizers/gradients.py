"""Gradients that are tensors or, of tables, rows of them."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import tensorflow as tf

from tfctr import kernels
from tfctr.types import Tensor

__all__ = ["clipped", "dense", "scaled", "unique_rows"]

Gradient: TypeAlias = Any  # tf.Tensor | tf.IndexedSlices; TensorFlow has no types


def unique_rows(gradient: tf.IndexedSlices) -> tuple[Tensor, Tensor]:
    """Each row that occurs, once, and the sum of its gradients."""
    places, segments = tf.unique(gradient.indices)
    return places, kernels.sum_rows(gradient.values, segments, tf.size(places))


def dense(gradient: Gradient, num_rows: int) -> Tensor:
    """The gradient of all rows."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    return kernels.sum_rows(gradient.values, gradient.indices, num_rows)


def scaled(gradient: Gradient, factor: Any) -> Gradient:
    """The gradient times a number; `None` stays `None`."""
    if gradient is None:
        return None
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient * tf.cast(factor, gradient.dtype)
    values = gradient.values * tf.cast(factor, gradient.values.dtype)
    return tf.IndexedSlices(values, gradient.indices, gradient.dense_shape)


def clipped(
    grads: Sequence[Gradient],
    *,
    norm: float | None = None,
    value: float | None = None,
    global_norm: float | None = None,
) -> list[Gradient]:
    """Gradients clipped as Keras clips dense ones.

    Rows that occur several times are summed first, since the norm of a sum is not
    that of its parts.

    Args:
        grads: The gradients.
        norm: Most that the norm of each may be.
        value: Most that each entry may be.
        global_norm: Most that the norm of all together may be.
    """
    if not (norm or value or global_norm):
        return list(grads)
    if value:
        return [_clipped_by_value(gradient, value) for gradient in grads]
    if norm:
        return [scaled(g, _shrink(_squares(g), norm)) for g in grads]
    total = tf.add_n([_squares(gradient) for gradient in grads])
    return [scaled(gradient, _shrink(total, global_norm)) for gradient in grads]


def _clipped_by_value(gradient: Gradient, most: float) -> Gradient:
    if not isinstance(gradient, tf.IndexedSlices):
        return tf.clip_by_value(gradient, -most, most)
    # The sum stands where its row occurs first, with zeros elsewhere: to find unique
    # rows of unique rows, XLA would have to know how many there are.
    sums, segments = _sums(gradient)
    steps = tf.range(tf.size(segments))
    first = tf.math.unsorted_segment_min(steps, segments, tf.size(segments))
    is_first = tf.equal(tf.gather(first, segments), steps)
    values = tf.clip_by_value(tf.gather(sums, segments), -most, most)
    inner = [1] * (values.shape.rank - 1)
    is_first = tf.cast(tf.reshape(is_first, (-1, *inner)), values.dtype)
    return tf.IndexedSlices(values * is_first, gradient.indices, gradient.dense_shape)


def _sums(gradient: tf.IndexedSlices) -> tuple[Tensor, Tensor]:
    """As many sums as parts, those of no row 0; and which part belongs to which.

    Under XLA, whose shapes are static, fewer sums would be followed by anything.
    """
    _, segments = tf.unique(gradient.indices)
    return kernels.sum_rows(gradient.values, segments, tf.size(segments)), segments


def _squares(gradient: Gradient) -> Tensor:
    """Sum of the squares of a gradient's entries, as float32."""
    if isinstance(gradient, tf.IndexedSlices):
        gradient, _ = _sums(gradient)
    return tf.reduce_sum(tf.square(tf.cast(gradient, tf.float32)))


def _shrink(squares: Tensor, most: float | None) -> Tensor:
    """What makes a norm at most `most`; NaN where the norm is not finite."""
    norm = tf.sqrt(squares)
    return most / tf.maximum(norm, most) + (norm - norm)
