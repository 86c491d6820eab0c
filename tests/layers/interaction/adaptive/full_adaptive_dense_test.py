"""Tests of `tfctr.layers.FullAdaptiveDense`."""

import numpy as np

from tests.layers.interaction.adaptive.oracle import (
    CONDITION,
    UNITS,
    WIDTH,
    assign,
    made,
)
from tfctr.layers import FullAdaptiveDense


def test_matrix_is_linear_in_the_condition():
    layer = FullAdaptiveDense(2, use_bias=False)
    layer.build((None, 2), (None, 1))
    # G(z) = z * [1 2 3 4]: W = z * [[1, 2], [3, 4]].
    assign(layer, {"kernel": [1.0, 2.0, 3.0, 4.0]})
    outputs = layer(np.array([[1.0, 1.0], [1.0, 0.0]]), np.array([[1.0], [10.0]]))
    np.testing.assert_allclose(outputs, [[4, 6], [10, 20]])


def test_parameters_are_those_of_the_generator_and_a_bias():
    assert made("v1").count_params() == WIDTH * UNITS * (CONDITION + 1) + UNITS
