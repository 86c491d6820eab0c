"""Tests of training from configuration."""

import numpy as np
import pytest

from tfctr import models
from tfctr.data import SyntheticDataset, synthetic
from tfctr.data.reading import read_examples
from tfctr.errors import InputError, UnknownName
from tfctr.models import IDPretraining
from tfctr.training import (
    PretrainedConfig,
    TrainingConfig,
    check_arguments,
    make_model,
    train,
)
from tfctr.training.config import TaskConfig
from tfctr.training.fitting import _resuming
from tfctr.training.pretrained import Window, write_pretrained


@pytest.fixture(scope="module")
def data() -> SyntheticDataset:
    return synthetic(4000, num_users=50, num_items=30, effect="item_bias", seed=3)


def test_trained_model_finds_the_planted_effect(data):
    config = TrainingConfig(
        model="LogisticRegression", epochs=8, batch_size=64, learning_rate=0.02
    )
    model = train(
        config,
        data.schema,
        data.to_dataset("train", 64),
        data.to_dataset("validation"),
        verbose=0,
    )
    auc = model.evaluate(data.to_dataset("test"), return_dict=True, verbose=0)["auc"]
    assert data.bayes_auc("test") - 0.05 < auc < data.bayes_auc("test") + 0.02


def test_patience_goes_back_to_the_best_epoch(data):
    # So large a step size overfits at once; the best epoch is not the last.
    config = TrainingConfig(
        model="DeepFM", epochs=6, batch_size=64, learning_rate=0.02, patience=2
    )
    validation = data.to_dataset("validation")
    model = train(
        config, data.schema, data.to_dataset("train", 64), validation, verbose=0
    )
    losses = model.history.history["val_loss"]
    assert np.argmin(losses) < len(losses) - 1
    kept = model.evaluate(validation, return_dict=True, verbose=0)["loss"]
    assert kept == pytest.approx(min(losses), rel=1e-5)


@pytest.mark.parametrize("how", ["platt", {"negative_rate": {"click": 0.5}}])
def test_calibrated_model_scores_as_its_model_and_bends(data, how):
    label = data.schema.labels[0].name
    if isinstance(how, dict):
        how = {"negative_rate": {label: 0.5}}
    config = TrainingConfig(
        model="LogisticRegression", epochs=2, batch_size=64, calibration=how
    )
    model = train(
        config,
        data.schema,
        read_examples(data.train, data.state, 64, seed=0),
        read_examples(data.validation, data.state, 64, seed=0),
        verbose=0,
    )
    assert isinstance(model, models.Calibrated)
    assert len(model.history.history["loss"]) == 2
    x, *_ = next(iter(data.to_dataset("test")))
    plain = np.asarray(model.model(x)[label])
    expected = model.curves[label](plain)
    np.testing.assert_allclose(model(x)[label], expected, rtol=1e-4, atol=1e-6)
    if isinstance(how, dict):
        np.testing.assert_allclose(model(x)[label], plain + np.log(0.5), rtol=1e-4)


def test_what_stores_its_items_is_not_calibrated(data):
    config = TrainingConfig(model="TwoTower", calibration="platt")
    with pytest.raises(InputError, match="`calibration`: received one of TwoTower"):
        make_model(config, data.schema)


def test_unknown_model_offers_the_nearest(data):
    with pytest.raises(UnknownName, match="Did you mean 'DeepFM'"):
        make_model(TrainingConfig(model="DeepFN"), data.schema)


def test_unknown_argument_offers_the_nearest(data):
    config = TrainingConfig(model="DeepFM", arguments={"hiden_units": [4]})
    with pytest.raises(UnknownName, match="Did you mean 'hidden_units'"):
        make_model(config, data.schema)


def test_argument_of_a_wrong_type_is_refused(data):
    config = TrainingConfig(model="DeepFM", arguments={"hidden_units": 4})
    with pytest.raises(InputError, match="DeepFM arguments"):
        make_model(config, data.schema)


def test_learning_rate_reaches_the_optimizer(data):
    model = make_model(TrainingConfig(model="DIN", learning_rate=0.0125), data.schema)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.0125)


