"""Tests of how `benchmarks/diff_msin_search.py` chooses."""

from diff_msin_search import FORM, PEERS, SEEDS, START, Runs, chosen, search


def measure(form, settings, seed):
    """Best where the rate is small and decoupling weak; else the start is."""
    value = 1 - settings["rate"]
    if form == FORM:
        value -= settings["decoupling_weight"] + abs(settings["synergy_weight"] - 0.05)
        value -= abs(settings["num_steps"] - 3)
    # The test part says the opposite, and must not be asked.
    return {"validation_auc": value, "auc": -value, "epochs": 1}


def test_the_validation_part_chooses_and_runs_are_kept(tmp_path):
    path = tmp_path / "runs.jsonl"
    runs = Runs(measure, path, minutes=1)
    search(runs, SEEDS)
    best = {**START, "rate": 5e-4, "decoupling_weight": 0.0}
    assert chosen(runs.found, FORM) == best
    assert [chosen(runs.found, peer) for peer in PEERS] == [{"rate": 1e-3}] * 2
    again = Runs(None, path, minutes=1)  # nothing is measured twice
    search(again, SEEDS)
    assert again.found == runs.found


def test_no_run_starts_after_the_time():
    runs = Runs(measure, None, minutes=-1)
    runs(FORM, START, 0)
    assert not runs.found
