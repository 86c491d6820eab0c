"""Cross-entropy of 0/1 labels and logits, one loss for each example."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tfctr.losses.cross_entropy import cross_entropy
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["BinaryCrossEntropy"]


@serializable
class BinaryCrossEntropy(keras.losses.Loss):
    """`-y log p - (1 - y) log(1 - p)` with `p = sigmoid(logit)`, element by element.

    `keras.losses.BinaryCrossentropy` averages over the last axis before it applies
    weights. Of logits `(batch,)`, as models of tfctr give them, that leaves one number,
    and weights no longer have a say: an example in which a label is not observed
    would still train it. Here the weights of examples count in any shape.

    Args:
        reduction: How the losses become one. By default their weighted mean, so that
            examples of zero weight do not dilute it; 0 where no example has weight.
        name: Name of the loss.
        dtype: Dtype of the computation, float32 by default.

    >>> labels, logits = keras.ops.array([1.0, 0.0]), keras.ops.array([0.0, 9.0])
    >>> loss = BinaryCrossEntropy()
    >>> round(float(loss(labels, logits, sample_weight=[1.0, 0.0])), 4)
    0.6931
    """

    def __init__(
        self,
        reduction: str = "mean_with_sample_weight",
        name: str | None = "binary_cross_entropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def __call__(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> Tensor:
        loss = super().__call__(y_true, y_pred, sample_weight=sample_weight)
        replica = tf.distribute.get_replica_context()
        if self.reduction != "mean_with_sample_weight" or replica is None:
            return loss
        count = replica.num_replicas_in_sync
        if count == 1:
            return loss
        own = _weight(y_pred, sample_weight)
        every = replica.all_reduce(tf.distribute.ReduceOp.SUM, own)
        return loss * ops.cast(ops.divide_no_nan(count * own, every), loss.dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return cross_entropy(y_true, y_pred)


def _weight(y_pred: Tensor, sample_weight: Any) -> Tensor:
    """What a replica's mean divides by."""
    if sample_weight is None:
        return ops.cast(ops.size(y_pred), "float32")
    return ops.sum(ops.cast(sample_weight, "float32"))
