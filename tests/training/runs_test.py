"""Tests of training runs on disk."""

import json

import keras
import numpy as np
import pytest

from tfctr.errors import InputError, UnknownName
from tfctr.features import SchemaState
from tfctr.training.runs import evaluate_run, load_dataset, train_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "first"
    report = train_run(
        "LogisticRegression", "synthetic", folder, ["epochs=2", "learning_rate=0.01"]
    )
    return folder, report


def test_run_writes_model_state_settings_and_report(run):
    folder, report = run
    assert sorted(path.name for path in folder.iterdir()) == [
        "model.keras",
        "report.json",
        "state",
        "training.json",
    ]
    settings = json.loads((folder / "training.json").read_text())
    assert (settings["epochs"], settings["learning_rate"]) == (2, 0.01)
    assert json.loads((folder / "report.json").read_text()) == report.to_dict()


def test_written_model_gives_the_reported_metrics(run):
    folder, report = run
    again = evaluate_run(folder, "synthetic").to_dict()["click"]["overall"]
    for name, value in report.to_dict()["click"]["overall"].items():
        assert again[name] == pytest.approx(value, rel=1e-5), name


def test_written_state_belongs_to_the_model(run):
    folder, _ = run
    state = SchemaState.load(folder / "state")
    model = keras.models.load_model(folder / "model.keras")
    assert model.schema == state.schema
    assert np.isfinite(model.get_weights()[0]).all()


def test_existing_folder_is_not_overwritten(run):
    with pytest.raises(InputError, match="which exists"):
        train_run("LogisticRegression", "synthetic", run[0])


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ("epoch=3", "Did you mean 'epochs'"),
        ("epochs=0", "`epochs`: received 0"),
        ("epochs", "`key=value`"),
        ("arguments.dimm=4", "DeepFM argument"),
    ],
)
def test_bad_override_names_the_key_and_leaves_nothing(tmp_path, override, text):
    with pytest.raises(InputError, match=text):
        train_run("DeepFM", "synthetic", tmp_path / "run", [override])
    assert list(tmp_path.iterdir()) == []


def test_unknown_data_offers_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'synthetic'"):
        load_dataset("sinthetic")


def test_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"model\.keras"):
        evaluate_run(tmp_path, "synthetic")
