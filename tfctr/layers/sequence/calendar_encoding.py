"""Where moments lie: in the history, on the calendar and on the clock."""

import math
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

__all__ = ["CalendarEncoding"]

FORMS = ("scalar", "cyclic")


@serializable
class CalendarEncoding(keras.layers.Layer):
    """Turns Unix times into numbers of about one: the vector `tau` of TLSI.

    The first number is the time since `reference` (`scale`), then come the units. A
    year counts from that of `reference`. Another unit is its value over its largest
    (`"scalar"`), or sine and cosine of its place in its period (`"cyclic"`), so that
    23:59 lies beside 00:00. A missing time is all zeros.

    Args:
        time_zone: IANA name of the zone of calendar and clock.
        units: Of `year`, `month`, `day`, `day_of_year`, `weekday`, `hour`, `minute`,
            `second` and `second_of_day`; by default all that the paper names.
        form: `"scalar"` or `"cyclic"`.
        scale: `"log"` or `"linear"`, see `scaled_seconds`.
        floor_seconds: Differences up to this one are alike, if `scale` is `"log"`.
        time_points: `False` puts ones in the place of all units (TLSI-wo-TP).
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        seconds: int64 seconds since 1970-01-01 UTC, `(...)`. Missing is -1; a time
            after 2199 is taken for milliseconds and counts as missing.
        reference: int64 seconds that broadcast with them.

    Returns:
        float32 `(..., 1 + units)`; `"cyclic"` has two numbers a unit but the year.

    >>> encode = CalendarEncoding(time_zone="Asia/Shanghai", units=("weekday", "hour"))
    >>> moments = ops.convert_to_tensor([1_511_539_200], "int64")  # Saturday, 00:00
    >>> ops.convert_to_numpy(encode(moments, moments)).round(3).tolist()
    [[0.0, 0.8330000042915344, 0.0]]

    Source: TLSI (arXiv 2511.06213), section III-A; deviations: docs/methods/tlsi.md.
    """

    def __init__(
        self,
        *,
        time_zone: str = "UTC",
        units: Sequence[str] = PAPER_UNITS,
        form: str = "scalar",
        scale: str = "log",
        floor_seconds: float = 60.0,
        time_points: bool = True,
        **kwargs: Any,
    ) -> None:
        # Half precision cannot hold a date; differences are taken between integers.
        super().__init__(autocast=False, **kwargs)
        check_units(units, scale, floor_seconds)
        check_time_zone(time_zone)
        if form not in FORMS:
            raise UnknownName("form", form, FORMS)
        self.time_zone = time_zone
        self.units = list(units)
        self.form = form
        self.scale = scale
        self.floor_seconds = floor_seconds
        self.time_points = time_points

    def call(self, seconds: Tensor, reference: Tensor) -> Tensor:
        seconds, reference = whole_seconds(seconds), whole_seconds(reference)
        known = is_known_time(seconds)
        elapsed = ops.where(is_known_time(reference), seconds - reference, 0)
        elapsed = scaled_seconds(elapsed, self.scale, self.floor_seconds)
        points = self._points(seconds, reference)
        if not self.time_points:
            points = [ops.ones_like(point) for point in points]
        moment = ops.stack([elapsed, *points], axis=-1)
        return ops.where(ops.expand_dims(known, -1), moment, 0.0)

    def compute_mask(self, *_: Any, **__: Any) -> None:
        """Has none: missing times are zeros."""

    def compute_output_shape(
        self, seconds_shape: Shape, reference_shape: Shape
    ) -> Shape:
        return (*seconds_shape, self.width)

    @property
    def width(self) -> int:
        """How many numbers a time becomes."""
        if self.form == "scalar":
            return 1 + len(self.units)
        return 1 + sum(1 if unit == "year" else 2 for unit in self.units)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "time_zone": self.time_zone,
            "units": self.units,
            "form": self.form,
            "scale": self.scale,
            "floor_seconds": self.floor_seconds,
            "time_points": self.time_points,
        }

    def _points(self, seconds: Tensor, reference: Tensor) -> list[Tensor]:
        points = []
        values = calendar_values(seconds, self.units, self.time_zone)
        for unit, value in zip(self.units, values, strict=True):
            period = CLOCK_UNITS[unit][1]
            if period is None:
                (start,) = calendar_values(reference, [unit], self.time_zone)
                start = ops.where(is_known_time(reference), start, value)
                points.append(ops.cast(value - start, "float32") / YEARS)
            elif self.form == "scalar":
                points.append(ops.cast(value, "float32") / (period - 1))
            else:
                angle = ops.cast(value, "float32") * (2 * math.pi / period)
                points += [ops.sin(angle), ops.cos(angle)]
        return points
