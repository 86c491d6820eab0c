"""Tests of `.keras` files of models: outputs, and training that goes on."""

import keras
import numpy as np
import pytest

from tests.models.data import PLAIN, SIZED, batches, made, rows
from tfctr import models

X, Y, WEIGHTS = rows(24)
PLAIN_X, *_ = PLAIN_ROWS = rows(24, schema=PLAIN)
every_model = pytest.mark.parametrize("name", models.names())


def saved_and_loaded(model, folder):
    model.save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras")


def same_weights(first, second):
    assert len(first.weights) == len(second.weights)
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-8)


@every_model
def test_loaded_model_equals_the_saved_one(name, tmp_path):
    model = made(name, seed=5)
    loaded = saved_and_loaded(model, tmp_path)
    assert type(loaded) is models.get(name)
    assert loaded.schema == SIZED
    assert loaded.get_config() == model.get_config()
    expected = model(X)
    for label, logits in loaded(X).items():
        np.testing.assert_array_equal(logits, expected[label])


@every_model
def test_training_goes_on_as_if_never_interrupted(name, tmp_path):
    model = made(name, PLAIN)
    # Without graphs, whose making takes seconds.
    model.compile(keras.optimizers.Adam(0.01), weighted_metrics=[], run_eagerly=True)
    model.train_on_batch(*PLAIN_ROWS)
    model.train_on_batch(*PLAIN_ROWS)
    loaded = saved_and_loaded(model, tmp_path)
    assert int(loaded.optimizer.iterations) == 2
    same_weights(loaded, model)
    more = rows(24, seed=1, schema=PLAIN)
    # Adam's first step would be another: it depends on the slots.
    for one in (model, loaded):
        one.train_on_batch(*more)
    same_weights(loaded, model)


def test_loaded_model_reports_what_the_saved_one_did(tmp_path):
    model, data = made("LogisticRegression", PLAIN), batches(9, PLAIN_ROWS)
    model.compile(grouped_auc=True, run_eagerly=True)
    expected = model.evaluate(data, verbose=0, return_dict=True)
    loaded = saved_and_loaded(model, tmp_path)
    found = loaded.evaluate(data, verbose=0, return_dict=True)
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected)
    assert "click_grouped_auc" in found


def test_given_metrics_come_back(tmp_path):
    model, data = made("LogisticRegression", PLAIN), batches(9, PLAIN_ROWS)
    model.compile(
        metrics={name: [keras.metrics.MeanSquaredError()] for name in Y},
        weighted_metrics=[],
        run_eagerly=True,
    )
    expected = model.evaluate(data, verbose=0, return_dict=True)
    loaded = saved_and_loaded(model, tmp_path)
    found = loaded.evaluate(data, verbose=0, return_dict=True)
    assert found == pytest.approx(expected)
    assert "click_mean_squared_error" in found
    assert "click_auc" not in found


def test_model_that_was_not_compiled_loads(tmp_path):
    loaded = saved_and_loaded(made("DeepFM"), tmp_path)
    assert not loaded.compiled


def test_half_precision_survives(tmp_path):
    model = made("DeepFM", dtype="mixed_bfloat16")
    loaded = saved_and_loaded(model, tmp_path)
    assert loaded.dtype_policy.name == "mixed_bfloat16"
    assert loaded(X)["click"].dtype == "float32"
    np.testing.assert_array_equal(loaded(X)["click"], model(X)["click"])
