"""Tests of `benchmarks/balance_cost.py`."""

import balance_cost
import numpy as np


def test_a_line_has_medians_and_ratios_to_fixed_weights():
    times = {"fixed": [2.0, 1.0, 4.0], "uncertainty": [2, 3, 4], "gradnorm": [6, 6, 6]}
    assert balance_cost.cells({"model": "MMoE", **times}) == [
        "MMoE",
        "2.00 (1.00 to 4.00)",
        "3.00 (2.00 to 4.00)",
        "6.00 (6.00 to 6.00)",
        "1.50",
        "3.00",
    ]


def test_steps_are_timed_without_the_first():
    clock = balance_cost.Clock()
    clock.marks = [0.0, 5.0, 5.001, 5.003, 5.004]
    np.testing.assert_allclose(clock.step_ms, 1)


def test_every_model_has_every_balance():
    (row,) = balance_cost.study(("SharedBottom",), 3, 1)
    assert [len(row[name]) for name in balance_cost.BALANCES] == [1, 1, 1]
    assert "| SharedBottom |" in balance_cost.page([row], "a machine")
