"""Tests of `benchmarks/pre_ranking_latency.py`."""

import pre_ranking_latency as latency
import pytest


def row(history, candidates, two_tower, tarq, exact):
    times = {"TwoTower": two_tower, "TARQ": tarq, "exact": exact}
    times["TARQ, tower head"] = 2 * tarq
    return {"history": history, "candidates": candidates, **times}


def test_slope_is_the_time_of_a_candidate_more():
    rows = [
        row(history, count, 1 + 1e-3 * count, 2 + 2e-3 * count, 1e-5 * history * count)
        for history in (50, 200)
        for count in (100, 1_000, 10_000)
    ]
    rows[0]["TARQ"] = 99.0  # too few candidates to be part of the line
    short, long = latency.slopes(rows, 1_000)
    assert short["TARQ"] == pytest.approx(2.0) == long["TARQ"]
    assert short["TwoTower"] == pytest.approx(1.0)
    assert (short["exact"], long["exact"]) == pytest.approx((0.5, 2.0))


def test_slope_of_tarq_must_not_grow_with_the_history():
    short, long = (
        {**row(history, 0, 1.0, tarq, exact), "history": history}
        for history, tarq, exact in ((50, 0.5, 1.0), (1_000, 0.6, 8.0))
    )
    assert latency.slope_verdict([short, long]) == (
        "met: a candidate more costs TARQ 1.20 times as much at history 1,000 as at 50 "
        "(target 1.25), exact target attention 8.00 times."
    )
    assert latency.slope_verdict([short, {**long, "TARQ": 0.7}]).startswith("MISSED")


def test_verdicts_say_what_is_missed():
    rows = [row(200, 10_000, 1.0, 1.5, 12.0), row(200, 100_000, 1.0, 2.5, 25.0)]
    found = latency.verdicts([*rows, row(50, 100, 1.0, 9.0, 1.0)])
    met = [text.split(":")[0] for text in found]
    assert met == ["met", "met", "MISSED", "MISSED"] + 4 * ["MISSED"]
    assert "TARQ 8.0 times faster" in found[0]
    assert "TARQ, tower head 4.0 times faster" in found[2]
    assert "TARQ 10.0 times faster" in found[4]
    assert "TARQ takes 2.50 times as long" in found[5]


def test_page_has_a_line_for_each_case():
    rows = [row(200, 10_000, 1.0, 1.5, 12.0)]
    memory = {"items": 9, "resident": 321.4, "vector": 128.0, "codes": 3.0}
    slope = {**row(200, 0, 0.1, 0.125, 2), "history": 200}
    found = {
        "items": 10_000,
        "rows": rows,
        "slopes": [slope],
        "verdicts": latency.verdicts(rows),
        "memory": memory,
    }
    text = latency.page(found)
    assert "| 200 | 10,000 | 1.00 | 1.50 | 3.00 | 12.00 | 8.00 | 1.50 |" in text
    assert "| 200 | 0.100 | 0.125 | 0.250 | 2.000 |" in text
    assert "vector 128.0, codes 3.0. A serving process grew by 321 bytes" in text
