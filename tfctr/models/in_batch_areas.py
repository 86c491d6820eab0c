"""How well a batch ranks each positive among the items of the others."""

from keras import ops

from tfctr.types import Tensor

__all__ = ["in_batch_areas"]


def in_batch_areas(user: Tensor, item: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Share of a batch's other items that score below each user's own; ties are half.

    Args:
        user: `(batch, dim)` vectors.
        item: `(batch, dim)` vectors of their positives.
        ids: `(batch,)` ids of the positives.

    Returns:
        The shares `(batch,)`, and the numbers `(batch,)` of other items: where that is
        0, so is the share.

    >>> shares, _ = in_batch_areas(ops.eye(3), ops.eye(3), ops.array([1, 2, 3]))
    >>> shares.numpy().tolist()
    [1.0, 1.0, 1.0]
    """
    scores = ops.matmul(user, ops.transpose(item))
    own = ops.expand_dims(ops.diagonal(scores), 1)
    other = ops.cast(ops.expand_dims(ids, 1) != ids, "float32")
    above = ops.cast(own > scores, "float32")
    equal = ops.cast(own == scores, "float32")
    count = ops.sum(other, axis=1)
    won = ops.sum((above + 0.5 * equal) * other, axis=1)
    return won / ops.maximum(count, 1.0), count
