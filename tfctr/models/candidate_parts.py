"""Many candidates, some at a time."""

from collections.abc import Callable

import tensorflow as tf

from tfctr.types import Tensor

__all__ = ["in_parts"]


def in_parts(
    function: Callable[[Tensor], Tensor], candidates: Tensor, most: int
) -> Tensor:
    """What `function` makes of candidates, of at most so many at a time.

    Where a part is as long as all of them there is no loop.

    Args:
        function: From `(batch, candidates, dim)` to `(batch, candidates, width)`, of
            each candidate on its own.
        candidates: `(batch, candidates, dim)`.
        most: Largest number of candidates given to `function`.

    Returns:
        `(batch, candidates, width)`.
    """
    count = candidates.shape[1]
    if count is not None:
        if count <= most:
            return function(candidates)
        starts = range(0, count, most)
        return tf.concat([function(candidates[:, s : s + most]) for s in starts], 1)
    batch, count = tf.shape(candidates)[0], tf.shape(candidates)[1]
    size = tf.clip_by_value(count, 1, most)
    parts = tf.maximum((count + size - 1) // size, 1)
    padded = tf.pad(candidates, [(0, 0), (0, parts * size - count), (0, 0)])
    split = tf.reshape(padded, (batch, parts, size, candidates.shape[2]))
    found = tf.map_fn(
        function, tf.transpose(split, (1, 0, 2, 3)), fn_output_signature=tf.float32
    )
    width = found.shape[-1]
    joined = tf.reshape(tf.transpose(found, (1, 0, 2, 3)), (batch, parts * size, width))
    return joined[:, :count]
