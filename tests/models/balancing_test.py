"""Tests of weights of tasks that follow from their losses."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.data import made, rows
from tfctr.errors import UnknownName

X, Y, WEIGHTS = rows(24)
TASKS = [{"label": "click", "weight": 2.0}, {"label": "buy"}]


def cross_entropy(logits, labels, weights):
    logits = np.asarray(logits, "float64")
    losses = np.logaddexp(0, logits) - labels * logits
    return (weights * losses).sum() / weights.sum()


def loss_and_gradient(balance, weights, training=True):
    model = made("DHEN")
    model.compile(
        keras.optimizers.SGD(0.1), tasks=TASKS, balance=balance, weighted_metrics=[]
    )
    with tf.GradientTape() as tape:
        loss = model.compute_loss(X, Y, model(X), weights, training=training)
    towers = [layer.kernel.value for layer in model.towers.output_layers]
    return model, float(loss), tape.gradient(loss, towers)


def test_tasks_weigh_as_the_inverse_of_their_losses():
    model, loss, balanced = loss_and_gradient("uncertainty", WEIGHTS)
    _, _, plain = loss_and_gradient("fixed", WEIGHTS)
    own = {
        task["label"]: task.get("weight", 1.0)
        * cross_entropy(
            model(X)[task["label"]], Y[task["label"]], WEIGHTS[task["label"]]
        )
        for task in TASKS
    }
    inverse = np.array([1 / own["click"], 1 / own["buy"]])
    scales = inverse / inverse.mean()
    assert loss == pytest.approx(scales @ [own["click"], own["buy"]], rel=1e-4)
    for found, expected, scale in zip(balanced, plain, scales, strict=True):
        np.testing.assert_allclose(found, scale * expected, rtol=1e-3, atol=1e-7)


def test_a_task_that_is_observed_nowhere_is_left_out():
    weights = {**WEIGHTS, "buy": np.zeros(24, "float32")}
    _, loss, gradients = loss_and_gradient("uncertainty", weights)
    _, plain, _ = loss_and_gradient("fixed", weights)
    assert loss == pytest.approx(plain, rel=1e-5)
    assert np.isfinite(gradients[0]).all()
    assert gradients[1] is None or not np.any(gradients[1])


def test_evaluation_has_fixed_weights():
    _, loss, _ = loss_and_gradient("uncertainty", WEIGHTS, training=False)
    _, plain, _ = loss_and_gradient("fixed", WEIGHTS, training=False)
    assert loss == pytest.approx(plain, rel=1e-6)


def test_balance_survives_a_file_and_unknown_ones_are_refused(tmp_path):
    model, _, _ = loss_and_gradient("uncertainty", WEIGHTS)
    assert model.get_compile_config()["balance"] == "uncertainty"
    with pytest.raises(UnknownName, match="Did you mean 'uncertainty'"):
        model.compile(balance="uncertain")
