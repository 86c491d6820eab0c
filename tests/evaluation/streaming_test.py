"""Tests of `tfctr.evaluation.evaluate`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfctr.errors import InputError
from tfctr.evaluation import evaluate, report_from_arrays

RNG = np.random.default_rng(0)
ROWS = 50
X = {
    "score": RNG.normal(size=ROWS).astype("float32"),
    "device": RNG.integers(0, 3, ROWS),
    "history": RNG.integers(0, 3, (ROWS, 4)),
    "group_id": RNG.integers(0, 9, ROWS),
}
Y = {
    "click": RNG.integers(0, 2, ROWS).astype("float32"),
    "buy": RNG.integers(0, 2, ROWS).astype("float32"),
}
W = {"click": np.ones(ROWS, "float32"), "buy": Y["click"]}


class TwoLabels(keras.Model):
    """Logits of two labels."""

    def call(self, inputs):
        return {"click": inputs["score"], "buy": -2 * inputs["score"]}


def batches(*parts, size=16):
    return tf.data.Dataset.from_tensor_slices(parts).batch(size)


def probabilities():
    return {
        "click": 1 / (1 + np.exp(-X["score"].astype(float))),
        "buy": 1 / (1 + np.exp(2 * X["score"].astype(float))),
    }


def test_model_on_batches_equals_its_probabilities_as_arrays():
    report = evaluate(TwoLabels(), batches(X, Y, W), slices=["device"])
    expected = report_from_arrays(
        Y, probabilities(), X["group_id"], {"device": X["device"]}, weights=W
    )
    for label in ("click", "buy"):
        mine, theirs = report.labels[label], expected.labels[label]
        assert mine.overall.to_dict() == pytest.approx(theirs.overall.to_dict())
        assert list(mine.slices["device"]) == list(theirs.slices["device"])
        for value, row in theirs.slices["device"].items():
            assert mine.slices["device"][value].to_dict() == pytest.approx(
                row.to_dict(), nan_ok=True
            )


def test_batch_size_does_not_matter():
    small, large = (
        evaluate(TwoLabels(), batches(X, Y, W, size=size)).to_dict() for size in (7, 50)
    )
    assert small == large


def test_predictions_take_the_place_of_a_model():
    report = evaluate(probabilities(), batches(X, Y))
    assert report.labels["click"].overall.to_dict() == pytest.approx(
        evaluate(TwoLabels(), batches(X, Y)).labels["click"].overall.to_dict()
    )


def test_without_groups_there_is_no_gauc():
    inputs = {"score": X["score"]}
    row = evaluate(TwoLabels(), batches(inputs, Y)).labels["click"].overall
    assert np.isnan(row.gauc)
    assert not np.isnan(row.auc)


def test_sure_logits_do_not_overflow():
    inputs = {"score": np.float32([-800, 800])}
    labels = {name: np.float32([0, 1]) for name in Y}
    report = evaluate(TwoLabels(), batches(inputs, labels))
    assert report.labels["click"].overall.log_loss == pytest.approx(0, abs=1e-12)


def test_no_examples_are_refused():
    with pytest.raises(InputError, match="`dataset`: received no examples"):
        evaluate(TwoLabels(), batches(X, Y).take(0))


def test_slices_must_be_inputs_of_one_value():
    with pytest.raises(InputError, match=r"`slices`: received 'devise'.*'device'"):
        evaluate(TwoLabels(), batches(X, Y), slices=["devise"])
    with pytest.raises(InputError, match=r"`history`: received shape \(16, 4\)"):
        evaluate(TwoLabels(), batches(X, Y), slices=["history"])


def test_nan_prediction_is_refused_by_label():
    inputs = {**X, "score": np.full(ROWS, np.nan, "float32")}
    with pytest.raises(InputError, match="`click: predictions`: received NaN at 0"):
        evaluate(TwoLabels(), batches(inputs, Y))
