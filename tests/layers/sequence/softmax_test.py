"""Tests of `tfctr.layers.sequence.softmax`."""

import numpy as np
import pytest
import tensorflow as tf

from tfctr.layers.sequence.softmax import softmax_over_events

SCORES = np.random.default_rng(0).normal(size=(3, 5, 2)).astype("float32") * 100
MASK = np.arange(5)[None] < np.array([[5], [2], [0]])


def test_weights_are_those_of_numpy_over_real_events():
    weights = softmax_over_events(SCORES, MASK).numpy()
    for row, length in enumerate([5, 2]):
        scores = SCORES[row, :length].astype("float64")
        raised = np.exp(scores - scores.max(axis=0))
        expected = raised / raised.sum(axis=0)
        np.testing.assert_allclose(
            weights[row, :length], expected, rtol=1e-4, atol=1e-7
        )
    np.testing.assert_array_equal(weights[~MASK], 0)


@pytest.mark.parametrize("time", [0, 1])
def test_short_histories_warn_of_nothing(time):
    weights = softmax_over_events(SCORES[:, :time], MASK[:, :time])
    expected = MASK[:, :time, None] * np.ones(2)
    np.testing.assert_array_equal(weights, expected)


def test_gradients_are_finite_also_without_events():
    scores = tf.Variable(SCORES)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(softmax_over_events(scores, MASK) * SCORES)
    gradient = tape.gradient(total, scores).numpy()
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(gradient[~MASK], 0)
