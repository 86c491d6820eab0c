"""Tests of the loss of all tasks, and of tasks that are turned off."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.data import PLAIN, made, rows
from tfctr.errors import InputError, UnknownName

X, Y, WEIGHTS = rows(60, schema=PLAIN)


def compiled(balance="fixed", **kwargs):
    model = made("SharedBottom", PLAIN)
    model.compile(
        keras.optimizers.SGD(0.1), balance=balance, weighted_metrics=[], **kwargs
    )
    return model


def loss_and_gradients(model):
    with tf.GradientTape() as tape:
        loss = model.compute_loss(X, Y, model(X), WEIGHTS)
    variables = [w.value for w in model.trainable_variables]
    return float(loss), tape.gradient(loss, variables, unconnected_gradients="zero")


@pytest.mark.parametrize("balance", ["fixed", "uncertainty"])
def test_a_task_that_is_off_has_no_say(balance):
    model = compiled(balance)
    model.objective.make_switches()
    whole = loss_and_gradients(model)
    plain = loss_and_gradients(compiled(balance))
    assert whole[0] == pytest.approx(plain[0], rel=1e-5)
    model.objective.turn_off(["buy"])
    loss, found = loss_and_gradients(model)
    alone = made("SharedBottom", PLAIN)
    alone.compile(tasks=[{"label": "buy", "weight": 0.0}], weighted_metrics=[])
    expected_loss, expected = loss_and_gradients(alone)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    for one, other in zip(found, expected, strict=True):
        one, other = (tf.convert_to_tensor(value) for value in (one, other))
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-7)
    own = {id(w) for w in model.towers.weights_of("buy")}
    for variable, gradient in zip(model.trainable_variables, found, strict=True):
        if id(variable) in own:
            assert not np.any(gradient)  # exactly: Adam makes much of little


def test_evaluation_judges_tasks_that_are_off():
    model = compiled()
    model.objective.make_switches()
    before = float(model.compute_loss(X, Y, model(X), WEIGHTS, training=False))
    model.objective.turn_off(["buy"])
    after = float(model.compute_loss(X, Y, model(X), WEIGHTS, training=False))
    assert after == before


def test_only_tasks_can_be_turned_off():
    model = compiled()
    with pytest.raises(InputError, match="make_switches"):
        model.objective.turn_off(["buy"])
    model.objective.make_switches()
    with pytest.raises(UnknownName, match="Did you mean 'buy'"):
        model.objective.turn_off(["by"])


def test_gradnorm_leaves_out_what_is_off():
    model = compiled("gradnorm", run_eagerly=True)
    model.objective.make_switches()
    model.objective.turn_off(["buy"])
    model.fit(X, Y, sample_weight=WEIGHTS, epochs=2, verbose=0)
    assert model.task_weights["buy"] == 1.0
    assert np.isfinite(list(model.task_weights.values())).all()
