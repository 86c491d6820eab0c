"""Tests of `tfctr.pipelines.components.IDPretraining` and its place in the graph."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tests.pipelines.logs import make_small_schema, make_tables, write_tables
from tfctr.data.behaviour import BehaviourSpec, LabelRule
from tfctr.data.examples import build_examples
from tfctr.errors import InputError, UnknownName
from tfctr.pipelines.components.id_pretraining import executor
from tfctr.pipelines.components.id_pretraining.executor import pretrain
from tfctr.pipelines.config import load_config
from tfctr.pipelines.inputs import resolve_inputs
from tfctr.pipelines.pipeline import make_pipeline
from tfctr.pipelines.pretraining_config import IDPretrainingConfig
from tfctr.pipelines.training import with_tables
from tfctr.training.pretrained import Window, read_pretrained

RULES = BehaviourSpec("user", "item", "at", {"like": LabelRule("rating", at_least=4)})


@pytest.fixture(scope="module")
def made():
    return make_tables(200, 3, items=12)


@pytest.fixture(scope="module")
def positives(made):
    return made["events"][["user", "item", "at", "rating"]]


def state_of(made):
    tables = made["events"], made["users"], made["items"]
    return make_small_schema().fit(
        build_examples(*tables, make_small_schema(), RULES)["train"]
    )


def settings_of(**given):
    settings = {"time": "at", "arguments": {"dim": 3}, "epochs": 1, **given}
    return IDPretrainingConfig(**settings).model_dump()


def test_tables_are_learnt_from_all_surfaces(made, positives, tmp_path):
    early, late = positives[:120], positives[120:].assign(liked=1)
    early = early.assign(liked=[1, 0] * 60)
    early.to_csv(tmp_path / "home.csv", index=False)
    late.to_parquet(tmp_path / "search.parquet")
    files = {
        "home": str(tmp_path / "ho*.csv"),
        "search": str(tmp_path / "search.parquet"),
    }
    settings = settings_of(positives=files, label="liked")
    state = state_of(made)
    fingerprint = pretrain(settings, state, str(tmp_path / "tables"))
    found = read_pretrained(tmp_path / "tables")
    assert found.fingerprint == fingerprint
    used = pd.concat([early[early["liked"] == 1], late])
    assert found.window == Window.of(used["at"])
    assert found.values["item"] == state.values("item")
    assert {name: rows.shape[1] for name, rows in found.tables.items()} == {
        "user": 3,
        "item": 3,
    }
    # The same again, to the bit.
    pretrain(settings, state, str(tmp_path / "again"))
    for name, rows in read_pretrained(tmp_path / "again").tables.items():
        np.testing.assert_array_equal(rows, found.tables[name])


def test_a_run_that_was_killed_goes_on_when_it_is_repeated(
    made, positives, tmp_path, monkeypatch, capsys
):
    positives.to_csv(tmp_path / "home.csv", index=False)
    settings = settings_of(
        positives={"home": str(tmp_path / "home.csv")},
        epochs=3,
        batch_size=32,
        checkpoint_every=2,
    )
    state = state_of(made)
    expected = pretrain(settings, state, str(tmp_path / "whole"))

    def do(execution):
        """As TFX calls it: a repeated execution has another folder to write."""
        uri = str(tmp_path / "IDPretraining" / "tables" / str(execution))
        executor.Executor().Do(
            {"transform_graph": [SimpleNamespace(uri="graph")]},
            {"tables": [SimpleNamespace(uri=uri)]},
            {
                "schema": state.schema.to_json(),
                "settings": json.dumps(settings),
                "log": "",
                "fingerprint": "files",
            },
        )
        return Path(uri) / "Format-Serving"

    def killed(*_, **__):
        raise MemoryError

    monkeypatch.setattr(executor, "state_from_transform", lambda *_: state)
    monkeypatch.setattr(executor.tft, "TFTransformOutput", str)
    get_uri = "get_single_uri"
    monkeypatch.setattr(executor.artifact_utils, get_uri, lambda found: found[0].uri)
    with monkeypatch.context() as patched:
        patched.setattr(executor, "write_pretrained", killed)
        with pytest.raises(MemoryError):
            do(1)
    folder = tmp_path / "IDPretraining" / "checkpoints"
    assert len(list(folder.glob("*/checkpoint-*"))) == 1
    capsys.readouterr()
    tables = do(2)
    # Of the last epoch alone, and of that not the steps that were done.
    assert "Epoch 3/3" in (text := capsys.readouterr().out)
    assert "Epoch 1/3" not in text
    assert "Epoch 2/3" not in text
    assert read_pretrained(tables).fingerprint == expected
    assert not folder.exists()


def test_checkpoints_are_those_of_the_same_files_and_settings(made):
    state = state_of(made)
    properties = {"settings": "{}", "fingerprint": "files"}
    here = executor.checkpoint_folder("/run/tables/4", state, properties)
    assert here.parent == Path("/run/checkpoints")
    assert executor.checkpoint_folder("/run/tables/5", state, properties) == here
    for name in properties:
        other = {**properties, name: "others"}
        assert executor.checkpoint_folder("/run/tables/4", state, other) != here
    assert executor.checkpoint_folder("gs://run/tables/4", state, properties) is None


def test_tables_are_learnt_from_the_pipelines_own_log(made, tmp_path, monkeypatch):
    spec = dataclasses.replace(RULES, history_only_fraction=0.5)
    state, schema = state_of(made), make_small_schema()
    log = json.dumps([spec.to_dict(), write_tables(made, tmp_path, "csv"), "|"])
    monkeypatch.setattr(executor, "state_from_transform", lambda *_: state)
    monkeypatch.setattr(executor.tft, "TFTransformOutput", str)
    get_uri = "get_single_uri"
    monkeypatch.setattr(executor.artifact_utils, get_uri, lambda found: found[0].uri)
    monkeypatch.setattr(executor.Executor, "_get_tmp_dir", lambda _: str(tmp_path))
    uri = str(tmp_path / "IDPretraining" / "tables" / "1")
    executor.Executor().Do(
        {"transform_graph": [SimpleNamespace(uri="graph")]},
        {"tables": [SimpleNamespace(uri=uri)]},
        {
            "schema": schema.to_json(),
            "settings": json.dumps(settings_of(earliest=0.5)),
            "log": log,
            "fingerprint": "files",
        },
    )
    found = read_pretrained(Path(uri) / "Format-Serving")
    parts = build_examples(
        made["events"], made["users"], made["items"], schema, spec
    ).values()
    events = made["events"].sort_values("at")
    early = events[events["at"] < min(part["at"].min() for part in parts)]
    assert found.window == Window.of(early[early["rating"] >= 4]["at"])
    assert not list(tmp_path.glob("positives*"))


def test_bad_files_are_refused(made, positives, tmp_path):
    positives.drop(columns="item").to_csv(tmp_path / "home.csv", index=False)
    state, files = state_of(made), {"home": str(tmp_path / "home.csv")}
    with pytest.raises(UnknownName, match="`column of home`"):
        pretrain(settings_of(positives=files), state, str(tmp_path / "tables"))
    files = {"home": str(tmp_path / "away.csv")}
    with pytest.raises(InputError, match="which no file matches"):
        pretrain(settings_of(positives=files), state, str(tmp_path / "tables"))


def config_of(made, folder, *overrides):
    paths = write_tables(made, folder, "csv")
    (folder / "schema.json").write_text(make_small_schema().to_json())
    places = [f"data.{name}='{path}'" for name, path in paths.items()]
    places += [f"output='{folder / 'out'}'", f"schema='{folder / 'schema.json'}'"]
    return load_config("tiny", [*places, *overrides])


def test_component_stands_between_transform_and_trainer(made, positives, tmp_path):
    positives.to_csv(tmp_path / "home.csv", index=False)
    config = config_of(
        made,
        tmp_path,
        f"id_pretraining.positives={{home='{tmp_path / 'home.csv'}'}}",
        "ranking.pretrained='id_pretraining'",
    )

    def nodes():
        pipeline = make_pipeline(config, resolve_inputs(config))
        return {node.id: node for node in pipeline.components}

    found = nodes()
    tables, trainer = found["IDPretraining"], found["Trainer"]
    assert found["Transform"] in tables.upstream_nodes
    assert tables in trainer.upstream_nodes
    before = tables.exec_properties["fingerprint"]
    positives[:50].to_csv(tmp_path / "home.csv", index=False)
    assert nodes()["IDPretraining"].exec_properties["fingerprint"] != before
    plain = config_of(made, tmp_path)
    pipeline = make_pipeline(plain, resolve_inputs(plain))
    assert "IDPretraining" not in {node.id for node in pipeline.components}


def test_head_gets_the_tables_of_the_run():
    arguments = SimpleNamespace(base_model="/run/tables")
    mine = {"folder": "id_pretraining", "mode": "trainable"}
    found = with_tables({"model": "DIN", "pretrained": mine}, arguments)
    assert found["pretrained"] == {"folder": "/run/tables", "mode": "trainable"}
    for other in ({"folder": "elsewhere"}, None):
        config = {"model": "DIN", "pretrained": other}
        assert with_tables(config, arguments) == config


def test_head_that_asks_for_tables_of_no_section_is_refused(made, tmp_path):
    with pytest.raises(
        InputError, match=r"pre_ranking\.pretrained.*\[id_pretraining\]"
    ):
        config_of(made, tmp_path, "pre_ranking.pretrained='id_pretraining'")
    with pytest.raises(InputError, match="neither earliest nor positives"):
        config_of(made, tmp_path, "id_pretraining.time='at'")


def test_examples_are_those_that_do_not_teach_the_tables(made, tmp_path):
    early = "id_pretraining.earliest=0.5"
    config = config_of(made, tmp_path, early)
    inputs = resolve_inputs(config)
    assert inputs.behaviour.history_only_fraction == 0.5
    nodes = {node.id: node for node in make_pipeline(config, inputs).components}
    spec, paths, _ = json.loads(nodes["IDPretraining"].exec_properties["log"])
    assert spec == inputs.behaviour.to_dict()
    assert json.loads(nodes["BehaviourExampleGen"].exec_properties["behaviour"]) == spec
    assert paths == inputs.paths
    for overrides, message in (
        (["id_pretraining.earliest=0.8"], "`id_pretraining.earliest`.*below 0.8"),
        ([early, "behaviour.history_only_fraction=0.2"], "history_only_fraction"),
    ):
        with pytest.raises(InputError, match=message):
            resolve_inputs(config_of(made, tmp_path, *overrides))
    with pytest.raises(InputError, match="earliest and positives"):
        config_of(made, tmp_path, early, "id_pretraining.positives={home='a.csv'}")


def test_settings_are_json():
    settings = IDPretrainingConfig(positives={"home": "a.csv"})
    again = json.loads(settings.model_dump_json())
    assert IDPretrainingConfig(**again) == settings


def test_rare_ids_are_left_out_by_one_line(made, tmp_path):
    config = config_of(made, tmp_path, "min_counts={item=3, user=2}")
    schema = resolve_inputs(config).schema
    counts = {name: schema.vocabulary(name).min_count for name in ("item", "user")}
    assert counts == {"item": 3, "user": 2}
    assert schema == make_small_schema().with_min_counts(counts)
    with pytest.raises(UnknownName, match="Did you mean 'item'"):
        resolve_inputs(config_of(made, tmp_path, "min_counts={items=3}"))
    with pytest.raises(InputError, match=r"min_counts\.item"):
        config_of(made, tmp_path, "min_counts={item=0}")
