"""Tests of `tfctr.layers.CrossNetwork`."""

import numpy as np
import pytest

from tfctr.errors import InputError
from tfctr.layers import CrossNetwork

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 4)).astype("float32")


def with_random_biases(layer):
    layer(X)
    for bias in layer.biases:
        bias.assign(RNG.normal(size=bias.shape))
    return layer


def test_one_layer_by_hand():
    # x = (1, 2), W x = (1*1 + 2*3, 1*2 + 2*4) = (7, 10), plus b = (8, 8)
    # x * (8, 8) + x = (9, 18)
    layer = CrossNetwork(1)
    layer.build((None, 2))
    layer.kernels[0].assign([[1.0, 2.0], [3.0, 4.0]])
    layer.biases[0].assign([1.0, -2.0])
    np.testing.assert_allclose(layer(np.float32([[1.0, 2.0]])), [[9.0, 18.0]])


def test_one_layer_of_rank_one_by_hand():
    # x = (1, 2): projected to 1*3 - 2*1 = 1, back to (1, 4); x * (1, 4) + x = (2, 10)
    layer = CrossNetwork(1, rank=1)
    layer.build((None, 2))
    layer.projections[0].assign([[3.0], [-1.0]])
    layer.kernels[0].assign([[1.0, 4.0]])
    np.testing.assert_allclose(layer(np.float32([[1.0, 2.0]])), [[2.0, 10.0]])


def test_layers_cross_with_the_first_input():
    layer = with_random_biases(CrossNetwork(3))
    crossed = X
    for kernel, bias in zip(layer.kernels, layer.biases, strict=True):
        crossed = X * (crossed @ np.asarray(kernel) + np.asarray(bias)) + crossed
    np.testing.assert_allclose(layer(X), crossed, rtol=1e-5, atol=1e-6)


def test_low_rank_equals_the_product_of_its_matrices():
    low, full = CrossNetwork(2, rank=2, seed=5), CrossNetwork(2)
    with_random_biases(low)
    full.build((None, 4))
    for place in range(2):
        product = np.asarray(low.projections[place]) @ np.asarray(low.kernels[place])
        full.kernels[place].assign(product)
        full.biases[place].assign(low.biases[place])
    np.testing.assert_allclose(low(X), full(X), rtol=1e-5, atol=1e-6)


def test_weights_of_low_rank_are_fewer():
    layer = CrossNetwork(2, rank=3)
    layer.build((None, 10))
    assert layer.count_params() == 2 * (10 * 3 + 3 * 10 + 10)


def test_degree_is_one_more_than_the_layers():
    # With weights of 1 each layer multiplies by 1 + x: after three, x (1 + x)^3.
    layer = CrossNetwork(3)
    layer.build((None, 1))
    for kernel in layer.kernels:
        kernel.assign([[1.0]])
    x = np.float32([[-2.0], [0.5], [3.0]])
    np.testing.assert_allclose(layer(x), x * (1 + x) ** 3, rtol=1e-6)


@pytest.mark.parametrize(
    ("kwargs", "field"),
    [({"num_layers": 0}, "num_layers"), ({"num_layers": 1, "rank": 0}, "rank")],
)
def test_sizes_have_to_be_positive(kwargs, field):
    with pytest.raises(InputError, match=f"`{field}`: received 0"):
        CrossNetwork(**kwargs)


def test_unknown_width_is_refused():
    with pytest.raises(InputError, match="`inputs`: received an unknown width"):
        CrossNetwork(1).build((None, None))
