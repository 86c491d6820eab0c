"""Tests of `tfctr.layers.sequence.event_times`."""

import numpy as np
import pytest

from tfctr.layers.sequence.event_times import (
    last_time,
    previous_times,
    recent_events,
)

RNG = np.random.default_rng(0)
TIMES = RNG.integers(1_600_000_000, 1_700_000_000, (40, 7))
MASK = RNG.random((40, 7)) < 0.5
MASK[0], MASK[1] = False, True


def test_previous_time_is_that_of_the_real_event_before():
    found = np.asarray(previous_times(TIMES, MASK))
    for row, place in np.argwhere(MASK):
        before = np.flatnonzero(MASK[row, :place])
        expected = TIMES[row, before[-1]] if len(before) else -1
        assert found[row, place] == expected
    assert found.dtype == np.int64


def test_last_time_is_that_of_the_last_real_event():
    found = np.asarray(last_time(TIMES, MASK))
    for row, real in enumerate(MASK):
        assert found[row] == (TIMES[row, real][-1] if real.any() else -1)


def test_without_mask_all_events_are_real():
    full = np.ones_like(MASK)
    np.testing.assert_array_equal(previous_times(TIMES), previous_times(TIMES, full))
    np.testing.assert_array_equal(last_time(TIMES), TIMES[:, -1])


@pytest.mark.parametrize("count", [1, 3, 9])
def test_recent_events_are_the_last_real_ones(count):
    found = np.asarray(recent_events(MASK, count))
    for row, real in enumerate(MASK):
        np.testing.assert_array_equal(
            np.flatnonzero(found[row]), np.flatnonzero(real)[-count:]
        )


def test_history_without_places_has_no_last_time():
    assert np.asarray(last_time(TIMES[:2, :0])).tolist() == [-1, -1]
    assert np.asarray(last_time(TIMES[:2, :0], MASK[:2, :0])).tolist() == [-1, -1]
