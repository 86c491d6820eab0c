"""Tests of `tfctr.layers.MLP`."""

import keras
import numpy as np
import pytest

from tfctr.errors import InputError
from tfctr.layers import MLP

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 4)).astype("float32")


def perceptron(layer, x, activation, final):
    """The layer in numpy."""
    for place, dense in enumerate(layer.dense_layers):
        x = x @ np.asarray(dense.kernel) + np.asarray(dense.bias)
        x = (final if place == len(layer.dense_layers) - 1 else activation)(x)
    return x


def relu(x):
    return np.maximum(x, 0)


def with_biases(layer):
    for dense in layer.dense_layers:
        dense.bias.assign(RNG.normal(size=dense.bias.shape))
    return layer


def test_layers_follow_each_other_with_activations():
    layer = MLP([6, 3], activation="relu")
    layer(X)
    with_biases(layer)
    expected = perceptron(layer, X, relu, relu)
    np.testing.assert_allclose(layer(X), expected, rtol=1e-5, atol=1e-6)
    assert [dense.units for dense in layer.dense_layers] == [6, 3]


def test_last_layer_may_have_an_activation_of_its_own():
    layer = MLP([6, 3, 2], activation="tanh", final_activation="linear")
    layer(X)
    with_biases(layer)
    expected = perceptron(layer, X, np.tanh, lambda x: x)
    np.testing.assert_allclose(layer(X), expected, rtol=1e-5, atol=1e-6)


def test_leading_dimensions_are_kept():
    layer = MLP([6, 3])
    flat = layer(X[:4])
    nested = layer(X[:4].reshape(2, 2, 4))
    np.testing.assert_allclose(np.reshape(nested, (4, 3)), flat, rtol=1e-6)


def test_dropout_acts_after_each_layer_in_training_only():
    layer = MLP([400, 300], dropout=0.5, activation="linear", seed=1)
    layer.build((None, 4))
    for dense in layer.dense_layers:
        dense.kernel.assign(keras.ops.ones_like(dense.kernel))
    ones = np.ones((1, 4), "float32")
    np.testing.assert_allclose(layer(ones), np.full((1, 300), 1600.0))
    dropped = np.asarray(layer(ones, training=True))[0]
    kept = dropped[dropped != 0]
    assert 100 < len(kept) < 200
    # Each kept unit is 2 x the sum over kept units of the first layer, each 8.
    assert len(np.unique(kept)) == 1
    assert kept[0] != 3200
    assert kept[0] / 16 == pytest.approx(200, abs=40)


def test_initial_values_are_told_by_the_seed():
    first, same, other = (MLP([3, 3], seed=s) for s in (1, 1, 2))
    for layer in (first, same, other):
        layer.build((None, 3))
    np.testing.assert_array_equal(first.get_weights()[0], same.get_weights()[0])
    assert np.abs(first.get_weights()[0] - other.get_weights()[0]).min() > 0
    # Layers of one shape differ too.
    assert np.abs(first.get_weights()[0] - first.get_weights()[2]).min() > 0


@pytest.mark.parametrize("units", [[], [3, 0], [-1]])
def test_widths_have_to_be_positive(units):
    with pytest.raises(InputError, match=r"`hidden_units`.*positive widths"):
        MLP(units)
