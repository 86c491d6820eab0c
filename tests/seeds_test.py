"""Tests of `tfctr.seeds`."""

import zlib

import numpy as np
import pytest

from tfctr.seeds import derived_seed, glorot, normal


def test_seed_is_the_checksum_of_seed_and_name():
    assert derived_seed(7, "user_id") == zlib.crc32(b"7/user_id")


def test_seeds_differ_by_name_and_by_seed():
    pairs = [(seed, name) for seed in range(50) for name in ("a", "b", "0/a")]
    assert len({derived_seed(*pair) for pair in pairs}) == len(pairs)


@pytest.mark.parametrize("make", [glorot, lambda s, n: normal(s, n, 0.1)])
def test_values_depend_on_seed_and_name_alone(make):
    first = np.asarray(make(1, "a")((4, 3)))
    np.testing.assert_array_equal(make(1, "a")((4, 3)), first)
    assert np.abs(np.asarray(make(2, "a")((4, 3))) - first).min() > 0
    assert np.abs(np.asarray(make(1, "b")((4, 3))) - first).min() > 0


def test_glorot_is_uniform_within_its_limit():
    values = np.asarray(glorot(0, "kernel")((300, 100)))
    limit = (6 / 400) ** 0.5
    assert np.abs(values).max() <= limit
    assert values.std() == pytest.approx(limit / 3**0.5, rel=0.02)


def test_normal_has_the_given_deviation():
    values = np.asarray(normal(0, "table", 0.05)((300, 100)))
    assert values.mean() == pytest.approx(0, abs=0.002)
    assert values.std() == pytest.approx(0.05, rel=0.02)
