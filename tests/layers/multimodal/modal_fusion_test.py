"""Tests of `tfctr.layers.ModalFusion`: A8 of the methods file."""

import numpy as np
import scipy.special

from tfctr.layers import ModalFusion

RNG = np.random.default_rng(0)
ENTRIES = RNG.normal(size=(5, 3, 4)).astype("float32")
TARGET = RNG.normal(size=(5, 4)).astype("float32")


def made():
    layer = ModalFusion(num_cross_layers=1, seed=1)
    layer.build(ENTRIES.shape, TARGET.shape)
    for weight in layer.trainable_variables:
        noise = RNG.normal(scale=0.3, size=weight.shape)
        weight.assign(np.asarray(weight) + noise)
    return layer


def dense(layer, values):
    return values @ np.asarray(layer.kernel) + np.asarray(layer.bias)


def test_equals_the_formula():
    layer = made()
    first, second = layer.gate.dense_layers
    hidden = np.maximum(dense(first, TARGET), 0)
    gates = scipy.special.expit(dense(second, hidden)).reshape(5, 3, 4)
    np.testing.assert_allclose(layer.gates(ENTRIES, TARGET), gates, rtol=1e-4)
    flat = (gates * ENTRIES).reshape(5, -1)
    inner = flat @ np.asarray(layer.cross.kernels[0]) + np.asarray(
        layer.cross.biases[0]
    )
    crossed = (flat * inner + flat).reshape(5, 3, 4)
    query = TARGET @ np.asarray(layer.query_kernel)
    keys = crossed @ np.asarray(layer.key_kernel)
    scores = np.einsum("bd,bnd->bn", query, keys) / 2
    weights = scipy.special.softmax(scores, axis=-1)
    values = crossed @ np.asarray(layer.value_kernel)
    attended = np.einsum("bn,bnd->bd", weights, values)
    expected = np.concatenate([attended, crossed.reshape(5, -1)], axis=-1)
    np.testing.assert_allclose(layer(ENTRIES, TARGET), expected, rtol=1e-3, atol=1e-4)


def test_attention_is_of_the_target_and_not_uniform():
    """A8: that of the released code is a mean."""
    layer = made()
    crossed = layer.crossed(ENTRIES, TARGET)
    weights = np.asarray(layer.weights_of(crossed, TARGET))
    np.testing.assert_allclose(weights.sum(axis=-1), 1, rtol=1e-6)
    assert (weights.max(axis=-1) - weights.min(axis=-1) > 1e-3).all()
    other = np.asarray(layer.weights_of(crossed, TARGET[::-1].copy()))
    assert np.abs(other - weights).max() > 1e-3


def test_gates_depend_on_the_target_alone():
    layer = made()
    before = np.asarray(layer.gates(ENTRIES, TARGET))
    np.testing.assert_array_equal(layer.gates(2 * ENTRIES, TARGET), before)
    assert np.abs(np.asarray(layer.gates(ENTRIES, 2 * TARGET)) - before).max() > 1e-3
