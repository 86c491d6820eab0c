"""Histories from a log of their own, such as conversions off the site."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tfctr.data.cells import Array, as_objects, clean, seconds_of
from tfctr.data.validation import check_columns
from tfctr.errors import InputError
from tfctr.features import Sequence

__all__ = ["attach_history"]


def attach_history(
    examples: pd.DataFrame,
    events: pd.DataFrame,
    sequence: Sequence,
    *,
    user_key: str,
    time_key: str,
    lag_seconds: int = 0,
    columns: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Adds each user's events before each example, as the columns of a sequence.

    An event is in the history of an example if it is strictly before
    `time - lag_seconds`. What an example leads to comes at its time or later, so a
    conversion that is attributed to it is never among its inputs.

    Args:
        examples: One row for each example, in any order.
        events: One row for each event, in any order.
        sequence: What the schema declares; its most recent `max_length` events stay.
        user_key: Column of both that tells users apart.
        time_key: Column of both: whole seconds since 1970.
        lag_seconds: Time an event needs until a request can know it.
        columns: Event columns by the feature that they are, where names differ; the
            time of events is always `time_key`.

    Returns:
        `examples` with a column of arrays, oldest first, for each feature of the
        sequence and for its timestamp.

    Raises:
        InputError: A column is missing, a cell is not of the declared kind, or a lag
            is negative.
    """
    if lag_seconds < 0:
        raise InputError("lag_seconds", received=lag_seconds, expected="at least 0")
    renamed = {feature.name: feature.name for feature in sequence.features}
    renamed |= columns or {}
    check_columns(examples, [user_key, time_key], "examples")
    check_columns(events, [user_key, time_key, *renamed.values()], "events")
    happened = seconds_of(events[time_key], "events")
    order = np.lexsort((happened, pd.factorize(events[user_key])[0]))
    cells = {
        f"{sequence.name}_{f.name}": clean(f, events[renamed[f.name]], "events")[order]
        for f in sequence.features
    }
    if sequence.timestamp is not None:
        cells[f"{sequence.name}_{sequence.timestamp.name}"] = happened[order]
    starts, ends = _bounds(
        examples[user_key],
        seconds_of(examples[time_key], "examples") - lag_seconds,
        events[user_key].iloc[order],
        happened[order],
    )
    starts = np.maximum(starts, ends - sequence.max_length)
    bounds = list(zip(starts.tolist(), ends.tolist(), strict=True))
    made = {
        name: as_objects([values[start:end] for start, end in bounds])
        for name, values in cells.items()
    }
    return examples.assign(**made)


def _bounds(
    users: "pd.Series[str]", before: Array, owners: "pd.Series[str]", times: Array
) -> tuple[Array, Array]:
    """First and last place, in events sorted by user and time, of each example."""
    codes, uniques = pd.factorize(owners)  # 0, 1, 2, ... in the order of the events
    own = pd.Index(uniques).get_indexer(pd.Index(users))
    firsts = np.searchsorted(codes, own, side="left")
    # One key for user and time: both are whole numbers, and times are non-negative.
    span = int(max(times.max(initial=0), before.max(initial=0))) + 2
    ends = np.searchsorted(codes * span + times, own * span + np.maximum(before, 0))
    known = own >= 0
    return np.where(known, firsts, 0), np.where(known, ends, 0)
