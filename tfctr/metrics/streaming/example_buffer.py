"""Columns of examples that grow inside a TensorFlow graph."""

from collections.abc import Mapping

import tensorflow as tf

from tfctr.types import Tensor

__all__ = ["ExampleBuffer"]


class ExampleBuffer:
    """Appends batches to columns; space doubles when full.

    `n` examples in any number of batches cost O(n) time and space. Works eagerly and
    in `tf.function`; XLA cannot compile it, because its shapes depend on data.

    Args:
        dtypes: Dtype of each column by name.
    """

    def __init__(self, dtypes: Mapping[str, str]) -> None:
        # A graph that is being traced may be where a metric is made.
        with tf.init_scope():
            self.count = tf.Variable(0, trainable=False, dtype=tf.int64)
            self._columns = {
                name: tf.Variable(
                    tf.zeros([0], dtype), trainable=False, shape=[None], name=name
                )
                for name, dtype in dtypes.items()
            }

    def append(self, **batch: Tensor) -> None:
        """Adds a batch: one flat tensor for each column, all of one length."""
        start = self.count.read_value()
        first = next(iter(batch.values()))
        end = start + tf.shape(first, out_type=tf.int64)[0]
        tf.cond(end > self.capacity(), lambda: self._grow(2 * end), lambda: True)
        for name, values in batch.items():
            # `column[start:end].assign(values)` reads the column first, and what is
            # being read has to be copied before it is written to.
            tf.raw_ops.ResourceStridedSliceAssign(
                ref=self._columns[name].handle,
                begin=[start],
                end=[end],
                strides=tf.ones([1], tf.int64),
                value=values,
            )
        self.count.assign(end)

    def capacity(self) -> Tensor:
        """Number of examples that fit without more space."""
        column = next(iter(self._columns.values()))
        return tf.raw_ops.VariableShape(input=column.handle, out_type=tf.int64)[0]

    def read(self) -> dict[str, Tensor]:
        """All examples so far, by column."""
        count = self.count.read_value()
        return {name: column[:count] for name, column in self._columns.items()}

    def clear(self) -> None:
        """Forgets all examples and frees their space."""
        self.count.assign(0)
        for column in self._columns.values():
            column.assign(tf.zeros([0], column.dtype))

    def _grow(self, capacity: Tensor) -> bool:
        for column in self._columns.values():
            used = column.read_value()
            missing = capacity - tf.shape(used, out_type=tf.int64)[0]
            column.assign(tf.concat([used, tf.zeros([missing], used.dtype)], axis=0))
        return True
