"""Which tokens of a sequence see which, and how far apart they are."""

from typing import NamedTuple

from keras import ops

from tfctr.errors import InputError
from tfctr.layers.sequence.relative_bias import MISSING, time_buckets
from tfctr.types import Tensor

__all__ = [
    "Pairs",
    "earlier_sessions",
    "earlier_times",
    "past_pairs",
    "prefix_pairs",
]


class Pairs(NamedTuple):
    """Which keys each query sees, and how far they are.

    Attributes:
        visible: `(batch or 1, queries)` int32: how many keys, from the first on, each
            query sees.
        places: `(batch or 1, queries)` int32: positions of the queries.
        buckets: `(batch, queries, keys)` of `time_buckets`, or `None` without times.
        own: `(batch, queries)` buckets of a query and its own place, or `None`.
    """

    visible: Tensor
    places: Tensor
    buckets: Tensor | None = None
    own: Tensor | None = None


def past_pairs(tokens: Tensor, times: Tensor | None, last_bucket: int) -> Pairs:
    """Pairs of a sequence with itself: a token sees itself and all before it.

    Args:
        tokens: `(batch, time, ...)`.
        times: `(batch, time)` integer seconds, -1 where missing, or `None`.
        last_bucket: Last bucket of time; 0 if none are wanted.
    """
    steps = ops.arange(ops.shape(tokens)[1], dtype="int32")[None]
    if times is None or not last_bucket:
        return Pairs(steps + 1, steps)
    return Pairs(steps + 1, steps, time_buckets(times, times, last_bucket))


def prefix_pairs(
    visible: Tensor, times: Tensor | None, key_times: Tensor | None, last_bucket: int
) -> Pairs:
    """Pairs of tokens that each stand behind the first so many keys.

    Args:
        visible: `(batch or 1, queries)` int32: how many keys each sees, and so its
            position.
        times: `(batch, queries)` integer seconds, -1 where missing, or `None`.
        key_times: `(batch, keys)` integer seconds, or `None`.
        last_bucket: Last bucket of time; 0 if none are wanted.
    """
    if times is None or key_times is None or not last_bucket:
        return Pairs(visible, visible)
    buckets = time_buckets(times, key_times, last_bucket)
    return Pairs(visible, visible, buckets, ops.where(times >= 0, 0, MISSING))


def earlier_times(times: Tensor) -> Tensor:
    """How many leading events are strictly earlier than each event.

    Events of equal time do not see each other. Of events out of order, none sees one
    that is not earlier, nor what stands behind that. A missing time counts as earlier
    and later than any.

    Args:
        times: `(batch, time)` integer seconds, -1 where missing.

    Returns:
        `(batch, time)` int32, at most the place of the event.

    >>> import numpy as np
    >>> np.asarray(earlier_times(np.array([[5, 5, 8, 7]]))).tolist()
    [[0, 0, 2, 2]]
    """
    later, earlier = ops.expand_dims(times, 2), ops.expand_dims(times, 1)
    is_earlier = (earlier < later) | (earlier < 0) | (later < 0)
    return _leading(is_earlier)


def earlier_sessions(sessions: Tensor) -> Tensor:
    """How many leading events belong to earlier sessions than each event.

    What happens on one page is unknown while the page is made. A session is a run of
    events with equal ids.

    Args:
        sessions: `(batch, time)` integers.

    Returns:
        `(batch, time)` int32: the place of the first event of the event's session.

    Raises:
        InputError: Without ids.

    >>> import numpy as np
    >>> np.asarray(earlier_sessions(np.array([[4, 4, 7, 7, 9]]))).tolist()
    [[0, 0, 2, 2, 4]]
    """
    if sessions is None:
        raise InputError("sessions", received="none", expected="an id of each event")
    later, earlier = sessions[:, 1:], sessions[:, :-1]
    changes = ops.cast(ops.not_equal(later, earlier), "int32")
    runs = ops.cumsum(ops.pad(changes, [(0, 0), (1, 0)]), axis=1)
    return _leading(ops.expand_dims(runs, 1) < ops.expand_dims(runs, 2))


def _leading(is_seen: Tensor) -> Tensor:
    """How many keys each query sees up to the first it does not, or its own place."""
    steps = ops.arange(ops.shape(is_seen)[1], dtype="int32")
    is_past = ops.expand_dims(steps, 0) < ops.expand_dims(steps, 1)
    seen = ops.cast(ops.logical_and(is_seen, is_past), "int32")
    return ops.sum(ops.cumprod(seen, axis=2), axis=2)
