"""Tests of `tfctr.layers.sequence.event_loop`."""

import numpy as np
import pytest
import tensorflow as tf

from tfctr.layers.sequence.event_loop import recur

RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=(4, 5, 3)).astype("float32")
FACTORS = RNG.normal(size=(4, 5, 2)).astype("float32")
# Full, padded at the end, with gaps, empty.
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 1, 0, 1, 0], [0] * 5], bool)
KERNEL = RNG.normal(size=(3, 3)).astype("float32")


def step(values, states):
    """The first state forgets by a factor; the second counts."""
    (value, factor), (state, count) = values, states
    return [state @ KERNEL * factor[:, :1] + value, count + 1]


def run(values=VALUES, mask=MASK, **kwargs):
    rows = len(mask) if isinstance(mask, np.ndarray) else tf.shape(mask)[0]
    states = [tf.zeros((rows, 3)), tf.zeros((rows, 2, 1))]
    return recur(step, [values, FACTORS[:, : values.shape[1]]], mask, states, **kwargs)


def by_hand(values=VALUES, mask=MASK):
    outputs, state, count = np.zeros_like(values), np.zeros((4, 3)), np.zeros((4, 2, 1))
    for row, time in np.argwhere(mask):
        factor = FACTORS[row, time, 0]
        state[row] = state[row] @ KERNEL * factor + values[row, time]
        outputs[row, time] = state[row]
        count[row] += 1
    return outputs, state, count


def test_states_are_carried_over_real_events_only():
    outputs, (state, count) = run()
    expected, last, counted = by_hand()
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(state, last, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(count, counted)


def test_last_states_do_not_need_the_outputs():
    outputs, (state, _) = run(keep_outputs=False)
    assert outputs is None
    np.testing.assert_allclose(state, by_hand()[1], rtol=1e-5, atol=1e-6)


def test_ends_with_the_longest_history():
    seen = []

    def count(values, states):
        seen.append(1)
        return [states[0] + values[0]]

    outputs, _ = recur(count, [VALUES], MASK[1:2], [tf.zeros((4, 3))])
    assert len(seen) == 2
    np.testing.assert_array_equal(outputs[:, 2:], np.zeros((4, 3, 3)))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_graph_and_xla_agree_and_have_gradients(jit_compile):
    def loss_and_gradient(values):
        with tf.GradientTape() as tape:
            tape.watch(values)
            outputs, (state, _) = run(values)
            loss = tf.reduce_sum(outputs**2) + tf.reduce_sum(state)
        return loss, tape.gradient(loss, values)

    values = tf.constant(VALUES)
    compiled = tf.function(loss_and_gradient, jit_compile=jit_compile, autograph=False)
    loss, gradient = compiled(values)
    outputs, state, _ = by_hand()
    np.testing.assert_allclose(loss, (outputs**2).sum() + state.sum(), rtol=1e-4)
    assert np.abs(gradient.numpy()[MASK]).min() > 0
    np.testing.assert_array_equal(gradient.numpy()[~MASK], 0)
    # One number by finite differences.
    moved = VALUES.copy()
    moved[0, 1, 2] += 1e-2
    outputs, state, _ = by_hand(moved)
    higher = (outputs**2).sum() + state.sum()
    slope = (higher - loss.numpy()) / 1e-2
    assert float(gradient[0, 1, 2]) == pytest.approx(slope, rel=0.05)


def test_any_batch_and_time_in_one_graph():
    @tf.function(autograph=False)
    def outputs_of(values, mask):
        states = [tf.zeros((tf.shape(values)[0], 3))]
        return recur(lambda v, s: [s[0] + v[0]], [values], mask, states)

    graph = outputs_of.get_concrete_function(
        tf.TensorSpec((None, None, 3)), tf.TensorSpec((None, None), tf.bool)
    )
    for time in (5, 1, 0):
        values, mask = VALUES[:, :time], MASK[:, :time]
        outputs, (state,) = graph(tf.constant(values), tf.constant(mask))
        expected = np.cumsum(values * mask[..., None], axis=1) * mask[..., None]
        assert outputs.shape == (4, time, 3)
        np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)
        total = (values * mask[..., None]).sum(axis=1)
        np.testing.assert_allclose(state, total, rtol=1e-5, atol=1e-6)


def test_no_time_at_all_leaves_the_states():
    outputs, (state, count) = run(VALUES[:, :0], MASK[:, :0])
    assert outputs.shape == (4, 0, 3)
    np.testing.assert_array_equal(state, np.zeros((4, 3)))
    np.testing.assert_array_equal(count, np.zeros((4, 2, 1)))
