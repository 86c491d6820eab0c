"""Tests of `tfctr.layers.IntervalEncoding`."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfctr.errors import UnknownName
from tfctr.features.calendar import CLOCK_UNITS
from tfctr.layers import IntervalEncoding

UNITS = tuple(CLOCK_UNITS)
TIMES = st.lists(st.integers(0, 4_000_000_000), min_size=2, max_size=2)
ENCODINGS = {
    name: IntervalEncoding(units=UNITS, distance=name) for name in ("circular", "plain")
}
every_distance = pytest.mark.parametrize("distance", ENCODINGS)


def seconds(*moments):
    return np.array([int(datetime(*m, tzinfo=UTC).timestamp()) for m in moments])


def distance_of(unit, scale, one, other, **kwargs):
    encode = IntervalEncoding(units=(unit,), **kwargs)
    return scale * float(encode(seconds(one), seconds(other))[0, 1])


@every_distance
@given(pair=TIMES)
@settings(max_examples=30, deadline=None)
def test_distance_is_symmetric_and_not_negative(distance, pair):
    one, other = np.array(pair[:1]), np.array(pair[1:])
    there = np.asarray(ENCODINGS[distance](one, other))
    np.testing.assert_array_equal(there, ENCODINGS[distance](other, one))
    assert (there >= 0).all()
    # A year aside, which may be of any size, nothing is much larger than one.
    assert there[0, 2:].max() <= 1 + 1e-6


@every_distance
def test_distance_to_itself_is_0(distance):
    moments = seconds((2024, 2, 29, 23, 59, 59), (1970, 1, 1))
    found = ENCODINGS[distance](moments, moments)
    np.testing.assert_array_equal(found, np.zeros((2, 1 + len(UNITS))))


def test_circular_distances_by_hand():
    half_past_eleven, half_past_midnight = (2024, 5, 4, 23, 30), (2024, 5, 5, 0, 30)
    night = (half_past_eleven, half_past_midnight)
    assert distance_of("hour", 12, *night) == pytest.approx(1)
    assert distance_of("second_of_day", 12, *night) == pytest.approx(1)
    sunday, monday = (2024, 5, 5), (2024, 5, 6)
    assert distance_of("weekday", 3.5, sunday, monday) == pytest.approx(1)
    assert distance_of("month", 6, (2023, 12, 1), (2024, 1, 1)) == pytest.approx(1)
    assert distance_of("day", 15.5, (2024, 1, 31), (2024, 2, 1)) == pytest.approx(1)


def test_plain_distances_by_hand():
    night = ((2024, 5, 4, 23, 30), (2024, 5, 5, 0, 30))
    assert distance_of("hour", 23, *night, distance="plain") == pytest.approx(23)
    days = ((2024, 5, 5), (2024, 5, 6))
    assert distance_of("weekday", 6, *days, distance="plain") == pytest.approx(6)


def test_years_have_no_period():
    assert distance_of("year", 5, (2024, 1, 1), (2011, 1, 1)) == pytest.approx(13)


@pytest.mark.parametrize("missing", [-1, 1_700_000_000_000])
def test_missing_time_has_a_gap_of_0_and_distances_of_1(missing):
    encode, known = IntervalEncoding(), seconds((2024, 1, 1))
    for pair in ((np.array([missing]), known), (known, np.array([missing]))):
        np.testing.assert_array_equal(encode(*pair), [[0] + [1] * 7])


def test_without_time_points_only_the_gap_is_seen():
    encode = IntervalEncoding(time_points=False, scale="linear")
    found = encode(seconds((2024, 1, 1)), seconds((2024, 1, 16, 12)))
    np.testing.assert_allclose(found, [[15.5 / 30] + [1] * 7], rtol=1e-6)


def test_mixed_precision_sees_seconds():
    encode = IntervalEncoding(dtype="mixed_bfloat16", units=("second",))
    found = encode(np.array([1_700_000_000]), np.array([1_700_000_007]))
    np.testing.assert_allclose(found[0, 1], 7 / 30, rtol=1e-6)


def test_unknown_distance_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match=r"`distance`.*Did you mean 'circular'"):
        IntervalEncoding(distance="circle")
