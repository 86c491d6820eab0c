"""What every metric here takes in, brought into one form."""

from typing import NamedTuple

from keras import ops

from tfctr.errors import InputError
from tfctr.types import Tensor

__all__ = ["Examples", "read_examples"]

# Beyond these probabilities float32 cannot tell a logit any more; Keras uses the same.
SMALLEST_PROBABILITY = 1e-7


class Examples(NamedTuple):
    """One batch, flat. Examples without weight hold zeros, wrong ones hold NaN.

    Attributes:
        labels: `(examples,)` in [0, 1].
        logits: `(examples,)`.
        weights: `(examples,)`, >= 0.
    """

    labels: Tensor
    logits: Tensor
    weights: Tensor


def read_examples(
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor | None,
    *,
    from_logits: bool,
    dtype: str,
) -> Examples:
    """Flattens and checks one batch of a metric.

    Args:
        y_true: Labels in [0, 1], of any shape.
        y_pred: Logits, or probabilities if not `from_logits`; as many as labels.
        sample_weight: Nothing, one number, or as many as labels.
        from_logits: Whether `y_pred` holds logits.
        dtype: Dtype of the result.

    Returns:
        The examples. A label or probability outside of [0, 1], or a negative
        weight, becomes NaN: in a compiled graph that is the only way to say so.

    Raises:
        InputError: The numbers of labels, predictions and weights differ.
    """
    labels = _flat(y_true, dtype)
    scores = _flat(y_pred, dtype)
    _check_size("y_pred", scores, labels)
    weights = ops.ones_like(labels) if sample_weight is None else sample_weight
    weights = _flat(weights, dtype)
    if weights.shape[0] == 1:
        weights = ops.broadcast_to(weights, ops.shape(labels))
    _check_size("sample_weight", weights, labels)

    labels = _nan_outside(labels, 0.0, 1.0)
    weights = _nan_outside(weights, 0.0, float("inf"))
    if not from_logits:
        scores = _to_logits(_nan_outside(scores, 0.0, 1.0))
    counts = weights != 0
    return Examples(
        ops.where(counts, labels, 0.0), ops.where(counts, scores, 0.0), weights
    )


def _flat(values: Tensor, dtype: str) -> Tensor:
    return ops.reshape(ops.cast(values, dtype), (-1,))


def _nan_outside(values: Tensor, low: float, high: float) -> Tensor:
    inside = ops.logical_and(values >= low, values <= high)
    return ops.where(inside, values, float("nan"))


def _to_logits(probabilities: Tensor) -> Tensor:
    smallest = SMALLEST_PROBABILITY
    clipped = ops.clip(probabilities, smallest, 1.0 - smallest)
    return ops.log(clipped) - ops.log1p(-clipped)


def _check_size(field: str, values: Tensor, labels: Tensor) -> None:
    size, expected = values.shape[0], labels.shape[0]
    if size is not None and expected is not None and size != expected:
        raise InputError(
            field,
            received=f"{size} values",
            expected=f"{expected}, one for each label",
        )
