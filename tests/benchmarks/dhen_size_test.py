"""Tests of `benchmarks/dhen_size.py`."""

import time
from types import SimpleNamespace

import dhen_size
import pytest

from tests.models.data import SIZED


def size(aucs, modules="DHEN"):
    plain = dict.fromkeys(("gauc", "normalized_entropy", "epochs", "best_epoch"), 1.0)
    return {
        "modules": modules,
        "depth": 2,
        "width": 8,
        "runs": [{**plain, "auc": auc, "parameters": 1234} for auc in aucs],
    }


def test_rows_are_medians_and_ranges():
    (row,) = dhen_size.rows([size([0.7, 0.5, 0.6])])
    assert row[:4] == ["2", "8", "1,234", "0.6000 (0.5000 to 0.7000)"]
    page = dhen_size.markdown([size([0.7, 0.5, 0.6])], 8.0, ["A remark."])
    assert "\n| 2 | 8 | 1,234 | 0.6000 (0.5000 to 0.7000) |" in page
    assert "\n\nA remark.\n\n" in page
    assert "# Results: depth and width of DHEN" in page
    assert "--modules" not in page
    both = [size([0.7]), size([0.6], "mask")]
    page = dhen_size.markdown(both, 8.0, [])
    assert "# Results: DHEN and its single modules" in page
    assert "dhen_size.py --modules" in page
    assert "\n| mask | 2 | 8 | 1,234 | 0.6000" in page


def test_a_budget_counts_steps_alone_and_keeps_the_best(monkeypatch):
    """Each step takes 1 s, each check 100 s, the first step 1,000 s."""
    clock = {"now": 0.0}
    monkeypatch.setattr(time, "process_time", lambda: clock["now"])
    losses = iter([5.0, 4.0, 3.0, 2.0, 6.0, 7.0, 8.0, 9.0, 9.0, 9.0])

    def judged(model, batches):
        clock["now"] += 100
        return next(losses)

    monkeypatch.setattr(dhen_size, "mean_log_loss", judged)
    budget = dhen_size.Budget(20.0, None)
    model = SimpleNamespace(
        get_weights=lambda: clock["now"], stop_training=False, steps=0
    )
    budget.set_model(model)
    while not model.stop_training:
        budget.on_train_batch_begin(model.steps)
        clock["now"] += 1 if model.steps else 1_000
        model.steps += 1
        budget.on_train_batch_end(model.steps - 1)
    assert model.steps == 1 + 20
    assert [steps for steps, _ in budget.checks] == list(range(3, 22, 2))
    assert budget.best == pytest.approx(1_000 + 8 + 400)


def test_single_modules_have_about_as_many_parameters(monkeypatch):
    monkeypatch.setattr(dhen_size, "MODULE_WIDTHS", (4, 8, 16))
    monkeypatch.setattr(dhen_size, "MODULES", ("mlp", "transformer"))
    whole, *single = dhen_size.of_equal_size(SIZED)
    assert [shape["modules"] for shape in single] == list(dhen_size.MODULES)

    def count(shape):
        model = dhen_size.made(SIZED, shape)
        model.build()
        return model.count_params()

    target = count(whole)
    for shape in single:
        nearest = abs(count(shape) - target)
        place = dhen_size.MODULE_WIDTHS.index(shape["width"])
        for other in dhen_size.MODULE_WIDTHS[max(place - 1, 0) : place + 2]:
            assert nearest <= abs(count({**shape, "width": other}) - target)
        kinds = {len(layer) for layer in dhen_size.made(SIZED, shape).layer_specs}
        assert kinds == {1}
