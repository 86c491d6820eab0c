"""Tests of `tfctr.training.diagnose_one_epoch`."""

import dataclasses

import numpy as np
import pytest

from tfctr import metrics
from tfctr.data import synthetic
from tfctr.errors import InputError, UnknownName
from tfctr.training import TrainingConfig, diagnose_one_epoch
from tfctr.training.one_epoch import EpochMetrics, OneEpochDiagnosis
from tfctr.training.runs import read_config


@pytest.fixture(scope="module")
def data():
    return synthetic(
        6000, num_users=1500, num_items=600, history_length=0, strength=1.5, skew=0.8
    )


def config_of(model, **arguments):
    return TrainingConfig(
        model=model, arguments=arguments, batch_size=64, learning_rate=0.01
    )


def test_drop_of_an_mlp_on_rare_ids_is_found(data):
    config = config_of("WDL", dim=16, hidden_units=[64, 32])
    found = diagnose_one_epoch(config, data, epochs=3)
    assert found.is_there
    assert found.best_epoch == 1
    auc, loss = found.cost
    assert auc < -0.005
    assert loss > 0.05
    assert found.train_loss[2] < found.train_loss[0] - 0.1
    parts = found.by_frequency.values()
    assert sum(part.examples for part in parts) == found.overall.examples
    assert found.overall.examples == len(data.test)
    assert "The one-epoch drop is there" in found.to_markdown()
    assert found.to_markdown().count("\n| ") == 2 * (1 + len(parts)) + 2


def test_rows_are_told_apart_by_the_rarer_id(data):
    config = config_of("LogisticRegression")
    found = diagnose_one_epoch(config, data, epochs=2)
    counts = [
        data.test[name].map(data.train[name].value_counts()).fillna(0)
        for name in ("user_id", "item_id")
    ]
    rarer = np.minimum(*counts)
    part = found.by_frequency["1 to 9"]
    assert part.examples == ((rarer >= 1) & (rarer <= 9)).sum()
    # Better than luck, and never better than the truth but by luck.
    truth = metrics.log_loss(data.test["click"], data.true_probability("test"))
    assert truth - 0.01 < found.overall.log_loss[1] < 0.693
    assert found.overall.auc[1] > 0.55


def diagnosis(auc, log_loss):
    overall = EpochMetrics(10, tuple(auc), tuple(log_loss))
    return OneEpochDiagnosis("DIN", overall, {}, tuple(log_loss))


@pytest.mark.parametrize(
    ("auc", "log_loss", "is_there", "text"),
    [
        (
            (0.7, 0.69, 0.68),
            (0.5, 0.6, 0.7),
            True,
            "lowers the AUC by 0.0100. Epoch 3 ",
        ),
        ((0.7, 0.71, 0.69), (0.5, 0.4, 0.7), False, "overfits after epoch 2. Epoch 3 "),
        ((0.7, 0.71, 0.72), (0.5, 0.4, 0.3), False, "is no drop within 3 epochs."),
        ((0.7, 0.6995, 0.7), (0.5, 0.6, 0.7), False, "overfits after epoch 1."),
    ],
)
def test_verdicts(auc, log_loss, is_there, text):
    found = diagnosis(auc, log_loss)
    assert found.is_there is is_there
    assert text in found.to_markdown()


def test_cost_is_that_of_going_on_after_the_best_epoch():
    auc, loss = diagnosis((0.70, 0.72, 0.69), (0.6, 0.5, 0.8)).cost
    assert auc == pytest.approx(-0.03)
    assert loss == pytest.approx(0.3)


def test_bad_input_is_refused(data, tmp_path):
    with pytest.raises(InputError, match="`epochs`"):
        diagnose_one_epoch(config_of("WDL"), data, epochs=1)
    config = TrainingConfig(model="DFGR", form="user_sequences")
    with pytest.raises(InputError, match="`form`"):
        diagnose_one_epoch(config, data)
    path = tmp_path / "config.toml"
    value = dataclasses.replace(data.schema.labels[0], kind="value")
    schema = dataclasses.replace(data.schema, labels=(value,))
    with pytest.raises(InputError, match=r"`labels\.click`: received a value"):
        diagnose_one_epoch(config_of("WDL"), dataclasses.replace(data, schema=schema))
    with pytest.raises(InputError, match="a TOML file"):
        read_config(path)
    path.write_text("[ranking]\nmodel = 'WDL'\nepoch = 3\n")
    with pytest.raises(UnknownName, match="Did you mean 'epochs'"):
        read_config(path)
    path.write_text("epochs = 3\n")
    with pytest.raises(InputError, match="`model`: received none"):
        read_config(path)
    path.write_text("[ranking]\nmodel = 'WDL'\npretrained = 'tables'\n")
    assert read_config(path).pretrained.folder == "tables"
