"""Conversions attributed to impressions, as known at the time of training."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from tfctr.data.cells import Array, bad_cell, seconds_of
from tfctr.data.validation import check_columns
from tfctr.errors import InputError

__all__ = ["attribute_conversions", "ripeness_of"]


def attribute_conversions(
    impressions: pd.DataFrame,
    conversions: pd.DataFrame,
    *,
    keys: str | Sequence[str],
    time_key: str,
    window_seconds: int,
    now: int,
    label: str = "conversion",
    delays: ArrayLike | None = None,
    min_conversions: int = 100,
) -> pd.DataFrame:
    """Labels of impressions, and how ripe they are at the time of training.

    A conversion belongs to the last impression of the same keys before it, or in the
    same second, if that is at most `window_seconds` old. What happens after `now` is
    not known. An impression without a conversion whose window is still open has the
    label 0 and a ripeness below 1: the share of all conversions within the window that
    came as fast as it has waited, by the delays of impressions whose window has closed.

    Args:
        impressions: One row for each impression (or click), in any order.
        conversions: One row for each conversion.
        keys: Columns of both that must be equal, such as user and item; or the id of
            the impression.
        time_key: Column of both: whole seconds since 1970.
        window_seconds: Window of attribution.
        now: Time of training, in seconds since 1970.
        label: Name of the new column.
        delays: Seconds from impression to conversion, of an earlier time, in place of
            those of impressions whose window has closed.
        min_conversions: Delays that there must be.

    Returns:
        `impressions` with three more columns: `label`, 0 or 1; `<label>_delay`,
        seconds, NaN where there is none; and `<label>_ripeness`, from 0 to 1, for
        `tfctr.features.Label(label, ripeness="<label>_ripeness")`. `attrs` says how
        many conversions belong to no impression (`unattributed`).

    Raises:
        InputError: A column is missing, a time is no whole second, an impression is
            later than `now`, keys of the impression's id are not unique and a
            conversion is dated before its impression, or there are too few delays.
    """
    keys = [keys] if isinstance(keys, str) else list(keys)
    shown = _checked(impressions, conversions, keys, time_key, window_seconds, now)
    delay, unattributed = _delays(impressions, conversions, keys, time_key, shown, now)
    delay = np.where(delay <= window_seconds, delay, np.nan)
    waited = np.minimum(now - shown, window_seconds)
    known = delay[waited == window_seconds] if delays is None else np.asarray(delays)
    known = known[np.isfinite(known) & (known <= window_seconds)]
    _check_number(known, min_conversions)
    converted = np.isfinite(delay)
    ripeness = np.where(converted, 1.0, ripeness_of(waited, known))
    ripeness[waited == window_seconds] = 1.0
    made = impressions.assign(
        **{
            label: converted.astype("float32"),
            f"{label}_delay": delay,
            f"{label}_ripeness": ripeness.astype("float32"),
        }
    )
    made.attrs["unattributed"] = unattributed
    return made


def _check_number(delays: Array, least: int) -> None:
    if len(delays) < least:
        raise InputError(
            "delays",
            received=f"{len(delays)} conversions of impressions whose window is closed",
            expected=f"at least {least}",
            hint="Pass `delays` of an earlier time, or an earlier start of the log.",
        )


def _checked(
    impressions: pd.DataFrame,
    conversions: pd.DataFrame,
    keys: list[str],
    time_key: str,
    window_seconds: int,
    now: int,
) -> Array:
    """Seconds of the impressions, after checks of all that is given."""
    for name, value in (("window_seconds", window_seconds), ("now", now)):
        if value <= 0:
            raise InputError(name, received=value, expected="seconds above 0")
    check_columns(impressions, [*keys, time_key], "impressions")
    for name in (*keys, time_key):
        if name not in conversions:
            columns = ", ".join(map(str, conversions))
            received = f"conversions with the columns {columns}"
            raise InputError(name, received=received, expected="a column of that name")
    shown = seconds_of(impressions[time_key], "impressions")
    for row in np.flatnonzero(shown > now)[:1]:
        expected = f"a time up to now, {now}"
        raise bad_cell(impressions[time_key], int(row), "impressions", expected)
    return shown


def ripeness_of(waited: ArrayLike, delays: ArrayLike) -> NDArray[np.float64]:
    """Share of conversions that came within so many seconds.

    Args:
        waited: Seconds since the impressions.
        delays: Seconds from impression to conversion of those that converted.

    >>> ripeness_of([0, 10, 25], [5, 10, 20, 40]).tolist()
    [0.0, 0.5, 0.75]
    """
    ordered = np.sort(np.asarray(delays, "float64"))
    return np.searchsorted(ordered, waited, side="right") / max(len(ordered), 1)


def _delays(
    impressions: pd.DataFrame,
    conversions: pd.DataFrame,
    keys: list[str],
    time_key: str,
    shown: Array,
    now: int,
) -> tuple[Array, int]:
    """Seconds to the first conversion of each impression, NaN without; the rest."""
    delay = np.full(len(impressions), np.nan)
    if not len(conversions):
        return delay, 0
    times = seconds_of(conversions[time_key], "conversions")
    left = conversions[keys].assign(time=times, row=np.arange(len(times)))
    left = left[times <= now].sort_values("time", kind="stable")
    right = impressions[keys].assign(shown=shown, place=np.arange(len(shown)))
    right = right.sort_values("shown", kind="stable")
    found = pd.merge_asof(left, right, left_on="time", right_on="shown", by=keys)
    lost = found["place"].isna().to_numpy()
    known = pd.MultiIndex.from_frame(impressions[keys])
    if lost.any() and not known.has_duplicates:
        early = pd.MultiIndex.from_frame(found.loc[lost, keys]).isin(known)
        for row in found.loc[lost, "row"].to_numpy()[early][:1]:
            expected = "a time at or after that of its impression"
            raise bad_cell(conversions[time_key], int(row), "conversions", expected)
    places = found.loc[~lost, "place"].to_numpy("int64")
    seconds = (found["time"] - found["shown"]).to_numpy("float64")[~lost]
    np.fmin.at(delay, places, seconds)
    return delay, int(lost.sum())
