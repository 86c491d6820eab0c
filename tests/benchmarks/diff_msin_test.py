"""Tests of what `benchmarks/diff_msin.py` trains on."""

import json

from diff_msin import held_back, page, read_runs, without

from tfctr.data import synthetic

DATA = synthetic(600, num_users=20, num_items=30)


def test_nothing_of_films_held_back_is_trained():
    films = held_back(DATA)
    assert len(films) == DATA.train["item_id"].nunique() // 10 > 0
    assert films == held_back(DATA)
    cut = without(DATA, films)
    for before, after in ((DATA.train, cut.train), (DATA.validation, cut.validation)):
        kept = before[~before["item_id"].isin(films)]
        assert after["item_id"].tolist() == kept["item_id"].tolist()
        assert films & {film for row in before["history_item_id"] for film in row}
        names = [name for name in before if name.startswith("history_")]
        for (_, old), (_, new) in zip(kept.iterrows(), after.iterrows(), strict=True):
            events = list(zip(*(old[name] for name in names), strict=True))
            place = names.index("history_item_id")
            expected = [event for event in events if event[place] not in films]
            assert list(zip(*(new[name] for name in names), strict=True)) == expected
    assert cut.test is DATA.test
    assert cut.state is DATA.state


def test_runs_are_read_and_shown(tmp_path):
    assert read_runs(None) == read_runs(tmp_path / "runs.jsonl") == {}
    result = {
        "auc": 0.75,
        "cold_auc": 0.5,
        "cold_examples": 7,
        "epochs": 2,
        "parameters": 1_234,
        "examples_per_second": 2_000.4,
        "inference_us": 3.25,
    }
    lines = [{"form": "DIN", "seed": seed, "result": result} for seed in range(2)]
    (tmp_path / "runs.jsonl").write_text("\n".join(map(json.dumps, lines)))
    runs = read_runs(tmp_path / "runs.jsonl")
    assert runs == {("DIN", 0): result, ("DIN", 1): result}
    row = "| DIN | 0.7500 (0.7500 to 0.7500) | 0.5000 (0.5000 to 0.5000) | 1,234 |"
    assert row in page({"DIN": list(runs.values())}, DATA)
