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
    batch, whatever the number of ids. Hashed ids have several counters each, of which
    the least counts (a count-min sketch): a share is never too low.

    Args:
        num_ids: Number of ids, or of counters, from 0.
        smoothing: How often each id counts as seen before the first one.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        ids: `(items,)` int32; or `(items, hashes)`, the counters of each.
        ids_mask: `(items,)`, `True` (or 1) where an id counts.

    Returns:
        `(items,)` float32 `log(count / total)`, of at least one count without
        smoothing.

    >>> frequencies = ItemFrequencies(5)
    >>> shares = keras.ops.exp(frequencies(keras.ops.array([3, 3, 1, 3])))
    >>> [round(float(share), 2) for share in shares]
    [0.75, 0.75, 0.25, 0.75]

    Source: the quantity Q of Yi et al., RecSys 2019, by counting instead of by the
    time between occurrences: it converges where the log does not change. Cormode and
    Muthukrishnan, The Count-Min Sketch, 2005.
    """

    def __init__(self, num_ids: int, *, smoothing: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if num_ids < 1:
            raise InputError("num_ids", received=num_ids, expected="at least 1")
        if smoothing < 0:
            raise InputError("smoothing", received=smoothing, expected="0 or more")
        self.num_ids = num_ids
        self.smoothing = smoothing

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
        self.count(ids, ids_mask)
        return self.log_shares(ids)

    def count(self, ids: Tensor, ids_mask: Tensor | None = None) -> None:
        """Counts ids.

        Args:
            ids: As in a call.
            ids_mask: As in a call.
        """
        ids = tf.cast(ids, tf.int32)
        ones = tf.ones_like(ids)
        if ids_mask is not None:
            real = tf.cast(ids_mask, ids.dtype)
            ones *= real[:, None] if len(ids.shape) == 2 else real
        every, each = tf.reshape(ids, [-1]), tf.reshape(ones, [-1])
        self.counts.value.scatter_add(tf.IndexedSlices(each, every))
        of_items = ones[:, 0] if len(ids.shape) == 2 else ones
        self.total.assign_add(tf.reduce_sum(of_items))

    def log_shares(self, ids: Tensor) -> Tensor:
        """What a call gives, without counting.

        Args:
            ids: As in a call.
        """
        found = tf.gather(self.counts.value, ids)
        if len(found.shape) == 2:
            found = tf.reduce_min(found, axis=1)
        counts = tf.cast(found, tf.float32) + self.smoothing
        total = tf.cast(self.total.value, tf.float32) + self.smoothing * self.num_ids
        least = self.smoothing or 1.0
        return tf.math.log(tf.maximum(counts, least) / tf.maximum(total, least))

    def compute_mask(self, *_: Any) -> None:
        """Ends the mask here."""

    def compute_output_shape(self, ids_shape: Shape) -> Shape:
        return ids_shape[:1]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_ids": self.num_ids,
            "smoothing": self.smoothing,
        }
