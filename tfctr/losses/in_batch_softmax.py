"""Softmax of what was clicked among all items of a batch."""

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

    The items are the requests' candidates, request after request. The others with the
    positive's id, and the other positives of its request, are no negatives of it.

    Args:
        scores: `(requests, items)` floats; `items = requests * candidates`.
        item_ids: `(items,)` ids.
        weights: `(requests, candidates)` or `(requests,)` floats: weight of each
            positive, 0 for what is none.
        items_mask: `(items,)`, `True` where an item is real.
        log_q: `(items,)` logarithm of each item's probability to be in a batch, which
            is taken off its score. It makes the softmax that over all items.

    Returns:
        A float32 number; 0 where no positive has weight.

    Source: Yi et al., Sampling-Bias-Corrected Neural Modeling, RecSys 2019, eq. (3)
    to (5).
    """
    scores = ops.cast(scores, "float32")
    if log_q is not None:
        scores -= log_q
    num_requests, num_items = ops.shape(scores)
    count = num_items // ops.maximum(num_requests, 1)
    flat_weights = ops.cast(ops.reshape(weights, (-1,)), "float32")
    requests = ops.arange(num_items) // ops.maximum(count, 1)
    places = ops.arange(num_items)
    itself = ops.expand_dims(places, 1) == places
    same_item = ops.expand_dims(item_ids, 1) == item_ids
    same_request = ops.expand_dims(requests, 1) == requests
    also_positive = ops.logical_and(same_request, flat_weights > 0)
    left_out = ops.logical_or(same_item, also_positive)
    if items_mask is not None:
        left_out = ops.logical_or(
            left_out, ops.logical_not(ops.cast(items_mask, "bool"))
        )
    allowed = ops.logical_or(itself, ops.logical_not(left_out))
    rows = ops.repeat(scores, count, axis=0)  # (positives, items)
    rows = ops.where(allowed, rows, -1e9)
    losses = ops.logsumexp(rows, axis=1) - ops.diagonal(rows)
    total = ops.sum(flat_weights)
    return ops.sum(losses * flat_weights) / ops.where(total > 0, total, 1.0)
