"""Tests of `tfctr.layers.EventLSTM`."""

import keras
import numpy as np
import pytest

from tests.layers.sequence.event_gru_test import EVENTS, MASK, randomised, sigmoid
from tfctr.layers import EventLSTM


def unrolled(events, kernel, recurrent_kernel, bias):
    """States of one history, with the equations of the docstring."""
    units = len(recurrent_kernel)
    state, cell, states = np.zeros(units), np.zeros(units), []
    for x in events:
        i, f, g, o = np.split(x @ kernel + state @ recurrent_kernel + bias, 4)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        state = sigmoid(o) * np.tanh(cell)
        states.append(state)
    return np.reshape(states, (-1, units))


def test_equals_the_equations_step_by_step():
    layer = randomised(EventLSTM(4), EVENTS.shape)
    states = layer(EVENTS, events_mask=MASK).numpy()
    for row, length in enumerate([5, 2]):
        expected = unrolled(EVENTS[row, :length], *layer.get_weights())
        np.testing.assert_allclose(states[row, :length], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(states[~MASK], 0)


@pytest.mark.parametrize("return_sequences", [True, False])
def test_equals_the_lstm_of_keras_with_the_same_weights(return_sequences):
    layer = randomised(EventLSTM(4, return_sequences=return_sequences), EVENTS.shape)
    other = keras.layers.LSTM(4, return_sequences=return_sequences, use_cudnn=False)
    other.build(EVENTS.shape)
    other.set_weights(layer.get_weights())
    np.testing.assert_allclose(layer(EVENTS), other(EVENTS), rtol=1e-4, atol=1e-6)


def test_forget_gates_start_open_as_in_keras():
    layer, other = EventLSTM(4), keras.layers.LSTM(4)
    for made in (layer, other):
        made.build(EVENTS.shape)
    np.testing.assert_array_equal(layer.bias, other.cell.bias)


def test_last_state_of_no_events_is_zero():
    layer = randomised(EventLSTM(4, return_sequences=False), EVENTS.shape)
    last = layer(EVENTS, events_mask=MASK).numpy()
    np.testing.assert_array_equal(last[2], np.zeros(4))
    assert np.abs(last[:2]).min() > 0
