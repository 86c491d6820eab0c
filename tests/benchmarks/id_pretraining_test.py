"""Tests of `benchmarks/id_pretraining.py`: what it makes of its runs, without them."""

import id_pretraining
import numpy as np
import pytest
from id_pretraining import ALL, NOTHING, RUNS

from tfctr.data import synthetic

SCRATCH_AUC, SCRATCH_LOSS = [0.6, 0.7, 0.65], [0.5, 0.4, 0.6]


def result(seed):
    """From scratch the second epoch is best; every other run has 0.01 more of AUC."""
    rankers = []
    for source, loading in RUNS:
        gain = 0.0 if source == NOTHING else 0.01 * (1 + seed)
        epochs = [
            {"auc": auc + gain, "log_loss": loss}
            for auc, loss in zip(SCRATCH_AUC, SCRATCH_LOSS, strict=True)
        ]
        mode = id_pretraining.mode_of(loading)
        run = {"tables": source, "mode": mode, "epochs": epochs, "rate": 100.0}
        rankers.append(run)
    learnt = {"rate": 350.0 + seed}
    pretraining = dict.fromkeys((id_pretraining.SAME, id_pretraining.OWN, ALL), learnt)
    return {
        "seed": seed,
        "model": "DIN",
        "rankers": rankers,
        "pretraining": pretraining,
    }


def test_differences_are_those_of_the_best_epochs():
    found = id_pretraining.differences([result(0), result(1)])
    assert found["from scratch, AUC of epoch 2 less 1"] == pytest.approx([0.1, 0.1])
    key = "from scratch, log loss of epoch 5 less best"
    assert found[key] == pytest.approx([0.2, 0.2])
    gain = found[f"{ALL}, frozen, dropout 0.5, AUC, less scratch"]
    assert gain == pytest.approx([0.01, 0.02])
    assert len(found) == 2 + 2 * (len(RUNS) - 1)


def test_the_page_has_every_run_and_the_speed_of_stage_one():
    about = {
        "machine": "a machine",
        "households": 3,
        "train": 10,
        "train_both": 40,
        "test": 5,
        "positives": 4,
        "pairs": {ALL: 99},
        "known": 0.5,
    }
    page = id_pretraining.page(about, [result(seed) for seed in range(3)])
    assert "3.5 times as many" in page
    assert page.count("0.6500 ± 0.0000") == 1  # of scratch
    assert page.count("| all households before |") == 4
    assert "{" not in page


def test_given_ids_all_have_rows():
    data = synthetic(400, num_users=20, num_items=10)
    ids = {
        data.schema.user_id: [str(n) for n in range(50)],
        data.schema.item_id: [str(n) for n in range(30)],
    }
    found = id_pretraining.with_ids(data, ids)
    for name, values in ids.items():
        assert found.state.values(name) == tuple(values)
    assert found.train is data.train
    assert found.name == data.name


def test_examples_a_second_leave_out_the_first_epoch(monkeypatch):
    times = iter([0.0, 10.0, 10.0, 12.0, 12.0, 16.0])
    monkeypatch.setattr(id_pretraining.time, "perf_counter", lambda: next(times))
    clock = id_pretraining.Seconds(100)
    for epoch in range(3):
        clock.on_epoch_begin(epoch)
        clock.on_epoch_end(epoch)
    np.testing.assert_allclose(clock.found, [10, 50, 25])
    assert clock.rate == 37.5
