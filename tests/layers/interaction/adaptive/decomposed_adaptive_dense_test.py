"""Tests of `tfctr.layers.DecomposedAdaptiveDense`."""

import numpy as np

from tests.layers.interaction.adaptive.oracle import (
    RANK,
    assign,
    data,
    made,
    matrices,
    span,
)
from tfctr.layers import DecomposedAdaptiveDense


def test_parameters_of_a_layer_counted_by_hand():
    layer = DecomposedAdaptiveDense(23, rank=5)
    layer.build((None, 37), (None, 9))
    # 37 * 5 + 5 * 5 + 5 * 23 = 325 generated from 9 and a one; 23 biases.
    assert layer.count_params() == 10 * 325 + 23 == 3273


def test_each_matrix_has_the_rank_and_together_they_span_more():
    layer = made("v3")
    found = matrices(layer, data()[1])
    assert [np.linalg.matrix_rank(matrix, tol=1e-6) for matrix in found] == [RANK] * 6
    assert span(found) > RANK


def test_factors_are_applied_from_the_inputs_outwards():
    layer = DecomposedAdaptiveDense(2, rank=1, use_bias=False)
    layer.build((None, 2), (None, 1))
    # A = [2, 3]', C = [5], B = [7, 11]: x A C B = (2 + 3) * 5 * [7, 11] for x = [1, 1].
    assign(layer, {"kernel": np.zeros(5), "bias": [2.0, 3.0, 5.0, 7.0, 11.0]})
    np.testing.assert_allclose(layer(np.ones((1, 2)), np.ones((1, 1))), [[175, 275]])
