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


def test_a_run_that_was_cut_goes_on_to_the_same_weights(run, tmp_path, monkeypatch):
    folder, report = run
    arguments = ["epochs=2", "learning_rate=0.01", "checkpoint_every=3"]
    save = keras.Model.save

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(keras.Model, "save", stopped)
    output, checkpoints = tmp_path / "run", tmp_path / "run.checkpoints"
    with pytest.raises(KeyboardInterrupt):
        train_run("LogisticRegression", "synthetic", output, arguments, resume=True)
    (checkpoint,) = checkpoints.iterdir()
    assert json.loads((checkpoint / "facts.json").read_text())["epoch"] == 1
    monkeypatch.setattr(keras.Model, "save", save)
    again = train_run("LogisticRegression", "synthetic", output, arguments, resume=True)
    assert not checkpoints.exists()
    models = [keras.models.load_model(f / "model.keras") for f in (folder, output)]
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(one, other)
    assert again.to_dict() == report.to_dict()


def test_a_strategy_gives_the_same_run_and_a_plain_model(run, tmp_path):
    folder, report = run
    output = tmp_path / "run"
    arguments = ["epochs=2", "learning_rate=0.01", 'strategy="mirrored"']
    again = train_run("LogisticRegression", "synthetic", output, arguments)
    settings = json.loads((output / "training.json").read_text())
    assert settings["strategy"] == "mirrored"
    for name, value in report.to_dict()["click"]["overall"].items():
        found = again.to_dict()["click"]["overall"][name]
        assert found == pytest.approx(value, rel=1e-4), name
    models = [keras.models.load_model(f / "model.keras") for f in (folder, output)]
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_only_the_first_worker_writes(tmp_path, monkeypatch):
    monkeypatch.setattr("tfctr.training.runs.is_chief", lambda strategy: False)
    train_run("LogisticRegression", "synthetic", tmp_path / "run", ["epochs=1"])
    assert list(tmp_path.iterdir()) == []


def test_unknown_data_offers_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'synthetic'"):
        load_dataset("sinthetic")


def test_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"model\.keras"):
        evaluate_run(tmp_path, "synthetic")
