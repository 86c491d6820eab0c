"""Tests of `tfctr.layers.CalendarEncoding`."""

from datetime import UTC, datetime

import numpy as np
import pytest

from tfctr.errors import InputError, UnknownName
from tfctr.layers import CalendarEncoding

WEEK = 7 * 86_400


def seconds(*moments):
    return np.array([int(datetime(*m, tzinfo=UTC).timestamp()) for m in moments])


def test_scalar_encoding_by_hand():
    moment = seconds((2024, 2, 29, 12, 30, 15))  # a Thursday
    start = seconds((2023, 2, 28, 12, 30, 15))
    encode = CalendarEncoding(form="scalar", scale="linear")
    expected = [366 / 30, 1 / 5, 1 / 11, 28 / 30, 3 / 6, 12 / 23, 30 / 59, 15 / 59]
    np.testing.assert_allclose(encode(moment, start)[0], expected, rtol=1e-6)


def test_paper_has_8_numbers_a_time_and_the_authors_code_7():
    moments = seconds((2024, 1, 1), (2024, 1, 2))
    assert CalendarEncoding()(moments, moments).shape == (2, 8)
    units = ("year", "day_of_year", "month", "day", "weekday", "second_of_day")
    assert CalendarEncoding(units=units)(moments, moments).shape == (2, 7)


def test_cyclic_encoding_puts_midnight_beside_itself():
    encode = CalendarEncoding(units=("second_of_day",), form="cyclic")
    late, early, noon = seconds(
        (2024, 5, 1, 23, 59), (2024, 5, 2, 0, 1), (2024, 5, 2, 12)
    )
    point = {
        name: np.asarray(encode(np.array([time]), np.array([late]))[0, 1:])
        for name, time in (("late", late), ("early", early), ("noon", noon))
    }
    near = np.linalg.norm(point["late"] - point["early"])
    assert near == pytest.approx(2 * np.sin(np.pi * 120 / 86_400), rel=1e-3)
    assert np.linalg.norm(point["late"] - point["noon"]) > 1.99


def test_zone_is_that_of_the_argument():
    encode = CalendarEncoding(units=("hour",), time_zone="America/New_York")
    # Summer time began on 2024-03-10 at 07:00 UTC, when 02:00 became 03:00.
    change = seconds((2024, 3, 10, 7))
    hours = encode(np.array([change[0] - 1, change[0]]), change)[:, 1]
    np.testing.assert_allclose(hours, [1 / 23, 3 / 23], rtol=1e-6)


@pytest.mark.parametrize("form", ["scalar", "cyclic"])
def test_whole_weeks_leave_age_weekday_and_clock_as_they_are(form):
    encode = CalendarEncoding(units=("weekday", "hour", "minute", "second"), form=form)
    moments = seconds((2024, 2, 28, 23, 59, 59), (2024, 3, 1, 0, 0, 0))
    start = moments - 12_345
    for weeks in (1, 3, 53):
        later = encode(moments + weeks * WEEK, start + weeks * WEEK)
        np.testing.assert_array_equal(later, encode(moments, start))


@pytest.mark.parametrize("form", ["scalar", "cyclic"])
@pytest.mark.parametrize("time", [-1, 1_700_000_000_000])
def test_missing_time_and_milliseconds_are_zeros(time, form):
    encode = CalendarEncoding(form=form)
    found = encode(np.array([time]), seconds((2024, 1, 1)))
    np.testing.assert_array_equal(found, np.zeros((1, encode.width)))


def test_missing_reference_is_as_if_nothing_elapsed():
    moment = seconds((2024, 1, 31))
    encode = CalendarEncoding(form="scalar")
    np.testing.assert_array_equal(
        encode(moment, np.array([-1])), encode(moment, moment)
    )


def test_without_time_points_units_are_ones():
    encode = CalendarEncoding(form="scalar", time_points=False)
    found = encode(seconds((2024, 1, 31)), seconds((2023, 1, 31)))
    np.testing.assert_allclose(found, np.ones((1, 8)), rtol=1e-5)  # a year is 1 too


def test_mixed_precision_sees_seconds():
    encode = CalendarEncoding(dtype="mixed_bfloat16", scale="linear")
    start = np.array([1_700_000_000])
    found = encode(start + 1, start)
    assert found.dtype == "float32"
    np.testing.assert_allclose(found[0, 0], 1 / (30 * 86_400), rtol=1e-6)


def test_unknown_form_and_zone_are_refused():
    with pytest.raises(UnknownName, match=r"`form`.*Did you mean 'cyclic'"):
        CalendarEncoding(form="cycle")
    with pytest.raises(InputError, match="received 'Berlin'"):
        CalendarEncoding(time_zone="Berlin")
