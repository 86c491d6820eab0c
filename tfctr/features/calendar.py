"""Calendar units of Unix times in a named zone, as plain TensorFlow ops."""

import functools
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import tensorflow as tf

from tfctr.errors import UnknownName
from tfctr.features.specs import CALENDAR_UNITS
from tfctr.types import Tensor

__all__ = ["CLOCK_UNITS", "calendar_ids", "calendar_values", "is_known_time"]

DAY = 86_400
# Zone rules are tabulated for these years; beyond them the nearest rule holds.
FIRST_YEAR, LAST_YEAR = 1970, 2100
# 2200-01-01 UTC, as for raw tables: a later time is taken for milliseconds.
END_SECONDS = 7_258_118_400
# Least value of each unit and the number of values until it comes again; years do not.
CLOCK_UNITS: dict[str, tuple[int, int | None]] = {
    "year": (FIRST_YEAR, None),
    "month": (0, 12),
    "day": (0, 31),
    "day_of_year": (0, 366),
    "weekday": (0, 7),
    "hour": (0, 24),
    "minute": (0, 60),
    "second": (0, 60),
    "second_of_day": (0, DAY),
}


def is_known_time(seconds: Tensor) -> Tensor:
    """Where Unix times are neither missing (negative) nor after the year 2199.

    Args:
        seconds: int64 seconds since 1970-01-01 UTC, any shape.

    >>> times = tf.constant([-1, 0, 1_700_000_000_000], tf.int64)
    >>> is_known_time(times).numpy().tolist()
    [False, True, False]
    """
    return (seconds >= 0) & (seconds < END_SECONDS)


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
    (value,) = calendar_values(seconds, [unit], time_zone)
    return tf.where(seconds < 0, tf.zeros_like(value), 1 + value)


def calendar_values(
    seconds: Tensor, units: Sequence[str], time_zone: str
) -> list[Tensor]:
    """Values of several units of the calendar and the clock of a zone.

    Args:
        seconds: int64 seconds since 1970-01-01 UTC, any shape; what comes out where
            they are negative means nothing.
        units: Of `year`, `month` (0-11), `day` (0-30), `day_of_year` (0-365), `weekday`
            (0 = Monday), `hour`, `minute`, `second` and `second_of_day`.
        time_zone: IANA name of the zone.

    Returns:
        An int32 tensor of the shape of `seconds` for each unit.

    >>> found = calendar_values(tf.constant(951_782_400, tf.int64), ["day"], "UTC")
    >>> int(found[0])  # 2000-02-29
    28
    """
    for unit in units:
        if unit not in CLOCK_UNITS:
            raise UnknownName("unit", unit, CLOCK_UNITS)
    seconds = tf.convert_to_tensor(seconds)
    starts, offsets = _offsets(time_zone)
    if len(offsets) == 1:
        local = seconds + offsets[0]
    else:
        flat = tf.reshape(seconds, [-1])
        rule = tf.searchsorted(tf.constant(starts), flat, side="right") - 1
        shift = tf.gather(tf.constant(offsets), tf.maximum(rule, 0))
        local = seconds + tf.reshape(shift, tf.shape(seconds))
    days = local // DAY
    # In 32 bits, whose divisions take a fraction of the time.
    return _values(
        tf.cast(days, tf.int32), tf.cast(local - days * DAY, tf.int32), units
    )


def _values(days: Tensor, second_of_day: Tensor, units: Sequence[str]) -> list[Tensor]:
    found = {"second_of_day": second_of_day}
    if {"year", "month", "day", "day_of_year"} & set(units):
        found |= _date(days)
    for unit in units:
        if unit == "weekday":
            found[unit] = (days + 3) % 7  # 1970-01-01 was a Thursday
        elif unit == "hour":
            found[unit] = second_of_day // 3600
        elif unit == "minute":
            found[unit] = second_of_day // 60 % 60
        elif unit == "second":
            found[unit] = second_of_day % 60
    return [found[unit] for unit in units]


def _date(days: Tensor) -> dict[str, Tensor]:
    """Civil date of a day number since 1970-01-01.

    Source: H. Hinnant, "chrono-compatible low-level date algorithms".
    """
    # Years start in March, so the leap day is the last of the year.
    shifted = days + 719_468
    day_of_era = shifted % 146_097
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    from_march = day_of_era - (
        365 * year_of_era + year_of_era // 4 - year_of_era // 100
    )
    march_month = (5 * from_march + 2) // 153
    is_next = tf.cast(march_month >= 10, tf.int32)  # January and February
    year = shifted // 146_097 * 400 + year_of_era + is_next
    is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    after_february = from_march + 59 + tf.cast(is_leap, tf.int32)
    return {
        "year": year,
        "month": (march_month + 2) % 12,
        "day": from_march - (153 * march_month + 2) // 5,
        "day_of_year": tf.where(march_month >= 10, from_march - 306, after_february),
    }


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
