"""Tests of `tfctr.layers.EventGRU`."""

import keras
import numpy as np
import pytest

from tfctr.layers import EventGRU

RNG = np.random.default_rng(0)
EVENTS = RNG.normal(size=(3, 5, 2)).astype("float32")
MASK = np.arange(5)[None] < np.array([[5], [2], [0]])


def randomised(layer, *shapes):
    """A built layer whose weights are all random, biases too; the same each time."""
    layer.build(*shapes)
    draw = np.random.default_rng(3).normal
    layer.set_weights([draw(size=w.shape) for w in layer.weights])
    return layer


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def unrolled(events, kernel, recurrent_kernel, bias):
    """States of one history, with the equations of the docstring."""
    w_z, w_r, w_g = np.split(kernel, 3, axis=1)
    u_z, u_r, u_g = np.split(recurrent_kernel, 3, axis=1)
    b_z, b_r, b_g = np.split(bias, 3)
    state, states = np.zeros(len(recurrent_kernel)), []
    for x in events:
        z = sigmoid(x @ w_z + state @ u_z + b_z)
        r = sigmoid(x @ w_r + state @ u_r + b_r)
        g = np.tanh(x @ w_g + (r * state) @ u_g + b_g)
        state = z * state + (1 - z) * g
        states.append(state)
    return np.reshape(states, (-1, len(recurrent_kernel)))


def test_equals_the_equations_step_by_step():
    layer = randomised(EventGRU(4), EVENTS.shape)
    states = layer(EVENTS, events_mask=MASK).numpy()
    for row, length in enumerate([5, 2]):
        expected = unrolled(EVENTS[row, :length], *layer.get_weights())
        np.testing.assert_allclose(states[row, :length], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(states[~MASK], 0)


@pytest.mark.parametrize("return_sequences", [True, False])
def test_equals_the_gru_of_keras_with_the_same_weights(return_sequences):
    layer = randomised(EventGRU(4, return_sequences=return_sequences), EVENTS.shape)
    other = keras.layers.GRU(
        4, return_sequences=return_sequences, reset_after=False, use_cudnn=False
    )
    other.build(EVENTS.shape)
    other.set_weights(layer.get_weights())
    expected = other(EVENTS)
    np.testing.assert_allclose(layer(EVENTS), expected, rtol=1e-4, atol=1e-6)


def test_last_state_is_that_of_the_last_event():
    layer = randomised(EventGRU(4), EVENTS.shape)
    last = EventGRU(4, return_sequences=False)
    last.build(EVENTS.shape)
    last.set_weights(layer.get_weights())
    states = layer(EVENTS, events_mask=MASK).numpy()
    expected = [states[0, 4], states[1, 1], np.zeros(4)]
    np.testing.assert_array_equal(last(EVENTS, events_mask=MASK), expected)


def test_padding_may_stand_anywhere_and_hold_anything():
    layer = randomised(EventGRU(4, return_sequences=False), EVENTS.shape)
    spread = np.full((3, 9, 2), 1e6, "float32")
    mask = np.zeros((3, 9), bool)
    mask[:, [0, 2, 3, 5, 7]] = True
    spread[:, [0, 2, 3, 5, 7]] = EVENTS
    np.testing.assert_allclose(
        layer(spread, events_mask=mask), layer(EVENTS), rtol=1e-5, atol=1e-6
    )


def test_order_of_events_matters():
    layer = randomised(EventGRU(4, return_sequences=False), EVENTS.shape)
    assert np.abs(layer(EVENTS) - layer(EVENTS[:, ::-1])).min() > 1e-3
