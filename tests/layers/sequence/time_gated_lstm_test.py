"""Tests of `tfctr.layers.TimeGatedLSTM`."""

import keras
import numpy as np

from tests.layers.sequence.event_gru_test import EVENTS, MASK, randomised, sigmoid
from tfctr.layers import TimeGatedLSTM

RNG = np.random.default_rng(2)
INTERVALS = RNG.uniform(0, 1.5, (3, 5)).astype("float32")
OPEN = 50.0


def made(units=4, **kwargs):
    return randomised(TimeGatedLSTM(units, **kwargs), EVENTS.shape, INTERVALS.shape)


def unrolled(events, intervals, layer):
    """States of one history, with the equations of the docstring."""
    kernel, recurrent, bias, gates, gate_bias, by_interval, to_output = (
        layer.get_weights()
    )
    state, cell, states = np.zeros(4), np.zeros(4), []
    for x, d in zip(events, intervals, strict=True):
        i, f, g, o = np.split(x @ kernel + state @ recurrent + bias, 4)
        o = o + d * to_output[0]
        w_1, w_2 = np.split(x @ gates + gate_bias, 2)
        v_1, v_2 = np.split(by_interval[0], 2)
        t_1 = sigmoid(w_1 + sigmoid(-np.abs(v_1) * d))
        t_2 = sigmoid(w_2 + sigmoid(v_2 * d))
        admitted = sigmoid(i) * np.tanh(g)
        shown = sigmoid(f) * cell + t_1 * admitted
        cell = sigmoid(f) * cell + t_2 * admitted
        state = sigmoid(o) * np.tanh(shown)
        states.append(state)
    return np.reshape(states, (-1, 4))


def test_equals_the_equations_step_by_step():
    layer = made()
    states = layer(EVENTS, INTERVALS, events_mask=MASK).numpy()
    for row, length in enumerate([5, 2]):
        expected = unrolled(EVENTS[row, :length], INTERVALS[row, :length], layer)
        np.testing.assert_allclose(states[row, :length], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(states[~MASK], 0)


def test_open_gates_make_it_the_lstm_of_keras():
    layer, other = made(), keras.layers.LSTM(4, return_sequences=True, use_cudnn=False)
    layer.gate_bias.assign(np.full(8, OPEN))
    layer.output_interval.assign(np.zeros((1, 4)))
    other.build(EVENTS.shape)
    other.set_weights(layer.get_weights()[:3])
    np.testing.assert_allclose(
        layer(EVENTS, INTERVALS), other(EVENTS), rtol=1e-4, atol=1e-6
    )


def test_the_longer_ago_the_less_is_shown():
    layer = made(return_sequences=False)
    layer.output_interval.assign(np.zeros((1, 4)))
    sizes = [
        np.abs(layer(EVENTS[:, :1], np.full((3, 1), interval, "float32")))
        for interval in (0.0, 0.5, 1.0, 2.0)
    ]
    assert (np.diff(sizes, axis=0) < 0).all()


def test_interval_of_an_event_changes_what_is_remembered():
    layer, longer = made(return_sequences=False), INTERVALS.copy()
    longer[:, 0] += 1
    change = np.abs(layer(EVENTS, longer) - layer(EVENTS, INTERVALS))
    assert change.max(axis=-1).min() > 1e-5  # in each history
