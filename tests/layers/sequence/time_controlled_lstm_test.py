"""Tests of `tfctr.layers.TimeControlledLSTM`."""

import keras
import numpy as np

from tests.layers.sequence.event_gru_test import EVENTS, MASK, randomised, sigmoid
from tfctr.layers import TimeControlledLSTM

RNG = np.random.default_rng(2)
INTERVALS, AGES = RNG.uniform(0, 1.5, (2, 3, 5)).astype("float32")
OPEN = 50.0


def made(**kwargs):
    shapes = [EVENTS.shape, INTERVALS.shape, AGES.shape]
    return randomised(TimeControlledLSTM(4, **kwargs), *shapes)


def unrolled(events, intervals, ages, layer):
    """States of one history, with the equations of the docstring."""
    w = {weight.name: np.asarray(weight) for weight in layer.weights}
    state, cell, states = np.zeros(4), np.zeros(4), []
    for x, d, a in zip(events, intervals, ages, strict=True):
        since = np.tanh(d * w["interval_kernel"][0] + w["interval_bias"])
        age = np.tanh(a * w["age_kernel"][0] + w["age_bias"])
        gates = x @ w["kernel"] + state @ w["recurrent_kernel"] + w["bias"]
        i, f, g, o = np.split(gates, 4)
        o = o + since @ w["interval_output"] + age @ w["age_output"]
        on_d, on_a = np.split(x @ w["gate_kernel"] + w["gate_bias"], 2)
        t_d = sigmoid(on_d + since @ w["interval_gate"])
        t_s = sigmoid(on_a + age @ w["age_gate"])
        cell = sigmoid(f) * t_d * cell + sigmoid(i) * t_s * np.tanh(g)
        state = sigmoid(o) * np.tanh(cell)
        states.append(state)
    return np.reshape(states, (-1, 4))


def test_equals_the_equations_step_by_step():
    layer = made()
    states = layer(EVENTS, INTERVALS, AGES, events_mask=MASK).numpy()
    for row, length in enumerate([5, 2]):
        parts = [values[row, :length] for values in (EVENTS, INTERVALS, AGES)]
        expected = unrolled(*parts, layer)
        np.testing.assert_allclose(states[row, :length], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(states[~MASK], 0)


def test_open_gates_make_it_the_lstm_of_keras():
    layer, other = made(), keras.layers.LSTM(4, return_sequences=True, use_cudnn=False)
    layer.gate_bias.assign(np.full(8, OPEN))
    for weight in (layer.interval_output, layer.age_output):
        weight.assign(np.zeros((4, 4)))
    other.build(EVENTS.shape)
    other.set_weights(layer.get_weights()[:3])
    np.testing.assert_allclose(
        layer(EVENTS, INTERVALS, AGES), other(EVENTS), rtol=1e-4, atol=1e-6
    )


def test_closed_gates_forget_and_admit_nothing():
    layer = made(return_sequences=False)
    bias = np.full(8, OPEN)
    bias[:4] = -OPEN  # the interval's gate: nothing is kept from before
    layer.gate_bias.assign(bias)
    for weight in (layer.recurrent_kernel, layer.interval_output):
        weight.assign(np.zeros_like(weight))
    last = [values[:, -1:] for values in (EVENTS, INTERVALS, AGES)]
    np.testing.assert_allclose(
        layer(EVENTS, INTERVALS, AGES), layer(*last), rtol=1e-5, atol=1e-6
    )
    layer.gate_bias.assign(-bias)  # the age's gate: nothing comes in
    np.testing.assert_allclose(layer(EVENTS, INTERVALS, AGES), 0, atol=1e-12)


def test_number_of_weights_is_that_of_the_paper():
    layer = TimeControlledLSTM(36)
    layer.build((None, None, 36), (None, None), (None, None))
    d = 36
    lstm, features, gates = 4 * (2 * d * d + d), 2 * (d + d), 2 * (2 * d * d + d)
    assert layer.count_params() == lstm + features + gates + 2 * d * d
