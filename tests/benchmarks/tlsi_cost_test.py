"""Tests of `benchmarks/tlsi_cost.py`."""

import pytest
import tlsi_cost

ROW = {
    "batch": 8,
    "time": 5,
    "width": 4,
    "histories": "full",
    "what": "training, XLA",
    "keras_ms": 2.0,
    "tfctr_ms": 3.5,
    "ratio": 1.75,
}


@pytest.mark.parametrize("what", ["training in fit", "inference"])
def test_measured_case_has_times_and_their_ratio(what):
    row = tlsi_cost.measure((4, 3, 2), is_full=False, what=what, runs=2)
    assert row["keras_ms"] > 0
    assert row["ratio"] == pytest.approx(row["tfctr_ms"] / row["keras_ms"])
    assert (row["batch"], row["time"], row["width"]) == (4, 3, 2)
    assert row.keys() == ROW.keys()


def test_verdict_counts_the_cases_of_each_kind():
    others = [{**ROW, "ratio": 1.5}, {**ROW, "what": "inference", "ratio": 1.2}]
    assert tlsi_cost.verdict([*others, ROW]) == (
        "- training, XLA: 1 of 2 cases within the target, ratios 1.50 to 1.75.\n"
        "- inference: 1 of 1 cases within the target, ratios 1.20 to 1.20."
    )


def test_page_has_a_line_for_each_case():
    line = "| 8 | 5 | 4 | full | training, XLA | 2.0 | 3.5 | 1.75 |"
    assert line in tlsi_cost.page([ROW])
