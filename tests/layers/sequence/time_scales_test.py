"""Tests of `tfctr.layers.sequence.time_scales`."""

import numpy as np
import pytest

from tfctr.errors import InputError, UnknownName
from tfctr.layers.sequence.time_scales import (
    check_time_zone,
    check_units,
    scaled_seconds,
    whole_seconds,
)

DAY = 86_400


def test_logarithm_is_0_at_the_floor_and_1_at_a_year():
    seconds = np.array([0, 30, 60, 3600, -3600, 365 * DAY])
    middle = np.log(60) / np.log(365 * 24 * 60)
    found = scaled_seconds(seconds, "log", 60)
    np.testing.assert_allclose(found, [0, 0, 0, middle, middle, 1], rtol=1e-6)


def test_linear_differences_are_months_of_thirty_days():
    found = scaled_seconds(np.array([0, 15 * DAY, -60 * DAY]), "linear", 60)
    np.testing.assert_allclose(found, [0, 0.5, -2], rtol=1e-6)


def test_a_second_shows_in_large_unix_times():
    # Single precision holds such times to 128 seconds only.
    times = whole_seconds(np.array([1_700_000_000, 1_700_000_001]))
    found = scaled_seconds(times[1] - times[0], "linear", 60)
    np.testing.assert_allclose(found, 1 / (30 * DAY), rtol=1e-6)


def test_times_as_floats_are_refused():
    with pytest.raises(InputError, match="`seconds`: received float32"):
        whole_seconds(np.array([1.5e9, np.nan], "float32"))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((["hours"], "log", 60), "`units`.*Did you mean 'hour'"),
        ((["hour"], "logs", 60), "`scale`.*Did you mean 'log'"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(arguments, text):
    with pytest.raises(UnknownName, match=text):
        check_units(*arguments)


@pytest.mark.parametrize("floor", [0, -1, 366 * DAY])
def test_floor_lies_within_a_year(floor):
    with pytest.raises(InputError, match=f"`floor_seconds`: received {floor}"):
        check_units(["hour"], "log", floor)


def test_unknown_time_zone_is_refused():
    with pytest.raises(InputError, match=r"time_zone`: received 'Mars/Olympus'"):
        check_time_zone("Mars/Olympus")
