"""Softmax of what was clicked among all items of a batch."""

import numpy as np
from keras import ops

from tfctr.types import Tensor

__all__ = ["in_batch_softmax"]


def in_batch_softmax(
    scores: Tensor,
    item_ids: Tensor,
    weights: Tensor,
    items_mask: Tensor | None = None,
    *,
    log_q: Tensor | None = None,
) -> Tensor:
    """Mean of `-log softmax` of each positive among the items of the batch.

    The items are the requests' candidates, request after request, and after them any
    number of negatives of all requests. The others with the positive's id, and the
    other positives of its request, are no negatives of it. Without any negative a
    positive costs 0.

    Args:
        scores: `(requests, items)` floats; `items = requests * candidates + negatives`.
        item_ids: `(items,)` ids.
        weights: `(requests, candidates)` or `(requests,)` floats: weight of each
            positive, 0 for what is none.
        items_mask: `(items,)`, `True` where an item is real.
        log_q: `(items,)` logarithm of each item's probability to be in a batch, which
            is taken off its score. It makes the softmax that over all items.

    Returns:
        A float32 number; 0 where no positive has weight.

    >>> zeros = ops.zeros((2, 3))  # two positives, and a negative of both
    >>> loss = in_batch_softmax(zeros, ops.array([5, 6, 5]), ops.ones(2))
    >>> round(float(loss), 4)  # the mean of log 2 and log 3
    0.8959

    Source: Yi et al., Sampling-Bias-Corrected Neural Modeling, RecSys 2019, eq. (3)
    to (5).
    """
    scores = ops.cast(scores, "float32")
    if log_q is not None:
        scores -= log_q
    num_requests, num_items = ops.shape(scores)
    flat_weights = ops.cast(ops.reshape(weights, (-1,)), "float32")
    num_positives = ops.shape(flat_weights)[0]
    count = ops.maximum(num_positives // ops.maximum(num_requests, 1), 1)
    places = ops.arange(num_items)
    requests = places // count
    is_positive = ops.pad(flat_weights > 0, [[0, num_items - num_positives]])

    def of_positives(values: Tensor) -> Tensor:
        return ops.expand_dims(values[:num_positives], 1)

    itself = of_positives(places) == places
    same_item = of_positives(item_ids) == item_ids
    same_request = of_positives(requests) == requests
    also_positive = ops.logical_and(same_request, is_positive)
    left_out = ops.logical_or(same_item, also_positive)
    if items_mask is not None:
        left_out = ops.logical_or(
            left_out, ops.logical_not(ops.cast(items_mask, "bool"))
        )
    allowed = ops.logical_or(itself, ops.logical_not(left_out))
    rows = ops.repeat(scores, count, axis=0)  # (positives, items)
    rows = ops.where(allowed, rows, -np.inf)
    own = ops.diagonal(rows[:, :num_positives])
    losses = ops.logsumexp(rows, axis=1) - own
    total = ops.sum(flat_weights)
    return ops.sum(losses * flat_weights) / ops.where(total > 0, total, 1.0)
