"""How far moments lie apart: in time, on the calendar and on the clock."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfctr.errors import UnknownName
from tfctr.features.calendar import CLOCK_UNITS, calendar_values, is_known_time
from tfctr.layers.sequence.time_scales import (
    PAPER_UNITS,
    YEARS,
    check_time_zone,
    check_units,
    scaled_seconds,
    whole_seconds,
)
from tfctr.saving import serializable
from tfctr.types import Shape, Tensor

__all__ = ["IntervalEncoding"]

DISTANCES = ("circular", "plain")


@serializable
class IntervalEncoding(keras.layers.Layer):
    """Turns pairs of Unix times into distances of about one: `sim` of TLSI.

    The first number is the gap (`scale`), then comes a distance for each unit: years
    in fives; of the others the difference over the largest there can be, `"circular"`
    (an hour from 23:30 to 00:30, a day from Sunday to Monday) or `"plain"`. The
    distances are the same in both directions. Where either time is missing, as before
    the first event, the gap is 0 and every other distance 1.

    Args:
        time_zone: IANA name of the zone of calendar and clock.
        units: Of `year`, `month`, `day`, `day_of_year`, `weekday`, `hour`, `minute`,
            `second` and `second_of_day`; by default all that the paper names.
        distance: `"circular"` or `"plain"`.
        scale: `"log"` or `"linear"`, see `scaled_seconds`.
        floor_seconds: Gaps up to this one are alike, if `scale` is `"log"`.
        time_points: `False` puts ones in the place of all units (TLSI-wo-TP).
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        first: int64 seconds since 1970-01-01 UTC, `(...)`. Missing is -1; a time
            after 2199 is taken for milliseconds and counts as missing.
        second: int64 seconds that broadcast with them.

    Returns:
        float32 `(..., 1 + units)`.

    >>> import numpy as np
    >>> half_past_eleven, half_past_midnight = np.array([84_600]), np.array([88_200])
    >>> pair = IntervalEncoding(units=("hour",))(half_past_eleven, half_past_midnight)
    >>> round(12 * float(pair[0, 1]), 3)
    1.0

    Source: TLSI (arXiv 2511.06213), section III-C; deviations: docs/methods/tlsi.md.
    """

    def __init__(
        self,
        *,
        time_zone: str = "UTC",
        units: Sequence[str] = PAPER_UNITS,
        distance: str = "circular",
        scale: str = "log",
        floor_seconds: float = 60.0,
        time_points: bool = True,
        **kwargs: Any,
    ) -> None:
        # Half precision cannot hold a date; differences are taken between integers.
        super().__init__(autocast=False, **kwargs)
        check_units(units, scale, floor_seconds)
        check_time_zone(time_zone)
        if distance not in DISTANCES:
            raise UnknownName("distance", distance, DISTANCES)
        self.time_zone = time_zone
        self.units = list(units)
        self.distance = distance
        self.scale = scale
        self.floor_seconds = floor_seconds
        self.time_points = time_points

    def call(self, first: Tensor, second: Tensor) -> Tensor:
        first, second = whole_seconds(first), whole_seconds(second)
        gap = scaled_seconds(ops.abs(first - second), self.scale, self.floor_seconds)
        pairs = zip(
            self.units,
            calendar_values(first, self.units, self.time_zone),
            calendar_values(second, self.units, self.time_zone),
            strict=True,
        )
        points = [self._distance(unit, one, other) for unit, one, other in pairs]
        known = is_known_time(first) & is_known_time(second)
        gap = ops.where(known, gap, 0.0)
        if self.time_points:
            points = [ops.where(known, point, 1.0) for point in points]
        else:
            points = [ops.ones_like(gap) for _ in points]
        return ops.stack([gap, *points], axis=-1)

    def compute_mask(self, *_: Any, **__: Any) -> None:
        """Has none: distances to missing times have values of their own."""

    def compute_output_shape(self, first_shape: Shape, second_shape: Shape) -> Shape:
        outer = first_shape if len(first_shape) >= len(second_shape) else second_shape
        return (*outer, self.width)

    @property
    def width(self) -> int:
        """How many distances a pair has."""
        return 1 + len(self.units)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "time_zone": self.time_zone,
            "units": self.units,
            "distance": self.distance,
            "scale": self.scale,
            "floor_seconds": self.floor_seconds,
            "time_points": self.time_points,
        }

    def _distance(self, unit: str, one: Tensor, other: Tensor) -> Tensor:
        gap = ops.abs(ops.cast(one - other, "float32"))
        period = CLOCK_UNITS[unit][1]
        if period is None:
            return gap / YEARS
        if self.distance == "plain":
            return gap / (period - 1)
        return ops.minimum(gap, period - gap) / (period / 2)
