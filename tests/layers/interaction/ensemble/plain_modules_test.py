"""Tests of the modules around layers that are there already: C5, in numpy."""

import numpy as np
import pytest

from tests.layers.interaction.ensemble.reference import FLAT, X, check, dense, made
from tfctr import layers
from tfctr.errors import InputError


def test_linear():
    check(made(layers.LinearModule), X)


def test_mlp():
    layer = made(layers.MLPModule, hidden_units=[5, 3])
    hidden = FLAT
    for part in layer.mlp.dense_layers:
        hidden = np.maximum(dense(part, hidden), 0)
    check(layer, hidden)


def test_dot_products_are_the_upper_triangle():
    products = np.einsum("bmd,bnd->bmn", X, X)
    upper = products[:, *np.triu_indices(4, 1)]
    check(made(layers.DotModule, hidden_units=[]), upper)
    layer = made(layers.DotModule, hidden_units=[5])
    check(layer, np.maximum(dense(layer.mlp.dense_layers[0], upper), 0))


def test_factorization_is_the_sum_over_pairs():
    pairs = sum(X[:, i] * X[:, j] for i in range(4) for j in range(i))
    check(made(layers.FactorizationModule), pairs)


@pytest.mark.parametrize(
    ("cls", "arguments", "field"),
    [
        (layers.MLPModule, {"hidden_units": []}, "hidden_units"),
    ],
)
def test_bad_arguments_are_refused(cls, arguments, field):
    with pytest.raises(InputError, match=f"`{field}`: received"):
        cls(**arguments)
