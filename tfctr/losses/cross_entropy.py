"""The formula that log loss, as a loss and as a metric, is made of."""

from keras import ops

from tfctr.types import Tensor

__all__ = ["cross_entropy"]


def cross_entropy(labels: Tensor, logits: Tensor) -> Tensor:
    """`-y log p - (1 - y) log(1 - p)` of each example, exact at any logit."""
    # No exponential of a positive number, so nothing overflows.
    return ops.relu(logits) - labels * logits + ops.log1p(ops.exp(-ops.abs(logits)))
