"""Tests of losses of labels that ripen."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.data import PLAIN, SMALL, rows
from tfctr import models
from tfctr.features import Label
from tfctr.models.delayed_feedback import observed_by_now

RIPENING = dataclasses.replace(
    PLAIN,
    labels=(Label("click"), Label("buy", observed_if="click", ripeness="buy_ripe")),
)
X, Y, WEIGHTS = rows(32, schema=RIPENING)
SHARES = np.random.default_rng(3).uniform(0, 1, 32).astype("float32")
SHARES[:8] = 1.0


def column(values):
    return tf.reshape(tf.constant(values, tf.float32), (-1, 1))


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, "float64")))


def test_probability_is_the_share_of_it():
    logits = np.linspace(-20, 20, 9)
    share = np.array([0, 0.1, 0.5, 0.9, 1, 1, 0.999, 0.3, 0.5])
    found = observed_by_now(
        {"buy": column(np.zeros(9))},
        {"buy": column(logits), "click": column(logits)},
        {"buy": "ripe"},
        {"ripe": share},
    )
    expected = np.maximum(share, 1e-6) * sigmoid(logits)
    np.testing.assert_allclose(sigmoid(found["buy"])[:, 0], expected, rtol=1e-4)
    np.testing.assert_array_equal(found["click"][:, 0], logits.astype("float32"))


def test_ripe_and_positive_labels_keep_their_logits():
    logits = column([-30.0, 0.3, 30.0, 1.0])
    found = observed_by_now(
        {"buy": column([0, 0, 0, 1])},
        {"buy": logits},
        {"buy": "ripe"},
        {"ripe": np.array([1.0, 1.0, 1.0, 0.2])},
    )
    np.testing.assert_array_equal(found["buy"], logits)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_gradients_are_finite_and_those_of_the_formula(share):
    logits = column([-40.0, -1.0, 0.0, 2.0, 40.0])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        found = observed_by_now(
            {"buy": 0 * logits}, {"buy": logits}, {"buy": "r"}, {"r": np.full(5, share)}
        )["buy"]
        loss = tf.reduce_sum(tf.nn.softplus(found))
    p, q, f = sigmoid(logits), sigmoid(-logits), max(share, 1e-6)
    expected = f * p * q / (q + p * (1 - f))  # d/dx of -log(1 - f p)
    found = tape.gradient(loss, logits)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("space", ["observed", "all"])
def test_loss_of_a_model_is_the_likelihood(space):
    model = models.get("DeepFM")(RIPENING, **SMALL["DeepFM"])
    model.compile(
        optimizer=keras.optimizers.SGD(),
        tasks=[{"label": "click", "weight": 0.0}, {"label": "buy", "space": space}],
        weighted_metrics=[],
    )
    weights = {
        "click": np.ones(32, "float32"),
        "buy": Y["click"],
        "buy_ripe": np.where(Y["click"] == 1, SHARES, 1).astype("float32"),
    }
    y = {"click": Y["click"], "buy": Y["buy"] * Y["click"]}
    logits = {n: sigmoid(v) for n, v in model(X).items()}
    p = logits["buy"] * (logits["click"] if space == "all" else 1)
    losses = np.where(y["buy"] == 1, -np.log(p), -np.log(1 - weights["buy_ripe"] * p))
    counts = np.ones(32) if space == "all" else Y["click"]
    loss = float(model.compute_loss(X, y, model(X), weights))
    assert loss == pytest.approx((losses * counts).sum() / counts.sum(), rel=1e-4)
    history = model.fit(X, y, sample_weight=weights, batch_size=32, verbose=0).history
    assert history["loss"][0] == pytest.approx(loss, rel=1e-4)
