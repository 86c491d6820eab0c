"""Tests of `tfctr.layers.InterestGate`."""

import numpy as np
import pytest

from tfctr.errors import InputError
from tfctr.layers import InterestGate

RNG = np.random.default_rng(0)
LONG, SHORT, CONTEXT = (RNG.normal(size=(4, n)).astype("float32") for n in (3, 3, 2))


def test_mixture_by_hand():
    gate = InterestGate()
    gate(LONG, SHORT, CONTEXT)
    kernel, bias = RNG.normal(size=(8, 3)), RNG.normal(size=3)
    gate.dense_layers[0].set_weights([kernel, bias])
    inputs = np.concatenate([LONG, SHORT, CONTEXT], axis=-1)
    share = 1 / (1 + np.exp(-(inputs @ kernel + bias)))
    expected = share * LONG + (1 - share) * SHORT
    np.testing.assert_allclose(gate(LONG, SHORT, CONTEXT), expected, rtol=1e-5)
    np.testing.assert_allclose(gate.share(LONG, SHORT, CONTEXT), share, rtol=1e-5)


@pytest.mark.parametrize("units", [(), (5, 4)])
def test_gate_of_one_is_long_and_of_zero_is_short(units):
    gate = InterestGate(hidden_units=units)
    gate(LONG, SHORT, CONTEXT)
    for bias, expected in ((100.0, LONG), (-100.0, SHORT)):
        gate.dense_layers[-1].bias.assign(np.full(3, bias))
        np.testing.assert_allclose(gate(LONG, SHORT, CONTEXT), expected, atol=1e-6)


def test_hidden_layers_are_sigmoids():
    gate = InterestGate(hidden_units=(5,))
    inputs = np.concatenate([LONG, SHORT, CONTEXT], axis=-1)
    gate(LONG, SHORT, CONTEXT)
    share = gate.share(LONG, SHORT, CONTEXT)
    for dense in gate.dense_layers:
        inputs = inputs @ np.asarray(dense.kernel) + np.asarray(dense.bias)
        inputs = 1 / (1 + np.exp(-inputs))
    np.testing.assert_allclose(share, inputs, rtol=1e-5)
    assert [dense.units for dense in gate.dense_layers] == [5, 3]


def test_vectors_have_to_be_as_wide():
    with pytest.raises(InputError, match="`short`: received width 2, expected that of"):
        InterestGate()(LONG, SHORT[:, :2], CONTEXT)


def test_widths_have_to_be_positive():
    with pytest.raises(InputError, match=r"`hidden_units`.*positive widths"):
        InterestGate(hidden_units=(0,))
