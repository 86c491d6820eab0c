"""Tests of `tfctr.layers.sequence.flow_pairs`."""

import numpy as np
import pytest

from tfctr.errors import InputError
from tfctr.layers.sequence.flow_pairs import (
    earlier_sessions,
    earlier_times,
    past_pairs,
    prefix_pairs,
)


def test_events_know_what_is_strictly_earlier():
    found = earlier_times(np.array([[3, 5, 5, 5, 9], [1, 1, 2, 2, 2]]))
    assert np.asarray(found).tolist() == [[0, 1, 1, 1, 4], [0, 0, 2, 2, 2]]


def test_events_out_of_order_know_nothing_that_is_not_earlier():
    # The third knows the first; what stands behind the second is unknown to it.
    found = np.asarray(earlier_times(np.array([[3, 9, 5, 7, 10]])))
    assert found.tolist() == [[0, 1, 1, 1, 4]]


def test_events_without_a_time_are_known_by_their_order():
    found = np.asarray(earlier_times(np.array([[-1, 5, -1, 5]])))
    assert found.tolist() == [[0, 1, 2, 1]]


def test_events_of_a_session_do_not_know_each_other():
    found = np.asarray(earlier_sessions(np.array([[8, 8, 3, 3, 3, 8]])))
    assert found.tolist() == [[0, 0, 2, 2, 2, 5]]


def test_sessions_without_ids_are_refused():
    with pytest.raises(InputError, match="`sessions`: received none"):
        earlier_sessions(None)


def test_pairs_of_the_past_are_those_up_to_oneself():
    pairs = past_pairs(np.zeros((2, 3, 4)), np.array([[0, 60, 60]] * 2), 128)
    assert np.asarray(pairs.visible).tolist() == [[1, 2, 3]]
    assert np.asarray(pairs.places).tolist() == [[0, 1, 2]]
    buckets = [[0, 13, 13], [13, 0, 0], [13, 0, 0]]
    assert np.asarray(pairs.buckets).tolist() == [buckets] * 2


def test_candidates_stand_where_as_many_events_are_before_them():
    visible = np.array([[0, 2]], "int32")
    pairs = prefix_pairs(visible, np.array([[60, -1]]), np.array([[0, 59, 7]]), 128)
    np.testing.assert_array_equal(pairs.places, visible)
    assert np.asarray(pairs.buckets).tolist() == [[[13, 0, 13], [-1, -1, -1]]]
    assert np.asarray(pairs.own).tolist() == [[0, -1]]


@pytest.mark.parametrize(("times", "last"), [(None, 128), (np.zeros((1, 2), int), 0)])
def test_pairs_have_no_buckets_where_none_are_wanted(times, last):
    assert past_pairs(np.zeros((1, 2, 3)), times, last).buckets is None
    assert prefix_pairs(np.zeros((1, 2), "int32"), times, times, last).own is None
