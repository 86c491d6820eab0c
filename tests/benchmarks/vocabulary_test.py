"""Tests of `benchmarks/vocabulary.py`."""

import numpy as np
import pytest
import vocabulary


def test_bytes_are_those_of_weights_and_slots():
    # 17 weights of 4 bytes a row; Adam keeps two numbers a weight, row-wise one a row.
    assert vocabulary.table_bytes("SparseSGD", 100) == 100 * 17 * 4
    assert vocabulary.table_bytes("LazyAdam", 100) == 100 * 51 * 4
    assert vocabulary.table_bytes("RowWiseAdagrad", 100) == 100 * 18 * 4


@pytest.mark.parametrize("skew", ["zipf", "even"])
def test_ids_are_rows_of_their_field(skew):
    ids = vocabulary.ids_of(26_000, 2, skew)
    assert ids.shape == (2, 4096, 26)
    assert ids.dtype == np.int32
    assert ids.min() >= 1
    assert ids.max() <= 999


def test_zipf_ids_touch_fewer_rows():
    count = {
        skew: len(np.unique(vocabulary.ids_of(2_600_000, 1, skew)[..., 0]))
        for skew in ("zipf", "even")
    }
    assert count["zipf"] < 0.8 * count["even"]


def row(rows, times, peak):
    return {
        "optimizer": "LazyAdam",
        "ids": "even",
        "rows": rows,
        "step_ms": times[0],
        "peak_bytes": peak,
        "table_bytes": 2**30,
    }


def test_ratio_is_to_the_fewest_rows_and_the_median_counts():
    results = [
        vocabulary.summary([row(10, [t], 2**30) for t in (4.0, 2.0, 3.0)]),
        vocabulary.summary([row(99, [t], 3 * 2**30) for t in (6.0, 9.0, 8.0)]),
    ]
    assert [r["step_ms"] for r in results] == [3.0, 8.0]
    few, many = vocabulary.with_ratios(results)
    assert few["ratio"] == 1
    assert many["ratio"] == pytest.approx(8 / 3)
    assert many["extra_bytes"] == 2 * 2**30
    page = vocabulary.page([few, many])
    assert (
        "| LazyAdam | even | 99 | 8.0 (6.0 to 9.0) | 2.67 | 3.00 | 1.00 | 2.00 |"
        in page
    )
    assert "Largest ratio 2.67" in page
