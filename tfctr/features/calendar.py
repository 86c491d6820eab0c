"""Calendar units of Unix times in a named zone, as plain TensorFlow ops."""

import functools
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import tensorflow as tf

from tfctr.errors import UnknownName
from tfctr.features.specs import CALENDAR_UNITS
from tfctr.types import Tensor

__all__ = ["calendar_ids"]

DAY = 86_400
# Zone rules are tabulated for these years; beyond them the nearest rule holds.
FIRST_YEAR, LAST_YEAR = 1970, 2100


def calendar_ids(seconds: Tensor, unit: str, time_zone: str) -> Tensor:
    """Id of a calendar unit: 0 where the time is missing, else 1 + the unit's value.

    Args:
        seconds: int64 seconds since 1970-01-01 UTC, any shape; negative is missing.
        unit: `hour` (0-23), `weekday` (0 = Monday), `day` (0-30) or `month` (0-11).
        time_zone: IANA name of the zone.

    Returns:
        int32 ids of the shape of `seconds`.

    >>> int(calendar_ids(tf.constant(0, tf.int64), "weekday", "UTC"))  # a Thursday
    4
    """
    if unit not in CALENDAR_UNITS:
        raise UnknownName("unit", unit, CALENDAR_UNITS)
    starts, offsets = _offsets(time_zone)
    flat = tf.reshape(seconds, [-1])
    rule = tf.searchsorted(tf.constant(starts), flat, side="right") - 1
    local = flat + tf.gather(tf.constant(offsets), tf.maximum(rule, 0))
    value = _unit(local, unit)
    ids = tf.where(flat < 0, tf.zeros_like(value), 1 + value)
    return tf.cast(tf.reshape(ids, tf.shape(seconds)), tf.int32)


def _unit(local: Tensor, unit: str) -> Tensor:
    if unit == "hour":
        return local // 3600 % 24
    days = local // DAY
    if unit == "weekday":
        return (days + 3) % 7  # 1970-01-01 was a Thursday
    # Civil date from a day number (H. Hinnant, "chrono-compatible low-level date
    # algorithms"): years start in March, so the leap day is the last of the year.
    shifted = days + 719_468
    day_of_era = shifted % 146_097
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (
        365 * year_of_era + year_of_era // 4 - year_of_era // 100
    )
    march_month = (5 * day_of_year + 2) // 153
    if unit == "day":
        return day_of_year - (153 * march_month + 2) // 5
    return (march_month + 2) % 12


@functools.lru_cache(maxsize=64)
def _offsets(time_zone: str) -> tuple[np.ndarray, np.ndarray]:
    """Times at which the zone's distance from UTC changes, and the distances."""
    zone = ZoneInfo(time_zone)

    def offset(second: int) -> int:
        shift = datetime.fromtimestamp(second, UTC).astimezone(zone).utcoffset()
        return 0 if shift is None else int(shift.total_seconds())

    end = int(datetime(LAST_YEAR, 12, 31, tzinfo=UTC).timestamp())
    starts, offsets = [0], [offset(0)]
    # No zone has changed its offset and changed it back within eight days, save
    # for suspensions of summer time during Ramadan, which last weeks.
    step = 8 * DAY
    for begin in range(0, end, step):
        low, high = begin, begin + step
        if offset(high) == offsets[-1]:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (
                (middle, high) if offset(middle) == offsets[-1] else (low, middle)
            )
        starts.append(high)
        offsets.append(offset(high))
    return np.array(starts, np.int64), np.array(offsets, np.int64)
