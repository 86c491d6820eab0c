"""Tests of `tfctr.models.training_losses`."""

import keras
import numpy as np
import pytest

from tests.models.data import PLAIN, rows
from tfctr.models import LogisticRegression
from tfctr.models.training_losses import (
    PREFIX,
    TrainingLosses,
    mean_over_observed,
    weight_of,
)

X, Y, WEIGHTS = rows(60, schema=PLAIN)


class Drawn(TrainingLosses, LogisticRegression):
    """Draws the squares of the first logit to 0."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.make_trackers(["label_loss", "square"])

    def call(self, inputs, training=False):
        outputs = super().call(inputs, training=training)
        if training:
            outputs[f"{PREFIX}logit"] = outputs["click"]
        return outputs

    def training_losses(self, y, parts, sample_weight):
        squares = keras.ops.square(parts["logit"])
        found = mean_over_observed(squares, sample_weight, self.label_names)
        return {"square": (2.0, found)}


def made():
    model = Drawn(PLAIN)
    model.build()
    model.compile(keras.optimizers.SGD(0.0), weighted_metrics=[], run_eagerly=True)
    return model


def test_training_adds_its_losses_and_reports_them():
    model = made()
    logit = np.asarray(model(X)["click"])
    history = model.fit(X, Y, sample_weight=WEIGHTS, batch_size=60, verbose=0).history
    assert history["square"] == [pytest.approx(np.square(logit).mean(), rel=1e-4)]
    expected = history["label_loss"][0] + 2 * history["square"][0]
    assert history["loss"] == [pytest.approx(expected, rel=1e-5)]


def test_evaluation_has_the_loss_of_the_labels_alone():
    model = made()
    history = model.fit(X, Y, sample_weight=WEIGHTS, batch_size=60, verbose=0).history
    found = model.evaluate(
        X, Y, sample_weight=WEIGHTS, batch_size=60, verbose=0, return_dict=True
    )
    assert "square" not in found
    assert found["loss"] == pytest.approx(history["label_loss"][0], rel=1e-4)


def test_means_are_over_examples_in_which_a_label_is_observed():
    values = np.array([1.0, 10.0, 100.0], "float32")
    weights = {"click": np.array([1.0, 0, 0]), "buy": np.array([0, 0.5, 0])}
    assert float(mean_over_observed(values, weights, weights)) == 5.5
    assert float(mean_over_observed(values, weights["click"], ["click"])) == 1.0
    assert float(mean_over_observed(values, None, ["click"])) == 37.0
    assert float(mean_over_observed(values, np.zeros(3), ["click"])) == 0.0


def test_weights_are_of_a_label_or_of_all():
    weights = np.ones(3)
    assert weight_of({"click": weights}, "click") is weights
    assert weight_of({"click": weights}, "buy") is None
    assert weight_of(weights, "buy") is weights
