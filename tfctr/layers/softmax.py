"""Softmax over the last axis, also of one entry."""

from keras import ops

from tfctr.types import Tensor

__all__ = ["softmax"]

LOWEST = -3e38


def softmax(logits: Tensor) -> Tensor:
    """`exp(x) / sum(exp(x))` over the last axis, float32.

    `keras.ops.softmax` warns where there is one entry: an ensemble of one module or a
    mixture of one expert is no mistake.

    >>> [float(value) for value in softmax(ops.zeros(2))]
    [0.5, 0.5]
    """
    logits = ops.cast(logits, "float32")
    # With an initial value Keras takes tensors without rows too.
    highest = ops.max(logits, axis=-1, keepdims=True, initial=LOWEST)
    powers = ops.exp(logits - highest)
    return powers / ops.sum(powers, axis=-1, keepdims=True)
