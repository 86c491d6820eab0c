"""Tests of `benchmarks/dual_flow_cost.py`."""

import dual_flow_cost
import numpy as np
import pytest
import tensorflow as tf

BLOCKS = dual_flow_cost.Blocks(8)
REAL, FAKE = dual_flow_cost.tokens(5, 8, 2)


def test_split_samples_compute_what_two_flows_do():
    np.testing.assert_allclose(
        BLOCKS.split(REAL, FAKE), BLOCKS.dual(REAL, FAKE), atol=1e-5
    )


def test_interleaved_items_are_candidates_behind_twice_as_many_tokens():
    found = BLOCKS.interleaved(REAL, FAKE)
    twice = tf.reshape(tf.stack([REAL, FAKE], 2), (2, 10, 8))
    alone = BLOCKS.request(twice[:, :6], REAL[:, 3:4])
    assert found.shape == (2, 5, 8)
    np.testing.assert_allclose(found[:, 3:4], alone, atol=1e-4)


def test_floor_has_the_shape_of_what_it_is_the_floor_of():
    assert BLOCKS.floor(REAL, FAKE).shape == FAKE.shape


def test_coefficients_are_found():
    counts = [100, 200, 400]
    times = [3 * n + 0.5 * n**2 for n in counts]
    assert dual_flow_cost.fit(counts, times) == pytest.approx((3, 0.5))
    assert dual_flow_cost.fit(counts, [n**2 - n for n in counts])[0] == 0


def test_two_flows_are_faster_than_interleaved_and_much_than_split_samples():
    row = dual_flow_cost.train_times(64, 16, 2, ("dual", "interleaved", "split"))
    assert row["split"] > 2 * row["dual"]
    request = dual_flow_cost.request_times(512, 20, 32, 2)
    assert request["interleaved"] > request["dual"]


def test_page_says_what_was_found():
    row = {"events": 128, "width": 8, "dual": 2.0, "interleaved": 4.0}
    request = {**row, "candidates": 200, "dual_cached": 0.5, "interleaved_cached": 1.0}
    ratios = {"dual": (1, 2), "interleaved": (2, 8)}
    found = {
        "machine": "here",
        "train": [row],
        "requests": [request],
        "candidates": [request],
        "positions": [{**row, "split": 30.0, "floor": 1.0}],
        "fits": {n: ratios for n in ("train", "requests")},
        "memory": {"dual": 300.0, "floor": 144.0},
    }
    text = dual_flow_cost.page(found)
    assert "| 128 | 8 | 2.0 | 4.0 |" in text
    assert "15.0 times as fast as as many split samples (target: 10)" in text
    assert "scored 2.00 times as fast as interleaved (target: 2)" in text
    assert "ratios 2.00 and 4.00" in text
    assert "by 300 MB (floor 144 MB)" in text
