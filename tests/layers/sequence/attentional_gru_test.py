"""Tests of `tfctr.layers.AttentionalGRU`."""

import numpy as np

from tests.layers.sequence.event_gru_test import randomised, sigmoid
from tfctr.layers import AttentionalGRU, EventGRU

RNG = np.random.default_rng(1)
EVENTS = RNG.normal(size=(3, 5, 2)).astype("float32")
ATTENTION = RNG.uniform(size=(3, 5, 4)).astype("float32")
MASK = np.arange(5)[None] < np.array([[5], [2], [0]])


def made():
    return randomised(AttentionalGRU(3), EVENTS.shape, ATTENTION.shape)


def unrolled(events, attention, kernel, recurrent_kernel, bias):
    """Last state of one history for one candidate, as in the paper."""
    w_z, w_r, w_g = np.split(kernel, 3, axis=1)
    u_z, u_r, u_g = np.split(recurrent_kernel, 3, axis=1)
    b_z, b_r, b_g = np.split(bias, 3)
    state = np.zeros(len(recurrent_kernel))
    for x, a in zip(events, attention, strict=True):
        # The paper's update gate is one minus that of Keras.
        update = a * (1 - sigmoid(x @ w_z + state @ u_z + b_z))
        reset = sigmoid(x @ w_r + state @ u_r + b_r)
        new = np.tanh(x @ w_g + (reset * state) @ u_g + b_g)
        state = (1 - update) * state + update * new
    return state


def test_equals_the_equations_step_by_step():
    layer = made()
    states = layer(EVENTS, ATTENTION, events_mask=MASK)
    for row, length in enumerate([5, 2, 0]):
        for place in range(4):
            events, attention = EVENTS[row, :length], ATTENTION[row, :length, place]
            expected = unrolled(events, attention, *layer.get_weights())
            np.testing.assert_allclose(
                states[row, place], expected, rtol=1e-4, atol=1e-6
            )
    np.testing.assert_array_equal(states[2], np.zeros((4, 3)))


def test_attention_of_one_makes_it_a_gru():
    layer, gru = made(), EventGRU(3, return_sequences=False)
    gru.build(EVENTS.shape)
    gru.set_weights(layer.get_weights())
    states = layer(EVENTS, np.ones_like(ATTENTION), events_mask=MASK)
    expected = gru(EVENTS, events_mask=MASK)
    for place in range(4):
        np.testing.assert_allclose(states[:, place], expected, rtol=1e-5, atol=1e-6)


def test_events_without_attention_leave_the_state():
    layer, attention = made(), ATTENTION.copy()
    attention[:, 2:] = 0
    np.testing.assert_allclose(
        layer(EVENTS, attention), layer(EVENTS[:, :2], ATTENTION[:, :2]), rtol=1e-6
    )


def test_candidates_do_not_depend_on_each_other():
    layer = made()
    together = layer(EVENTS, ATTENTION)
    alone = layer(EVENTS, ATTENTION[..., 2:3])
    np.testing.assert_allclose(alone[:, 0], together[:, 2], rtol=1e-5, atol=1e-6)
    assert layer(EVENTS, ATTENTION[..., :0]).shape == (3, 0, 3)
