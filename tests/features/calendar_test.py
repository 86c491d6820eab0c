"""Tests of `tfctr.features.calendar` against Python's own calendar."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.features.oracles import calendar_id, calendar_value
from tfctr.errors import UnknownName
from tfctr.features import calendar_ids, calendar_values
from tfctr.features.calendar import CLOCK_UNITS, is_known_time

UNITS = ("hour", "weekday", "day", "month")
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",  # half an hour
    "Asia/Kathmandu",  # a quarter of an hour, changed in 1986
    "Australia/Lord_Howe",  # summer time of half an hour
    "Africa/Casablanca",  # summer time suspended in Ramadan
    "Pacific/Apia",  # skipped 30 December 2011
    "America/Sao_Paulo",  # gave up summer time in 2019
    "Africa/Monrovia",  # 44 minutes and 30 seconds until 1972
)
END = int(datetime(2100, 12, 31, tzinfo=UTC).timestamp())


def ids(seconds, unit, zone):
    return calendar_ids(tf.constant(seconds, tf.int64), unit, zone).numpy()


def agrees(seconds, zone):
    for unit in UNITS:
        expected = [calendar_id(second, unit, zone) for second in seconds]
        np.testing.assert_array_equal(ids(seconds, unit, zone), expected, unit)


@given(
    seconds=st.lists(st.integers(0, END), min_size=1, max_size=30),
    zone=st.sampled_from(ZONES),
)
@settings(max_examples=60, deadline=None)
def test_any_time_in_any_zone(seconds, zone):
    agrees(seconds, zone)


@pytest.mark.parametrize("zone", ZONES)
def test_seconds_around_every_change_of_the_clocks(zone):
    clock = ZoneInfo(zone)

    def offset(second):
        return datetime.fromtimestamp(second, UTC).astimezone(clock).utcoffset()

    around, day = [], 86_400
    for year in (1971, 1972, 1986, 2011, 2012, 2019, 2024, 2026, 2050):
        start = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
        for low in range(start, start + 366 * day, day):
            high = low + day
            if offset(low) == offset(high):
                continue
            while high - low > 1:
                middle = (low + high) // 2
                if offset(middle) == offset(low):
                    low = middle
                else:
                    high = middle
            around += [high - 3601, high - 1, high, high + 1, high + 3599]
    if zone in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe"):
        assert len(around) >= 5 * 2 * 5
    agrees([*around, 0], zone)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata"])
@pytest.mark.parametrize(
    ("year", "month", "day"),
    [
        (1970, 1, 2),
        (1972, 2, 29),
        (1972, 3, 1),
        (2000, 2, 29),
        (2023, 3, 1),
        (2024, 2, 29),
        (2024, 3, 1),
        (2099, 12, 31),
        (2100, 2, 28),
        (2100, 3, 1),
        (2024, 1, 1),
    ],
)
def test_seconds_around_midnight(year, month, day, zone):
    midnight = datetime(year, month, day, tzinfo=ZoneInfo(zone))
    second = int(midnight.timestamp())
    before = (midnight - timedelta(days=1)).day
    assert ids([second - 1, second], "day", zone).tolist() == [before, day]
    assert ids([second], "month", zone).tolist() == [month]
    assert ids([second - 1, second], "hour", zone).tolist() == [24, 1]
    weekday = 1 + midnight.weekday()
    assert ids([second], "weekday", zone).tolist() == [weekday]


def test_hour_that_summer_time_repeats():
    # On 2023-10-29 Berlin's clocks went from 03:00 back to 02:00 at 01:00 UTC.
    change = int(datetime(2023, 10, 29, 1, tzinfo=UTC).timestamp())
    seconds = [change - 3600, change - 1, change, change + 3600]
    assert ids(seconds, "hour", "Europe/Berlin").tolist() == [3, 3, 3, 4]


def test_hour_that_summer_time_skips():
    # On 2024-03-10 New York's clocks went from 02:00 to 03:00 at 07:00 UTC.
    change = int(datetime(2024, 3, 10, 7, tzinfo=UTC).timestamp())
    hours = ids([change - 1, change], "hour", "America/New_York")
    assert hours.tolist() == [1 + 1, 1 + 3]


@pytest.mark.parametrize("unit", UNITS)
def test_missing_time_is_0(unit):
    assert ids([-1, -(10**9)], unit, "America/New_York").tolist() == [0, 0]


@pytest.mark.parametrize("unit", UNITS)
def test_after_the_tabulated_years_the_last_rule_holds(unit):
    # Python goes on with summer time; the table stops at the end of 2100.
    winter = int(datetime(2150, 1, 15, 12, tzinfo=UTC).timestamp())
    expected = calendar_id(winter, unit, "Europe/Berlin")
    assert ids([winter], unit, "Europe/Berlin").tolist() == [expected]


def test_shape_is_kept_and_ids_are_int32():
    times = tf.zeros((2, 0, 3), tf.int64)
    assert calendar_ids(times, "hour", "UTC").shape == (2, 0, 3)
    nested = calendar_ids(tf.constant([[0, 3600], [7200, -1]], tf.int64), "hour", "UTC")
    assert nested.numpy().tolist() == [[1, 2], [3, 0]]
    assert nested.dtype == tf.int32


def test_unknown_unit_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'hour'"):
        ids([0], "hours", "UTC")


def values(seconds, zone):
    found = calendar_values(tf.constant(seconds, tf.int64), list(CLOCK_UNITS), zone)
    return dict(zip(CLOCK_UNITS, np.stack(found), strict=True))


@given(
    seconds=st.lists(st.integers(0, END), min_size=1, max_size=30),
    zone=st.sampled_from(ZONES),
)
@settings(max_examples=40, deadline=None)
def test_any_unit_of_any_time_in_any_zone(seconds, zone):
    for unit, found in values(seconds, zone).items():
        expected = [calendar_value(second, unit, zone) for second in seconds]
        np.testing.assert_array_equal(found, expected, unit)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
@pytest.mark.parametrize("year", [1972, 1999, 2000, 2023, 2024, 2099, 2100])
def test_days_around_leap_days_and_the_end_of_years(year, zone):
    days = [(1, 1), (1, 31), (2, 28), (3, 1), (12, 30), (12, 31)]
    midnights = [datetime(year, *day, tzinfo=ZoneInfo(zone)) for day in days]
    seconds = [int(midnight.timestamp()) + s for midnight in midnights for s in (-1, 0)]
    seconds = [second for second in seconds if second <= END]
    for unit, found in values(seconds, zone).items():
        expected = [calendar_value(second, unit, zone) for second in seconds]
        np.testing.assert_array_equal(found, expected, unit)


def test_start_of_the_taobao_data_is_a_saturday_in_shanghai():
    found = values([1_511_539_200], "Asia/Shanghai")
    date = [int(found[unit][0]) for unit in ("year", "month", "day", "weekday")]
    assert date == [2017, 11 - 1, 25 - 1, 5]
    assert int(found["second_of_day"][0]) == 0


def test_hour_that_comes_twice_has_one_value_and_two_times():
    change = int(datetime(2023, 10, 29, 1, tzinfo=UTC).timestamp())
    found = values([change - 1800, change + 1800], "Europe/Berlin")
    assert found["second_of_day"].tolist() == [2 * 3600 + 1800] * 2


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_compiled_values_are_those_of_python(zone):
    seconds = [0, 951_782_400, 1_698_541_200, 1_711_846_799, 4_102_444_799]

    @tf.function(jit_compile=True)
    def compiled(seconds):
        return tf.stack(calendar_values(seconds, list(CLOCK_UNITS), zone))

    found = compiled(tf.constant(seconds, tf.int64)).numpy()
    for row, unit in zip(found, CLOCK_UNITS, strict=True):
        expected = [calendar_value(second, unit, zone) for second in seconds]
        np.testing.assert_array_equal(row, expected, unit)


def test_times_that_cannot_be_seconds_are_not_known():
    times = [-1, 0, 1_700_000_000, 7_258_118_399, 7_258_118_400, 1_700_000_000_000]
    found = is_known_time(tf.constant(times, tf.int64))
    assert found.numpy().tolist() == [False, True, True, True, False, False]


def test_unknown_clock_unit_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'minute'"):
        calendar_values(tf.constant([0], tf.int64), ["minutes"], "UTC")
