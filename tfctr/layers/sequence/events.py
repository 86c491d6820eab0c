"""Events of padded histories: the real ones as a flat list, or all with their mask."""

from collections.abc import Mapping
from typing import Any, Protocol

import tensorflow as tf

from tfctr import kernels
from tfctr.types import Tensor

__all__ = ["Events", "PaddedEvents", "RealEvents", "events_of"]


class Events(Protocol):
    """What is computed for each event, and pooled for each history."""

    def select(self, values: Tensor) -> Tensor:
        """From `(..., time, ...)` to what each event has."""

    def spread(self, values: Tensor) -> Tensor:
        """From `(..., ...)`, one value a history, to one for each of its events."""

    def sum(self, values: Tensor) -> Tensor:
        """Sum over the events of each history; zeros where there are none."""

    def mean(self, values: Tensor) -> Tensor:
        """Mean over the events of each history; zeros where there are none."""


def events_of(mask: Tensor) -> Events:
    """The events where the booleans `mask`, `(..., time)`, are true.

    Under XLA, whose shapes are static, padding is computed and masked; elsewhere it
    costs nothing.
    """
    return PaddedEvents(mask) if kernels.is_xla() else RealEvents(mask)


class RealEvents:
    """Real events in one flat list, in their order, those of a history together.

    What is computed on them costs as much as there are events, however long the
    padding.

    Args:
        mask: `(..., time)` booleans.

    >>> events = RealEvents(tf.constant([[True, True, False], [False, False, True]]))
    >>> events.select(tf.constant([[4, 5, 0], [0, 0, 6]])).numpy().tolist()
    [4, 5, 6]
    >>> events.sum(tf.constant([[1.0], [2.0], [4.0]])).numpy().tolist()
    [[3.0], [4.0]]
    """

    def __init__(self, mask: Tensor) -> None:
        mask = tf.convert_to_tensor(mask)
        self._outer, self._shape = mask.shape[:-1], tf.shape(mask)
        flat = tf.reshape(mask, (-1, self._shape[-1]))
        self._num_rows = tf.shape(flat)[0]
        self._places = tf.where(flat)

    def starts(self) -> Tensor:
        """`(rows + 1,)` int64: where each history's events start, and their number."""
        rows = tf.range(tf.cast(self._num_rows, tf.int64) + 1)
        return tf.searchsorted(self._places[:, 0], rows, out_type=tf.int64)

    def select(self, values: Tensor) -> Tensor:
        """From `(..., time, ...)` to `(events, ...)`."""
        values = tf.convert_to_tensor(values)
        inner = values.shape[self._outer.rank :]
        shape = tf.concat([[-1], tf.shape(values)[self._outer.rank :]], axis=0)
        flat = tf.ensure_shape(tf.reshape(values, shape), (None, *inner))
        return tf.gather_nd(flat, self._places)

    def select_all(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """`select` for each of several tensors."""
        return {name: self.select(value) for name, value in values.items()}

    def spread(self, values: Tensor) -> Tensor:
        """From `(rows, ...)` to `(events, ...)`: each history's value, repeated."""

        @tf.custom_gradient
        def spread(values: Tensor) -> Any:
            # By itself the gradient of a look-up is a sum that is several times slower.
            return self._spread(values), self._sum

        return spread(tf.convert_to_tensor(values))

    def sum(self, values: Tensor) -> Tensor:
        """From `(events, ...)` to `(..., ...)`."""

        @tf.custom_gradient
        def summed(values: Tensor) -> Any:
            return self._sum(values), self._spread

        values = tf.convert_to_tensor(values)
        inner = tf.shape(values)[1:]
        sums = summed(values)
        sums = tf.reshape(sums, tf.concat([self._shape[:-1], inner], axis=0))
        return tf.ensure_shape(sums, (*self._outer, *values.shape[1:]))

    def softmax(self, scores: Tensor) -> Tensor:
        """`(events, 1)` weights that sum to one over the events of each history."""
        rows = self._places[:, 0]
        highest = tf.math.unsorted_segment_max(scores, rows, self._num_rows)
        scaled = tf.exp(scores - tf.gather(tf.stop_gradient(highest), rows))
        total = tf.math.unsorted_segment_sum(scaled, rows, self._num_rows)
        return scaled / tf.gather(total, rows)

    def mean(self, values: Tensor) -> Tensor:
        """From `(events, ...)` to `(..., ...)`."""
        single = tf.cast(values, tf.float32)
        counts = self.sum(tf.ones(tf.shape(values)[:1]))
        means = self.sum(single) / _column(tf.maximum(counts, 1), values, 1)
        return tf.cast(means, values.dtype)

    def _spread(self, values: Tensor) -> Tensor:
        return tf.gather_nd(values, self._places[:, :1])

    def _sum(self, values: Tensor) -> Tensor:
        inner = tf.shape(values)[1:]
        shape = tf.stack([tf.shape(values)[0], tf.reduce_prod(inner)])
        flat = tf.reshape(values, shape)
        sums = kernels.sum_rows(flat, self._places[:, 0], self._num_rows)
        return tf.reshape(sums, tf.concat([[-1], inner], axis=0))


class PaddedEvents:
    """All events, `(..., time)`; padding is left out when they are pooled.

    Args:
        mask: `(..., time)` booleans.
    """

    def __init__(self, mask: Tensor) -> None:
        self._mask = tf.convert_to_tensor(mask)
        self._rank = self._mask.shape.rank

    def select(self, values: Tensor) -> Tensor:
        """All values as they are."""
        return tf.convert_to_tensor(values)

    def spread(self, values: Tensor) -> Tensor:
        """From `(rows, ...)` to `(rows, 1, ...)`, to broadcast over events."""
        return tf.expand_dims(values, self._rank - 1)

    def sum(self, values: Tensor) -> Tensor:
        """From `(..., time, ...)` to `(..., ...)`."""
        single = tf.cast(values, tf.float32)
        real = tf.cast(self._mask, tf.float32)
        weighted = single * _column(real, values, self._rank)
        return tf.cast(tf.reduce_sum(weighted, axis=self._rank - 1), values.dtype)

    def mean(self, values: Tensor) -> Tensor:
        """From `(..., time, ...)` to `(..., ...)`."""
        single = tf.cast(values, tf.float32)
        counts = tf.reduce_sum(tf.cast(self._mask, tf.float32), axis=-1)
        means = self.sum(single) / _column(tf.maximum(counts, 1), values, self._rank)
        return tf.cast(means, values.dtype)


def _column(weights: Tensor, values: Tensor, rank: int) -> Tensor:
    """Weights with as many axes of one behind as `values` has behind `rank`."""
    for _ in range(values.shape.rank - rank):
        weights = weights[..., None]
    return weights
