"""Softmax over the events of a history."""

from keras import ops

from tfctr.types import Tensor

__all__ = ["softmax_over_events"]


def softmax_over_events(scores: Tensor, events_mask: Tensor | None) -> Tensor:
    """Weights that sum to one over the real events, and are 0 elsewhere.

    `keras.ops.softmax` warns of histories of one event, and gives padding a share where
    there is none.

    Args:
        scores: `(batch, time, width)` floats.
        events_mask: `(batch, time)` booleans, `True` where an event is real.

    Returns:
        float32 of the shape of `scores`; zeros for a history without events.
    """
    scores = ops.cast(scores, "float32")
    real = True if events_mask is None else ops.expand_dims(events_mask, -1)
    scores = ops.where(real, scores, -1e9)
    highest = ops.max(scores, axis=1, keepdims=True, initial=-1e9)
    raised = ops.where(real, ops.exp(scores - highest), 0.0)
    total = ops.sum(raised, axis=1, keepdims=True)
    return raised / ops.where(total > 0, total, 1.0)
