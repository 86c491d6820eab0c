"""Tests of `benchmarks/tlsi_cost.py`."""

import pytest
import tlsi_cost

ROW = {
    "batch": 8,
    "time": 5,
    "width": 4,
    "histories": "full",
    "xla": True,
    "keras_ms": 2.0,
    "tfctr_ms": 3.5,
    "ratio": 1.75,
}


def test_measured_case_has_times_and_their_ratio():
    row = tlsi_cost.measure((4, 3, 2), is_full=False, is_xla=False, runs=2)
    assert row["keras_ms"] > 0
    assert row["ratio"] == pytest.approx(row["tfctr_ms"] / row["keras_ms"])
    assert (row["batch"], row["time"], row["width"]) == (4, 3, 2)
    assert row.keys() == ROW.keys()


def test_verdict_names_the_worst_case():
    other = {**ROW, "ratio": 1.5}
    assert tlsi_cost.verdict([other, ROW]) == (
        "1 of 2 cases within the target; the largest ratio is 1.75."
    )


def test_page_has_a_line_for_each_case():
    assert "| 8 | 5 | 4 | full | yes | 2.0 | 3.5 | 1.75 |" in tlsi_cost.page([ROW])
