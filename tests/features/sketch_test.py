"""Tests of `tfctr.features.sketch`."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tfctr.features.sketch import CountMinSketch

HASHES = np.random.default_rng(0).integers(0, 2**63 - 1, 5000)
SIGHTINGS = st.dictionaries(st.integers(0, 30), st.integers(1, 9), min_size=1)


@given(st.lists(SIGHTINGS, max_size=6), st.integers(1, 40), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_counts_are_never_too_low(batches, width, depth):
    sketch, counts = CountMinSketch(width, depth), Counter()
    for batch in batches:
        counts.update(batch)
        sketch.add(HASHES[list(batch)], np.array(list(batch.values())))
    found = sketch.count(HASHES[:31])
    assert (found >= [counts[k] for k in range(31)]).all()
    assert (found <= sum(counts.values())).all()


def test_counts_are_exact_where_there_is_room():
    sketch = CountMinSketch(1 << 16)
    sketch.add(HASHES[:500], np.arange(1, 501))
    sketch.add(HASHES[100:200], np.full(100, 7))
    expected = np.arange(1, 501)
    expected[100:200] += 7
    assert sketch.count(HASHES[:500]).tolist() == expected.tolist()
    assert sketch.count(HASHES[500:600]).tolist() == [0] * 100


def test_counts_are_too_high_as_seldom_as_promised():
    sketch = CountMinSketch(1000, depth=4)
    sketch.add(HASHES, np.ones(5000, np.int64))
    too_high = sketch.count(HASHES) - 1 > np.e * 5000 / 1000
    assert too_high.mean() < np.exp(-4)


def test_counters_do_not_run_over():
    sketch = CountMinSketch(10)
    sketch.add(HASHES[:1], np.array([2**32 - 2]))
    sketch.add(HASHES[:1], np.array([5]))
    assert sketch.count(HASHES[:1]).tolist() == [2**32 - 1]


def test_what_is_cleared_is_forgotten():
    sketch = CountMinSketch(10)
    sketch.add(HASHES[:5], np.ones(5, np.int64))
    sketch.clear()
    assert sketch.count(HASHES).sum() == 0
