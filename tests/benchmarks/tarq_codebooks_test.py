"""Tests of `benchmarks/tarq_codebooks.py`."""

import numpy as np
import pytest
import tarq_codebooks


def test_clicks_follow_the_event_of_the_candidates_category():
    x, y = tarq_codebooks.planted(500, 0)
    same = x["history_category"][:, None] == x["category"][..., None]
    np.testing.assert_array_equal(same.sum(-1), 1)
    action = (same * x["history_action"][:, None]).sum(-1)
    assert y["click"][action == 2].mean() == pytest.approx(0.9, abs=0.03)
    assert y["click"][action == 1].mean() == pytest.approx(0.1, abs=0.03)


def test_events_and_items_have_the_categories_of_the_catalogue():
    x, _ = tarq_codebooks.planted(50, 1)
    for prefix in ("", "history_"):
        item, category = x[f"{prefix}item_id"], x[f"{prefix}category"]
        np.testing.assert_array_equal(
            tarq_codebooks.ITEM["category"][item - 1], category
        )


def test_share_of_the_gap_is_between_towers_and_teacher():
    run = {"towers": 0.6, "student": 0.75, "teacher": 0.8}
    assert tarq_codebooks.recovered(run) == pytest.approx(0.75)


def test_page_has_means_over_seeds_and_no_teacher_where_there_is_none():
    run = {"towers": 0.6, "teacher": 0.8, "usage": 1.0, "entropy": 3.0, "error": 2.0}
    runs = [{**run, "student": 0.75}, {**run, "student": 0.65}]
    rows = [
        {"model": "TARQ", "runs": runs},
        {"model": "TwoTower", "runs": [{"student": 0.5}, {"student": 0.6}]},
    ]
    text = tarq_codebooks.page(rows, requests=10, epochs=1, codes=32)
    assert (
        "| TARQ | 0.700 (0.071) | 0.600 (0.000) | 0.800 (0.000) | 0.50 (0.35)" in text
    )
    assert "| TwoTower | 0.550 (0.071) |  |  |  |" in text
