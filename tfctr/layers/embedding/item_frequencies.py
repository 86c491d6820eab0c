"""How often each item comes in a batch, learnt while training."""

from typing import Any

import keras
import tensorflow as tf

from tfctr.errors import InputError
from tfctr.saving import serializable
from tfctr.types import Shape, Tensor

__all__ = ["ItemFrequencies"]


@serializable
class ItemFrequencies(keras.layers.Layer):
    """Counts ids, and gives the logarithm of each one's share of all so far.

    A call counts, then answers, so that no share is 0. A step costs as much as the
    batch, whatever the number of ids.

    Args:
        num_ids: Number of ids, from 0.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        ids: `(items,)` int32.
        ids_mask: `(items,)`, `True` (or 1) where an id counts.

    Returns:
        `(items,)` float32 `log(count / total)`, of at least one count.

    >>> frequencies = ItemFrequencies(5)
    >>> shares = keras.ops.exp(frequencies(keras.ops.array([3, 3, 1, 3])))
    >>> [round(float(share), 2) for share in shares]
    [0.75, 0.75, 0.25, 0.75]

    Source: the quantity Q of Yi et al., RecSys 2019, by counting instead of by the
    time between occurrences: it converges where the log does not change.
    """

    def __init__(self, num_ids: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if num_ids < 1:
            raise InputError("num_ids", received=num_ids, expected="at least 1")
        self.num_ids = num_ids

    def build(self, ids_shape: Shape) -> None:
        # Float32 holds whole numbers up to 2^24, beyond which one more is lost.
        self.counts, self.total = (
            self.add_weight(
                name=name,
                shape=shape,
                dtype="int32",
                initializer="zeros",
                trainable=False,
                aggregation="sum",
            )
            for name, shape in (("counts", (self.num_ids,)), ("total", ()))
        )

    def call(self, ids: Tensor, ids_mask: Tensor | None = None) -> Tensor:
        ones = tf.ones_like(ids) if ids_mask is None else tf.cast(ids_mask, ids.dtype)
        self.counts.value.scatter_add(tf.IndexedSlices(ones, ids))
        self.total.assign_add(tf.reduce_sum(ones))
        counts = tf.cast(tf.gather(self.counts.value, ids), tf.float32)
        total = tf.cast(self.total.value, tf.float32)
        return tf.math.log(tf.maximum(counts, 1.0) / tf.maximum(total, 1.0))

    def compute_mask(self, *_: Any) -> None:
        """Ends the mask here."""

    def compute_output_shape(self, ids_shape: Shape) -> Shape:
        return ids_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_ids": self.num_ids}
