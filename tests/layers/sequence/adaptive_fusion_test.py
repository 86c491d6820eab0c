"""Tests of `tfctr.layers.AdaptiveFusion`."""

import numpy as np
import pytest

from tests.layers.sequence.event_gru_test import sigmoid
from tfctr.errors import InputError
from tfctr.layers import AdaptiveFusion

RNG = np.random.default_rng(0)
FIRST, SECOND = RNG.normal(size=(2, 4, 3)).astype("float32")
CONTEXT = RNG.normal(size=(4, 2)).astype("float32")


def made():
    layer = AdaptiveFusion([5])
    layer.build(FIRST.shape, SECOND.shape, CONTEXT.shape)
    return layer


def test_equals_the_equation():
    layer = made()
    kernel, bias, to_balance, shift = layer.get_weights()
    seen = np.concatenate([FIRST, SECOND, CONTEXT], axis=1)
    balance = sigmoid(np.maximum(seen @ kernel + bias, 0) @ to_balance + shift)
    expected = balance * FIRST + (1 - balance) * SECOND
    np.testing.assert_allclose(
        layer(FIRST, SECOND, CONTEXT), expected, rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize(("shift", "expected"), [(50.0, FIRST), (-50.0, SECOND)])
def test_a_balance_of_one_is_the_first(shift, expected):
    layer = made()
    layer.balance.bias.assign([shift])
    np.testing.assert_allclose(
        layer(FIRST, SECOND, CONTEXT), expected, rtol=1e-5, atol=1e-6
    )


def test_widths_have_to_be_positive():
    with pytest.raises(InputError, match=r"`hidden_units`.*positive widths"):
        AdaptiveFusion([])
