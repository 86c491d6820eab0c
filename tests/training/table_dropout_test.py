"""Tests of `tfctr.training.drop_rows`."""

import keras
import numpy as np
import pytest
from pydantic import ValidationError

from tests.models.data import PLAIN, batches, made, rows
from tfctr.models.table_settings import embedding_tables, table_settings
from tfctr.training import TrainingConfig, drop_rows, make_model


@pytest.mark.parametrize("name", ["DeepFM", "DIN", "TwoTower"])
def test_training_alone_sees_rows_with_dropout(name):
    model, plain = made(name, PLAIN), made(name, PLAIN)
    for one in (model, plain):
        one.build()
    drop_rows(model, 0.5)
    x, _, _ = rows(8, schema=PLAIN)
    for found, expected in zip(model(x).values(), plain(x).values(), strict=True):
        np.testing.assert_array_equal(found, expected)
    found, expected = (np.asarray(m(x, training=True)["click"]) for m in (model, plain))
    assert np.abs(found - expected).max() > 1e-6
    drop_rows(model, 0.0)
    np.testing.assert_array_equal(model(x, training=True)["click"], expected)


def test_fit_that_was_traced_before_hears_of_it():
    losses = {}
    for dropout in (0.0, 0.9):
        model = made("LogisticRegression", PLAIN)
        model.compile(keras.optimizers.SGD(1e-9), weighted_metrics=[])
        data = batches(20, rows(60, schema=PLAIN))
        model.value_weights.build()
        (table,) = embedding_tables(model)
        table.embeddings.assign(np.ones(table.embeddings.shape))
        model.fit(data, verbose=0)
        drop_rows(model, dropout)
        losses[dropout] = model.fit(data, verbose=0).history["loss"][0]
    assert abs(losses[0.9] - losses[0.0]) > 0.1


def test_it_is_saved_with_the_model(tmp_path):
    model = made("DeepFM", PLAIN)
    model.compile(weighted_metrics=[])
    drop_rows(model, 0.3)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert table_settings(again) == table_settings(model) != {}


def test_a_configuration_has_it_in_one_line():
    model = make_model(TrainingConfig(model="DeepFM", table_dropout=0.25), PLAIN)
    assert [table.dropout for table in embedding_tables(model)] == [0.25]
    with pytest.raises(ValidationError):
        TrainingConfig(model="DeepFM", table_dropout=1.0)
