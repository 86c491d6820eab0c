"""Times next to others in padded histories, wherever the padding lies."""

from keras import ops

from tfctr.layers.sequence.time_scales import whole_seconds
from tfctr.types import Tensor

__all__ = ["last_time", "previous_times", "recent_events"]


def previous_times(times: Tensor, times_mask: Tensor | None = None) -> Tensor:
    """Time of the real event before each event; -1 before the first.

    Args:
        times: `(batch, time)` int64 seconds.
        times_mask: `(batch, time)` booleans, `True` where an event is real.

    >>> import numpy as np
    >>> mask = np.array([[True, False, True]])
    >>> np.asarray(previous_times(np.array([[5, 0, 9]]), mask)).tolist()
    [[-1, 5, 5]]
    """
    times = whole_seconds(times)
    if times_mask is None:
        return ops.concatenate([-ops.ones_like(times[:, :1]), times[:, :-1]], axis=1)
    places, counts = _real_places(times_mask)
    before = counts - ops.cast(times_mask, "int32")  # real events before each
    place = ops.take_along_axis(places, ops.maximum(before - 1, 0), axis=1)
    found = ops.take_along_axis(times, place, axis=1)
    return ops.where(before > 0, found, -1)


def last_time(times: Tensor, times_mask: Tensor | None = None) -> Tensor:
    """Time of the last real event of each history; -1 where there is none.

    Args:
        times: `(batch, time)` int64 seconds.
        times_mask: `(batch, time)` booleans, `True` where an event is real.

    >>> import numpy as np
    >>> mask = np.array([[True, True, False], [False, False, False]])
    >>> np.asarray(last_time(np.array([[5, 9, 0], [7, 7, 7]]), mask)).tolist()
    [9, -1]
    """
    times = whole_seconds(times)
    # A place of its own in front, for histories without an event, or without a place.
    times = ops.concatenate(
        [-ops.ones_like(ops.sum(times, axis=1, keepdims=True)), times], axis=1
    )
    if times_mask is None:
        return times[:, -1]
    steps = 1 + ops.arange(ops.shape(times_mask)[1], dtype="int32")
    real = ops.cast(times_mask, "int32")
    last = ops.max(
        ops.concatenate([ops.zeros_like(times[:, :1], "int32"), real * steps], axis=1),
        axis=1,
        keepdims=True,
    )
    return ops.squeeze(ops.take_along_axis(times, last, axis=1), 1)


def recent_events(mask: Tensor, count: int) -> Tensor:
    """`(batch, time)` booleans: whether an event is among the last `count` real ones.

    Args:
        mask: `(batch, time)` booleans, `True` where an event is real.
        count: How many are kept.

    >>> import numpy as np
    >>> np.asarray(recent_events(np.array([[True, True, False, True]]), 2)).tolist()
    [[False, True, False, True]]
    """
    real = ops.cast(mask, "int32")
    seen = ops.cumsum(real, axis=1)
    total = ops.sum(real, axis=1, keepdims=True)
    return ops.logical_and(mask, seen > total - count)


def _real_places(mask: Tensor) -> tuple[Tensor, Tensor]:
    """Places of real events in their order, the others behind; and running counts."""
    length = ops.shape(mask)[1]
    steps = ops.arange(length, dtype="int32")
    order = ops.where(mask, steps, steps + length)
    places = ops.argsort(order, axis=1)
    return places, ops.cumsum(ops.cast(mask, "int32"), axis=1)
