"""Tests of `benchmarks/results.py`."""

import json
from types import SimpleNamespace

import pytest
import results

from tests.models.data import PLAIN
from tfctr import models
from tfctr.data import synthetic
from tfctr.errors import UnknownName
from tfctr.layers import APG


def test_forms_of_apg_are_settings_of_a_model():
    assert results.form_of("DeepFM", PLAIN) == ("DeepFM", {})
    name, extra = results.form_of("DeepFM+APG", PLAIN)
    assert name == "DeepFM"
    assert APG.of(extra["apg"]) == APG(["user_id", "item_id"], "v4", 8, start="static")
    _, extra = results.form_of("DIN+APG-user", PLAIN)
    assert APG.of(extra["apg"]).condition == ("user_id",)


@pytest.mark.parametrize(
    ("form", "version"), [("APG-v1", "v1"), ("APG-v5", "v5"), ("APG-self", "v4")]
)
def test_ablations_change_one_setting(form, version):
    assert APG.of(results.form_of(f"DCNv2+{form}", PLAIN)[1]["apg"]).version == version


def test_unknown_form_is_named_with_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'APG-v5'"):
        results.form_of("DeepFM+APGv5", PLAIN)


@pytest.mark.parametrize("variant", ["L", "L-c", "L-t", "S", "F", "wo-TP", "longer"])
def test_variant_stands_behind_a_colon(variant):
    (setting,) = results.trials(f"TLSI:{variant}", 1)
    config = results.config_of(f"TLSI:{variant}", data_named("plain"), setting, seed=3)
    assert (config.model, config.seed) == ("TLSI", 3)
    assert config.arguments == {**setting["arguments"], "variant": variant}
    assert "variant" not in setting["arguments"]


def test_model_without_a_colon_is_the_model():
    (setting,) = results.trials("DIN", 1)
    config = results.config_of("DIN", data_named("plain"), setting, seed=0)
    assert config.model in models.names()
    assert config.arguments == setting["arguments"]


def test_models_that_read_events_learn_from_whole_users():
    (setting,) = results.trials("DFGR", 1)
    data = synthetic(4_000, num_users=40, seed=0)
    config = results.config_of("DFGR", data, setting, seed=0)
    assert config.form == "user_sequences"
    # 3,200 labels in the train part, 80 for each of 40 users.
    assert config.batch_size == round(1_000 / 80)
    assert config.arguments["context"] is False
    assert config.arguments["embedding_dim"] == setting["arguments"]["dim"]
    dropout = {"dropout": setting["arguments"]["dropout"]}
    assert config.arguments["settings"] == dropout
    sasrec = results.config_of("SASRec", data, setting, seed=0)
    assert dropout.items() <= sasrec.arguments.items()
    assert "settings" not in sasrec.arguments
    single = results.config_of("DFGR:examples", data, setting, seed=0)
    assert (single.form, single.batch_size) == ("examples", 512)
    assert single.arguments == config.arguments


def test_runs_that_ended_are_not_run_again(tmp_path, monkeypatch):
    asked = []

    def run(model, data, setting, seed, part):
        asked.append((model, seed))
        return {"auc": 0.5 + seed}

    monkeypatch.setattr(results, "run", run)
    data, file = data_named("known"), tmp_path / "runs.jsonl"
    first = results.Runs(file)
    assert first("DIN", data, {"learning_rate": 0.1}, 1, "test") == {"auc": 1.5}
    assert first("DIN", data, {"learning_rate": 0.1}, 2, "test") == {"auc": 2.5}
    again = results.Runs(file, seconds=-1)  # whose time is over
    assert again("DIN", data, {"learning_rate": 0.1}, 1, "test") == {"auc": 1.5}
    assert asked == [("DIN", 1), ("DIN", 2)]
    others = [
        ("DIEN", data, {"learning_rate": 0.1}, 1, "test"),
        ("DIN", data_named("other"), {"learning_rate": 0.1}, 1, "test"),
        ("DIN", data, {"learning_rate": 0.2}, 1, "test"),
        ("DIN", data, {"learning_rate": 0.1}, 3, "test"),
        ("DIN", data, {"learning_rate": 0.1}, 1, "validation"),
    ]
    for other in others:
        with pytest.raises(results.OutOfTime):
            again(*other)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["run"]["seed"] for line in lines] == [1, 2]


def test_page_shows_the_command_without_what_is_of_this_machine():
    given = ["results.py", "--runs", "x", "--trials", "2", "--remark", "It is so."]
    assert results.shown_command(given) == "python results.py --trials 2"


def data_named(name):
    return SimpleNamespace(name=name, schema=PLAIN)
