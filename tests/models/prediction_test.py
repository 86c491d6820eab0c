"""Tests of `tfctr.models.prediction`."""

import keras
import numpy as np
import pytest

from tests.models.data import made, rows
from tfctr.errors import InputError
from tfctr.models.prediction import are_arrays

X, _, _ = rows(37)


@pytest.mark.parametrize("batch_size", [1, 10, 37, 1000, None])
def test_predictions_are_those_of_keras(batch_size):
    model = made("DeepFM")
    model.compile()
    logits = model.predict(X, batch_size=batch_size, verbose=0)
    expected = keras.Model.predict(model, X, batch_size=16, verbose=0)
    assert logits.keys() == expected.keys()
    for label, values in logits.items():
        assert values.shape == (37,)
        np.testing.assert_allclose(values, expected[label], rtol=1e-5, atol=1e-6)


def test_predictions_follow_the_weights():
    model = made("LogisticRegression")
    model.compile()
    before = model.predict(X)["click"]
    model.bias.assign(model.bias + 1.0)
    np.testing.assert_allclose(model.predict(X)["click"], before + 1, rtol=1e-5)


def test_datasets_and_callbacks_go_through_keras():
    class Counts(keras.callbacks.Callback):
        batches = 0

        def on_predict_batch_end(self, batch, logs=None):
            self.batches += 1

    model, counts = made("LogisticRegression"), Counts()
    model.compile()
    logits = model.predict(X, batch_size=10, verbose=0, callbacks=[counts])
    assert counts.batches == 4
    np.testing.assert_allclose(logits["click"], model.predict(X)["click"], rtol=1e-5)


def test_columns_of_different_lengths_are_refused():
    model = made("LogisticRegression")
    model.compile()
    with pytest.raises(InputError, match=r"\[36, 37\] rows"):
        model.predict({**X, "age": X["age"][:-1]})
    with pytest.raises(InputError, match="received no rows"):
        model.predict({name: value[:0] for name, value in X.items()})


def test_only_arrays_in_memory_are_arrays():
    assert are_arrays(X)
    assert not are_arrays({})
    assert not are_arrays([np.ones(3)])
    assert not are_arrays({"age": [1.0]})
