"""Tests of `tfctr.layers.ModalProjection`."""

import numpy as np
import pytest
import tensorflow as tf

from tfctr.errors import InputError
from tfctr.layers import ModalProjection

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 3, 5)).astype("float32")
X[1, 2] = 0


def made():
    layer = ModalProjection(4, seed=1)
    layer.build(X.shape)
    layer.bias.assign(RNG.normal(size=4))
    return layer


def test_vectors_count_by_their_direction_and_missing_ones_are_learnt():
    layer = made()
    with np.errstate(invalid="ignore"):
        units = X / np.linalg.norm(X, axis=-1, keepdims=True)
    expected = units @ np.asarray(layer.kernel) + np.asarray(layer.bias)
    expected[1, 2] = np.asarray(layer.stand_in)
    np.testing.assert_allclose(layer(X), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(layer(100 * X), expected, rtol=1e-4, atol=1e-6)


def test_only_missing_vectors_train_the_stand_in():
    layer = made()
    for x, trained in ((X, True), (X[2:], False)):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(tf.constant(x)))
        gradient = tape.gradient(loss, layer.stand_in.value)
        np.testing.assert_array_equal(gradient, np.full(4, float(trained)))
        assert np.isfinite(np.asarray(loss))


def test_zeros_have_finite_gradients():
    layer, x = made(), tf.Variable(X)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(layer(x)))
    assert np.isfinite(tape.gradient(loss, [x, layer.kernel.value])[0]).all()


def test_a_width_of_0_is_refused():
    with pytest.raises(InputError, match="`dim`: received 0"):
        ModalProjection(0)
