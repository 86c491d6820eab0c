"""Tests of `benchmarks/apg_groups.py`."""

import apg_groups
import numpy as np


def test_groups_follow_a_power_law_in_training_and_are_even_in_the_test():
    data = apg_groups.planted(20_000, 0)
    counts = np.bincount(data["groups"][:20_000], minlength=apg_groups.GROUPS)
    assert counts[0] > 1.5 * counts[1] > 2 * counts[3]
    assert len(data["labels"]) == 20_000 + apg_groups.TEST_ROWS
    even = np.bincount(data["groups"][20_000:], minlength=apg_groups.GROUPS)
    assert even.min() > 20
    assert even.max() < 100


def test_auc_is_that_of_the_rows_of_each_range():
    labels = np.array([0.0, 1, 0, 1])
    logits = np.array([0.0, 1, 1, 0])
    found = apg_groups.by_size(labels, logits, np.array([5, 5, 50, 50]))
    np.testing.assert_array_equal(found, [1, np.nan, 0, np.nan, np.nan])


def test_page_has_the_mean_over_seeds():
    rows = [{"model": "APG v4", "auc": [[0.5] * 5, [0.75] * 5]}]
    assert "| APG v4 | 0.625 | 0.625 |" in apg_groups.page(rows, 1_000)