def test_a_reader_of_files_is_trained_on_as_it_is(data, tmp_path):
    data.train.to_parquet(tmp_path / "train.parquet")
    config = TrainingConfig(
        model="LogisticRegression", epochs=2, patience=0, checkpoint_every=20
    )
    weights = []
    for folder in (tmp_path / "checkpoints", None):
        reader = read_examples(tmp_path / "train.parquet", data.state, 64, seed=1)
        model = train(config, data.schema, reader, None, checkpoints=folder, verbose=0)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)
    (checkpoint,) = (tmp_path / "checkpoints").iterdir()
    # 3,200 examples are 50 steps an epoch; 40 is the last multiple of 20.
    assert int(checkpoint.name[-12:]) == 51 + 40


def test_checkpoints_need_data_with_positions(data, tmp_path):
    config = TrainingConfig(model="LogisticRegression")
    batches = data.to_dataset("train", 64)
    with pytest.raises(InputError, match=r"`training_data`.*read_examples"):
        train(config, data.schema, batches, None, checkpoints=tmp_path)


def test_checkpoints_are_refused_with_several_processes(data, tmp_path):
    config = TrainingConfig(model="LogisticRegression", strategy="multi_worker")
    reader = read_examples(data.train, data.state, 64)
    with pytest.raises(InputError, match=r"`checkpoints`.*'single' or 'mirrored'"):
        _resuming(tmp_path, reader, config, [])  # workers are not there
    assert list(tmp_path.iterdir()) == []


def test_arguments_may_be_those_of_a_class_above():
    check_arguments(models.SharedBottom, {"bottom_units": [8], "dim": 4})
    with pytest.raises(UnknownName, match="Did you mean 'dim'"):
        check_arguments(models.SharedBottom, {"dims": 4})
    with pytest.raises(UnknownName, match="`SharedBottom argument`"):
        check_arguments(models.SharedBottom, {"seed": 4})


def test_tasks_are_those_of_the_configuration(data):
    config = TrainingConfig(
        model="LogisticRegression",
        tasks={"click": {"weight": 2.0, "losses": {"focal_cross_entropy": 1.0}}},
    )
    model = make_model(config, data.schema)
    (task,) = model.get_compile_config()["tasks"]
    assert task["weight"] == 2.0
    assert task["losses"] == {"focal_cross_entropy": 1.0}
    with pytest.raises(UnknownName, match="Did you mean 'click'"):
        make_model(
            config.model_copy(update={"tasks": {"clicks": TaskConfig()}}), data.schema
        )


def test_tables_are_named_in_one_line(data, tmp_path):
    tables = IDPretraining(data.schema, dim=4, seed=9)
    write_pretrained(tables, data.state, tmp_path / "tables", window=Window(0, 100))
    folder = str(tmp_path / "tables")
    config = TrainingConfig(
        model="DCNv2",
        arguments={"dim": 4, "hidden_units": [4]},
        pretrained=folder,
        patience=0,
    )
    assert config.pretrained == PretrainedConfig(folder=folder, mode="frozen")
    batches = data.to_dataset("validation")

    def trained(config, **kwargs):
        return train(config, data.schema, batches, None, verbose=0, **kwargs)

    known = {"state": data.state, "window": Window(100, 200)}
    model = trained(config, **known)
    start, stop = model.embeddings.tables["table_item_id"]
    found = np.asarray(model.embeddings.table.embeddings)[start:stop]
    start, stop = tables.embeddings.tables["table_item_id"]
    rows = np.asarray(tables.embeddings.table.embeddings)[start:stop]
    np.testing.assert_array_equal(found, rows)
    with pytest.raises(InputError, match="`state`"):
        trained(config)
    with pytest.raises(InputError, match="`ranker_window`"):
        trained(config, state=data.state)
    with pytest.raises(InputError, match="`ranker_window`"):
        trained(config, **{**known, "window": Window(50, 60)})
    with pytest.raises(InputError, match="'mirrored' with tables"):
        trained(config.model_copy(update={"strategy": "mirrored"}), **known)
