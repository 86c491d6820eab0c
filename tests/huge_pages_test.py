"""Tests of `tfctr.huge_pages`."""

import numpy as np
import pytest
import tensorflow as tf

from tfctr import huge_pages
from tfctr.huge_pages import HUGE_PAGE, collapse


@pytest.fixture
def table():
    # Eight huge pages and a bit, whose first byte is hardly ever at the start of one.
    rows = np.arange(8 * HUGE_PAGE // 64 + 7, dtype="float32")
    return tf.Variable(tf.constant(rows)[:, None] * tf.ones((1, 16)))


def test_values_stay_and_can_be_updated(table):
    before = table.numpy()
    collapse(table)
    np.testing.assert_array_equal(table.numpy(), before)
    table.scatter_update(tf.IndexedSlices(tf.fill((1, 16), -1.0), tf.constant([5])))
    before[5] = -1
    np.testing.assert_array_equal(table.numpy(), before)


def test_small_tables_and_graphs_are_left_alone(table):
    assert not collapse(tf.Variable(tf.ones((100, 16))))
    assert not tf.function(lambda: tf.constant(collapse(table)))()


def test_other_systems_are_left_alone(table, monkeypatch):
    monkeypatch.setattr(huge_pages.sys, "platform", "darwin")
    assert not collapse(table)


def test_only_whole_huge_pages_of_the_variable_are_named(table, monkeypatch):
    calls = []

    class Library:
        class madvise:
            argtypes = None

            def __new__(cls, start, size, advice):
                calls.append((start, size, advice))
                return 0

        def __init__(self, name, use_errno):
            pass

    monkeypatch.setattr(huge_pages.ctypes, "CDLL", Library)
    assert collapse(table)
    begin = np.asarray(memoryview(table.read_value())).ctypes.data
    end = begin + 64 * table.shape[0]
    assert [advice for *_, advice in calls] == [14, 25]
    for start, size, _ in calls:
        assert start % HUGE_PAGE == size % HUGE_PAGE == 0
        assert begin <= start
        assert start + size <= end
        assert size >= 7 * HUGE_PAGE
