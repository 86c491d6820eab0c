"""Tests of `tfctr.layers.sequence.recurrence`."""

import numpy as np
import pytest
import tensorflow as tf

from tfctr import kernels
from tfctr.layers.sequence.recurrence import RealSteps, gated_recurrence

RNG = np.random.default_rng(0)
STEPS, BATCH, UNITS = 4, 3, 2
MASK = np.array(
    [[1, 1, 0, 0, 0], [0, 1, 0, 1, 1], [0, 0, 0, 0, 0], [0, 0, 0, 0, 1]], bool
)


def floats(*shape):
    return RNG.normal(size=shape)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def unrolled(projected, shift, factors, kernel):
    """The loop in numpy, one step after the other."""
    h = c = np.zeros((projected.shape[1], kernel.shape[0]))
    outputs = []
    for step in range(len(projected)):
        i, f, o, g = np.split(projected[step] + h @ kernel, 4, axis=-1)
        added, kept = np.split(factors[step], 2, axis=-1)
        c = sigmoid(i) * added * np.tanh(g) + sigmoid(f) * kept * c
        h = sigmoid(o + shift[step]) * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs)


GIVEN = [
    floats(STEPS, BATCH, 4 * UNITS),
    floats(STEPS, BATCH, UNITS),
    sigmoid(floats(STEPS, BATCH, 2 * UNITS)),
    floats(UNITS, 4 * UNITS),
]


def test_states_are_those_of_the_loop_unrolled():
    found = gated_recurrence(*[value.astype("float32") for value in GIVEN])
    np.testing.assert_allclose(found, unrolled(*GIVEN), rtol=1e-5, atol=1e-6)


def test_gradient_is_the_slope_of_the_loop_unrolled():
    upstream = floats(STEPS, BATCH, UNITS)
    given = [tf.constant(value, tf.float32) for value in GIVEN]
    with tf.GradientTape() as tape:
        tape.watch(given)
        total = tf.reduce_sum(gated_recurrence(*given) * upstream)
    gradients = tape.gradient(total, given)
    for place, gradient in enumerate(gradients):
        slope = np.zeros_like(GIVEN[place])
        for index in np.ndindex(slope.shape):
            ends = []
            for step in (1e-6, -1e-6):
                moved = [value.copy() for value in GIVEN]
                moved[place][index] += step
                ends.append((unrolled(*moved) * upstream).sum())
            slope[index] = (ends[0] - ends[1]) / 2e-6
        np.testing.assert_allclose(gradient, slope, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("is_compiled", [False, True])
def test_loop_compiles_with_its_gradient(is_compiled):
    given = [tf.constant(value, tf.float32) for value in GIVEN]

    @tf.function(jit_compile=is_compiled, autograph=False)
    def gradients(*given):
        with tf.GradientTape() as tape:
            tape.watch(given)
            total = tf.reduce_sum(gated_recurrence(*given) ** 2)
        return tape.gradient(total, given)

    with tf.GradientTape() as tape:
        tape.watch(given)
        total = tf.reduce_sum(gated_recurrence(*given) ** 2)
    for found, expected in zip(
        gradients(*given), tape.gradient(total, given), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("is_xla", [False, True])
def test_steps_are_the_real_events_of_each_row(is_xla):
    values = np.arange(20.0).reshape(4, 5, 1)
    with kernels.xla(is_xla):
        steps = RealSteps(MASK)
        found = steps.by_step(values).numpy()[..., 0]
    assert len(found) == (5 if is_xla else 3)  # as many as the longest row has
    for row, real in enumerate(MASK):
        np.testing.assert_array_equal(
            found[: real.sum(), row], values[row, real, 0], f"row {row}"
        )


@pytest.mark.parametrize("is_xla", [False, True])
def test_events_come_back_where_they_were(is_xla):
    values = floats(4, 5, 2)
    with kernels.xla(is_xla):
        steps = RealSteps(MASK)
        found = steps.by_event(steps.by_step(values))
    np.testing.assert_array_equal(found, np.where(MASK[..., None], values, 0))


def test_gradient_of_moving_is_that_of_looking_up():
    values, upstream = tf.constant(floats(4, 5, 2)), floats(4, 5, 2)
    with tf.GradientTape() as tape:
        tape.watch(values)
        steps = RealSteps(MASK)
        # Squares, so that padding of the moved form would show.
        moved = steps.by_event(steps.by_step(values) ** 2)
        total = tf.reduce_sum(moved * upstream)
    expected = np.where(MASK[..., None], 2 * values * upstream, 0)
    np.testing.assert_allclose(tape.gradient(total, values), expected)


def test_batch_without_any_event_has_one_step():
    with kernels.xla(False):
        steps = RealSteps(np.zeros((2, 3), bool))
        moved = steps.by_step(floats(2, 3, 1))
    assert moved.shape == (1, 2, 1)
    np.testing.assert_array_equal(steps.by_event(moved), np.zeros((2, 3, 1)))
