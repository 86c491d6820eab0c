"""Tests of `tfctr.layers.sequence.intervals`."""

import math

import numpy as np
import pytest

from tfctr.errors import InputError
from tfctr.layers.sequence.intervals import (
    log_interval,
    since_last,
    since_previous,
    until_next,
)

NOW = 1_700_000_000
DAY = 86_400
# Three events, one event, none.
TIMES = np.array([[NOW - 2 * DAY, NOW - DAY, NOW - 60], [NOW - 5, -1, -1], [-1] * 3])
MASK = TIMES > 0
REQUEST = np.full((3, 1), NOW)


def scaled(seconds):
    return [math.log1p(s) / math.log1p(DAY) for s in seconds]


def test_scale_is_logarithmic_with_a_day_at_one():
    seconds = np.array([0, 1, 60, 3600, DAY, 365 * DAY])
    result = log_interval(np.full(6, NOW), NOW + seconds)
    np.testing.assert_allclose(result, scaled(seconds), rtol=1e-6)
    assert result.dtype == "float32"


def test_seconds_stay_exact_until_the_difference_is_taken():
    # Both are 1,700,000,000 in float32.
    one = np.asarray(log_interval(np.array(NOW), np.array(NOW + 1)))
    assert np.float32(NOW) == np.float32(NOW + 1)
    np.testing.assert_allclose(one, scaled([1])[0], rtol=1e-6)


def test_missing_times_and_times_after_the_request_are_no_interval():
    earlier = np.array([-1, NOW, -1, NOW + 100, 0])
    later = np.array([NOW, -1, -1, NOW, 0])
    np.testing.assert_array_equal(log_interval(earlier, later), np.zeros(5))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_times_that_are_no_integers_are_refused(dtype):
    with pytest.raises(InputError, match=f"`later`: received {dtype}"):
        log_interval(np.array([NOW]), np.array([NOW], dtype))


def test_since_previous_is_zero_for_the_first_event():
    result = since_previous(TIMES, MASK)
    np.testing.assert_allclose(result[0], scaled([0, DAY, DAY - 60]), rtol=1e-6)
    np.testing.assert_array_equal(result[1:], np.zeros((2, 3)))


def test_until_next_ends_with_the_request():
    result = until_next(TIMES, MASK, REQUEST)
    np.testing.assert_allclose(result[0], scaled([DAY, DAY - 60, 60]), rtol=1e-6)
    np.testing.assert_allclose(result[1:, 0], scaled([5, 0]), rtol=1e-6)


def test_since_last_is_that_of_the_latest_event():
    result = since_last(TIMES, MASK, REQUEST)
    np.testing.assert_allclose(result[:, 0], scaled([60, 5, 0]), rtol=1e-6)


def test_what_stands_in_padding_does_not_matter():
    garbage = np.where(MASK, TIMES, NOW - 7)
    for function, more in ((since_previous, ()), (until_next, (REQUEST,))):
        result, expected = (function(t, MASK, *more) for t in (garbage, TIMES))
        np.testing.assert_array_equal(result[MASK], expected[MASK])
    np.testing.assert_array_equal(
        since_last(garbage, MASK, REQUEST), since_last(TIMES, MASK, REQUEST)
    )


@pytest.mark.parametrize("time", [0, 1])
def test_short_histories_keep_their_length(time):
    times, mask = TIMES[:, :time], MASK[:, :time]
    assert since_previous(times, mask).shape == (3, time)
    assert until_next(times, mask, REQUEST).shape == (3, time)
    assert since_last(times, mask, REQUEST).shape == (3, 1)
