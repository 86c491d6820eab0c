"""Tests of `tfctr.layers.ConditionAttention`."""

import numpy as np
import pytest

from tfctr.errors import InputError
from tfctr.layers import ConditionAttention

CONDITIONS = np.random.default_rng(0).normal(size=(4, 3, 5)).astype("float32")
MASK = np.array([[1, 1, 1], [1, 0, 1], [0, 0, 1], [0, 0, 0]], bool)


def attention(**kwargs):
    layer = ConditionAttention(units=6, **kwargs)
    layer.build(CONDITIONS.shape)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    return layer


def test_weights_are_a_softmax_over_the_real_conditions():
    layer = attention()
    kernel, bias, score = layer.get_weights()
    scores = (np.tanh(CONDITIONS @ kernel + bias) @ score)[..., 0]
    powers = np.exp(scores) * MASK
    total = powers.sum(axis=-1, keepdims=True)
    expected = np.divide(powers, total, out=np.zeros_like(powers), where=total > 0)
    weights = np.asarray(layer.weights_of(CONDITIONS, MASK))
    np.testing.assert_allclose(weights, expected, atol=1e-6)
    np.testing.assert_allclose(weights.sum(axis=-1), [1, 1, 1, 0], atol=1e-6)
    assert np.ptp(weights[0]) > 0.05
    pooled = np.einsum("rc,rcd->rd", expected, CONDITIONS)
    np.testing.assert_allclose(layer(CONDITIONS, MASK), pooled, atol=1e-5)


def test_masked_conditions_have_no_say():
    layer, others = attention(), CONDITIONS.copy()
    others[~MASK] = 1e3
    np.testing.assert_array_equal(layer(others, MASK), layer(CONDITIONS, MASK))


def test_weights_are_float32_under_mixed_precision():
    layer = attention(dtype="mixed_bfloat16")
    weights = np.asarray(layer.weights_of(CONDITIONS))
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-6)


def test_no_units_are_refused():
    with pytest.raises(InputError, match="`units`: received 0"):
        ConditionAttention(units=0)
