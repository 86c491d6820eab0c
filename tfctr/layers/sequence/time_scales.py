"""Seconds and calendar units as numbers of about one, for layers that see time."""

import math
from collections.abc import Sequence

import keras
from keras import ops

from tfctr.errors import InputError, UnknownName
from tfctr.features import Timestamp
from tfctr.features.calendar import CLOCK_UNITS
from tfctr.types import Tensor

__all__ = [
    "AUTHOR_UNITS",
    "PAPER_UNITS",
    "YEARS",
    "check_time_zone",
    "check_units",
    "scaled_seconds",
    "whole_seconds",
]

# Units of the paper (K = 7), and those of its authors' code: minute and second are
# part of the hour there.
PAPER_UNITS = ("year", "month", "day", "weekday", "hour", "minute", "second")
AUTHOR_UNITS = ("year", "day_of_year", "month", "day", "weekday", "second_of_day")
YEARS = 5.0  # a difference of so many years is 1
YEAR_SECONDS, MONTH_SECONDS = 365 * 86_400, 30 * 86_400
SCALES = ("log", "linear")


def check_units(units: Sequence[str], scale: str, floor_seconds: float) -> None:
    """Refuses unknown units and scales, and a floor outside of (0, one year)."""
    for unit in units:
        if unit not in CLOCK_UNITS:
            raise UnknownName("units", unit, CLOCK_UNITS)
    if scale not in SCALES:
        raise UnknownName("scale", scale, SCALES)
    if not 0 < floor_seconds < YEAR_SECONDS:
        raise InputError(
            "floor_seconds", received=floor_seconds, expected="within 0 and one year"
        )


def check_time_zone(time_zone: str) -> None:
    """Refuses a name that is not that of a time zone."""
    Timestamp("time", time_zone=time_zone)


def whole_seconds(seconds: Tensor) -> Tensor:
    """Unix times as int64: floats of 32 bits are two minutes apart there.

    Args:
        seconds: Whole numbers, any shape.

    Raises:
        InputError: They are floats.
    """
    seconds = ops.convert_to_tensor(seconds)
    dtype = keras.backend.standardize_dtype(seconds.dtype)
    if "int" not in dtype:
        raise InputError("seconds", received=dtype, expected="whole numbers: int64")
    return ops.cast(seconds, "int64")


def scaled_seconds(seconds: Tensor, scale: str, floor_seconds: float) -> Tensor:
    """Differences of times as float32 numbers.

    Args:
        seconds: int64 differences, any shape.
        scale: `"log"`: 0 up to `floor_seconds`, 1 at a year, whatever the sign;
            `"linear"`: months of 30 days, with their sign.
        floor_seconds: Differences up to this one are alike; of no use if linear.

    >>> import numpy as np
    >>> found = scaled_seconds(np.array([30, -31_536_000]), "log", 60)
    >>> np.asarray(found).tolist()
    [0.0, 1.0]
    """
    single = ops.cast(seconds, "float32")
    if scale == "linear":
        return single / MONTH_SECONDS
    ratio = ops.maximum(ops.abs(single) / floor_seconds, 1.0)
    return ops.log(ratio) / math.log(YEAR_SECONDS / floor_seconds)
