"""Tests of `tfctr.layers.RelativeBias`."""

import numpy as np
import pytest

from tfctr.errors import InputError
from tfctr.layers import RelativeBias
from tfctr.layers.sequence.relative_bias import time_buckets


def numbered(max_distance=4, num_time_buckets=40):
    """A bias whose number for a distance is the distance, for a bucket its hundred."""
    layer = RelativeBias(max_distance, num_time_buckets)
    layer.build()
    for weight, factor in ((layer.positions, 1), (layer.times, 100)):
        if weight is not None:
            weight.assign(factor * np.arange(weight.shape[0], dtype="float32"))
    return layer


def test_buckets_of_a_second_a_minute_and_a_day():
    moments = np.array([[0, 1, 60, 86_400]])
    found = time_buckets(np.array([[0]]), moments, 128)
    assert np.asarray(found).tolist() == [[[0, 0, 13, 37]]]


def test_buckets_are_alike_in_both_directions_and_end():
    times = np.array([[1_600_000_000, 1_600_086_400]])
    found = np.asarray(time_buckets(times, times, 20))
    assert found.tolist() == [[[0, 20], [20, 0]]]


def test_bucket_of_a_missing_time_is_missing():
    found = time_buckets(np.array([[-1, 9]]), np.array([[3, -1]]), 20)
    assert np.asarray(found).tolist() == [[[-1, -1], [5, -1]]]


def test_bias_by_position_is_toeplitz_and_ends():
    layer = numbered(max_distance=3, num_time_buckets=0)
    found = layer(np.arange(6, dtype="int32")[None], np.zeros((1, 6, 6), "int32"))
    expected = np.clip(np.arange(6)[:, None] - np.arange(6), 0, 3)
    np.testing.assert_array_equal(found[0], expected)


def test_bias_is_the_sum_of_both():
    buckets = np.array([[[0, 2, -1], [5, 40, 7]]], "int32")
    found = numbered()(np.array([[2, 4]], "int32"), buckets)
    expected = [[2 + 0, 1 + 200, 0 + 0], [4 + 500, 3 + 4000, 2 + 700]]
    np.testing.assert_array_equal(found[0], expected)


def test_bias_of_nothing_is_zero():
    found = numbered(0, 0)(np.array([[2, 4]], "int32"), np.ones((3, 2, 5), "int32"))
    np.testing.assert_array_equal(found, np.zeros((3, 2, 5)))


def test_negative_sizes_are_refused():
    with pytest.raises(InputError, match="`max_distance`: received -1"):
        RelativeBias(-1)


def test_seconds_that_are_floats_are_refused():
    with pytest.raises(InputError, match="`later`: received float32"):
        time_buckets(np.zeros((1, 1), "float32"), np.zeros((1, 1), "int64"), 9)
