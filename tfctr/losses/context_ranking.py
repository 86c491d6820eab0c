"""Logits that rank the examples of one context, such as one user."""

from typing import Any

from keras import ops

from tfctr.types import Tensor

__all__ = ["context_ranking_loss"]

FAR_BELOW = -1e9


def context_ranking_loss(
    labels: Tensor, logits: Tensor, contexts: Tensor, weights: Any = None
) -> Tensor:
    """`-log softmax` of each example's logit of its own class within its context.

    `-log(exp z_y(x) / sum_c exp z_y(c))`, `c` over the examples of the context: what
    is 1 is to have the largest logit of 1 there, what is 0 the largest logit of 0. An
    example alone in its context costs nothing. The cost of it grows as
    `n log n` with the number of examples.

    Args:
        labels: `(rows,)`, 0 or 1.
        logits: `(rows, 2)`: of 0, then of 1.
        contexts: `(rows,)` integers: equal for examples of one context.
        weights: `None`, or `(rows,)`; who has none is in no context.

    Returns:
        `(rows,)`, float32.

    Source: Sheng et al., Joint Optimization of Ranking and Calibration with
    Contextualized Hybrid Model (JRC), 2022, equation (8) for both classes.
    """
    logits = ops.cast(logits, "float32")
    counts = ops.ones_like(labels) > 0
    if weights is not None:
        counts = ops.cast(weights, "float32") > 0
    number = _numbered(contexts)
    masked = ops.where(counts[:, None], logits, FAR_BELOW)
    rows = ops.shape(masked)[0]
    most = ops.segment_max(ops.stop_gradient(masked), number, num_segments=rows)
    most = ops.stop_gradient(ops.take(most, number, axis=0))
    total = ops.segment_sum(ops.exp(masked - most), number, num_segments=rows)
    log_total = ops.log(ops.take(total, number, axis=0)) + most
    surprise = log_total - masked
    own = ops.where(labels > 0.5, surprise[:, 1], surprise[:, 0])
    return ops.where(counts, own, 0.0)


def _numbered(contexts: Tensor) -> Tensor:
    """The contexts, numbered from 0."""
    order = ops.argsort(contexts)
    in_order = ops.take(contexts, order)
    changes = ops.cast(in_order[1:] != in_order[:-1], "int32")
    numbers = ops.concatenate([ops.zeros_like(changes[:1]), ops.cumsum(changes)])
    # A single row has no change to begin with.
    numbers = ops.pad(numbers, [[0, ops.shape(order)[0] - ops.shape(numbers)[0]]])
    return ops.take(numbers, ops.argsort(order))
