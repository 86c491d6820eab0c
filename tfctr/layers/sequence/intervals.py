"""Time between events and up to the request, on a logarithmic scale."""

import math

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.types import Tensor

__all__ = ["log_interval", "since_last", "since_previous", "until_next"]

DAY = 86_400  # seconds


def log_interval(earlier: Tensor, later: Tensor) -> Tensor:
    """`log(1 + seconds) / log(1 + one day)` of what passed in between.

    A second is 0.06, a minute 0.36, an hour 0.72, a day 1, a year 1.52. Times that are
    missing (negative) or in the wrong order give 0.

    Args:
        earlier: Integer seconds since 1970, any shape. They stay integers until the
            difference is taken: float32 knows the time of today to two minutes.
        later: Integer seconds that broadcast with them.

    Returns:
        float32 of the broadcast shape, 0 or more.

    >>> import numpy as np
    >>> float(log_interval(np.array(1_700_000_000), np.array(1_700_086_400)))
    1.0
    """
    for name, times in (("earlier", earlier), ("later", later)):
        dtype = keras.backend.standardize_dtype(times.dtype)
        if "int" not in dtype:
            raise InputError(name, received=dtype, expected="integer seconds")
    earlier, later = ops.cast(earlier, "int64"), ops.cast(later, "int64")
    is_known = (earlier >= 0) & (later >= earlier)
    seconds = ops.cast(later - earlier, "float32")
    return ops.log1p(ops.where(is_known, seconds, 0.0)) / math.log1p(DAY)


def since_previous(times: Tensor, events_mask: Tensor) -> Tensor:
    """`log_interval` from the event before to each event; 0 for the first one.

    Args:
        times: `(batch, time)` integer seconds, oldest first.
        events_mask: `(batch, time)` booleans, `True` where an event is real; padding
            stands at either end.
    """
    known = _real(times, events_mask)
    first = ops.full_like(times[:, :1], -1)
    return log_interval(ops.concatenate([first, known[:, :-1]], axis=1), times)


def until_next(times: Tensor, events_mask: Tensor, request: Tensor) -> Tensor:
    """`log_interval` from each event to the next one, from the last to the request.

    Args:
        times: `(batch, time)` integer seconds, oldest first.
        events_mask: `(batch, time)` booleans, `True` where an event is real; padding
            stands at either end.
        request: `(batch, 1)` integer seconds.
    """
    real = events_mask[:, 1:]
    following = ops.where(real, times[:, 1:], request)
    # As long as `times`, also where that is no time at all.
    last = ops.broadcast_to(request, ops.shape(times[:, :1]))
    return log_interval(times, ops.concatenate([following, last], axis=1))


def since_last(times: Tensor, events_mask: Tensor, request: Tensor) -> Tensor:
    """`(batch, 1)` `log_interval` from the latest event; 0 where there is none.

    Args:
        times: `(batch, time)` integer seconds.
        events_mask: `(batch, time)` booleans, `True` where an event is real.
        request: `(batch, 1)` integer seconds.
    """
    known = _real(times, events_mask)
    latest = ops.max(known, axis=1, keepdims=True, initial=-1)
    return log_interval(latest, request)


def _real(times: Tensor, events_mask: Tensor) -> Tensor:
    """Times of real events, -1 elsewhere."""
    return ops.where(events_mask, times, ops.full_like(times, -1))
