"""Tests of `benchmarks/apg_cost.py`."""

import apg_cost
import pytest


def row(version, times, parameters, weights, batch=4096):
    return {
        "version": version,
        "batch": batch,
        "step_ms": sorted(times)[1],
        "step_ms_all": times,
        "parameters": parameters,
        "weights": weights,
    }


def test_ratios_are_to_the_static_tower_of_the_same_batch():
    rows = [
        row("static", [90.0, 100.0, 120.0], 1_000, 800),
        row("v4", [19.0, 20.0, 21.0], 50, 40),
        row("static", [5.0, 5.0, 5.0], 1_000, 800, batch=64),
        row("v1", [50.0, 50.0, 50.0], 32_000, 25_600, batch=64),
    ]
    _, v4, _, v1 = apg_cost.with_ratios(rows)
    assert (v4["time_ratio"], v4["parameter_ratio"]) == (0.2, 0.05)
    assert (v1["time_ratio"], v1["weight_ratio"]) == (10, 32)
    page = apg_cost.page(rows)
    assert "| v4 | 4,096 | 20.0 (19.0 to 21.0) | 0.20 | 50 | 5.00 % | 40 |" in page
    assert "v4 trains in 0.20 of the time" in page


def test_weights_are_those_of_the_formula():
    # 64 * 32 for each core; 8 * (393 + 1024 + 1024 + 512 + 512 + 256) shared.
    assert apg_cost.weights("v4") == 3 * 64 * 32 + 8 * 3721 == 35_912
    assert apg_cost.weights("static") == 393 * 1024 + 1024 * 512 + 512 * 256
    assert apg_cost.weights("v1") == 32 * apg_cost.weights("static")


def test_break_even_of_the_middle_layer():
    middle = apg_cost.break_evens()[1]
    assert middle["layer"] == "1024 -> 512"
    assert middle["group"] == pytest.approx(106.2, abs=0.1)
    assert middle["self"] == pytest.approx(21.9, abs=0.1)
    shares = {r["rank"]: round(100 * r["self"], 1) for r in apg_cost.self_wise()}
    assert shares == {4: 4.3, 8: 14.5, 16: 52.3, 32: 198.0}
