"""The loss of telling a user's next event from another user's (DIEN)."""

from keras import ops

from tfctr.types import Tensor

__all__ = ["next_event_loss"]


def next_event_loss(
    states: Tensor, events: Tensor, ids: Tensor, events_mask: Tensor
) -> Tensor:
    """Mean of `-log sigmoid(<h_t, e_(t+1)>) - log(1 - sigmoid(<h_t, n_(t+1)>))`.

    `n` is an event of another history: that of half a batch further, from its
    beginning again where it is shorter. Pairs whose negative is missing, or has the id
    of the positive, do not count; without any pair the loss is 0.

    Args:
        states: `(batch, time, dim)`: what was known after each event.
        events: `(batch, time, dim)`.
        ids: `(batch, time)` integers; equal ids are the same event.
        events_mask: `(batch, time)` booleans, `True` where an event is real.

    Returns:
        A float32 scalar.

    Source: Zhou et al., Deep Interest Evolution Network, AAAI 2019, equations (6)
    and (7).
    """
    batch, time = ops.shape(ids)
    dim = events.shape[-1]
    places = ops.arange(time, dtype="int32")
    lengths = ops.max(
        ops.where(events_mask, places + 1, 0), axis=1, initial=0
    )  # 1 + the last place
    rows = (ops.arange(batch, dtype="int32") + ops.maximum(batch // 2, 1)) % batch
    lengths = ops.maximum(ops.take(lengths, rows), 1)
    others = ops.expand_dims(rows * time, 1) + places[1:] % ops.expand_dims(lengths, 1)
    negatives = ops.take(ops.reshape(events, (batch * time, dim)), others, axis=0)
    counts = (
        events_mask[:, :-1]
        & events_mask[:, 1:]
        & ops.take(ops.reshape(events_mask, (-1,)), others)
        & ops.not_equal(ops.take(ops.reshape(ids, (-1,)), others), ids[:, 1:])
    )
    known = ops.cast(states[:, :-1], "float32")
    losses = ops.softplus(-_dot(known, events[:, 1:])) + ops.softplus(
        _dot(known, negatives)
    )
    total = ops.sum(ops.where(counts, losses, 0.0))
    return total / ops.maximum(ops.sum(ops.cast(counts, "float32")), 1.0)


def _dot(states: Tensor, events: Tensor) -> Tensor:
    return ops.sum(states * ops.cast(events, "float32"), axis=-1)
