"""Tests of `tfctr.layers.SharedAdaptiveDense`."""

import numpy as np
import pytest
import tensorflow as tf

from tests.layers.interaction.adaptive.oracle import (
    KINDS,
    RANK,
    assign,
    data,
    made,
    matrices,
    span,
)
from tfctr.layers import SharedAdaptiveDense


def test_parameters_of_a_layer_counted_by_hand():
    layer = SharedAdaptiveDense(23, rank=5)
    layer.build((None, 37), (None, 9))
    # A core of 25 from 9 and a one; 37 * 5 and 5 * 23 shared; 23 biases.
    assert layer.count_params() == 10 * 25 + 185 + 115 + 23 == 573


def test_each_matrix_has_the_rank_and_together_they_span_no_more():
    layer = made("v4")
    found = matrices(layer, data()[1])
    assert [np.linalg.matrix_rank(matrix, tol=1e-6) for matrix in found] == [RANK] * 6
    assert span(found) == RANK


def test_core_is_between_the_factors():
    layer = SharedAdaptiveDense(1, rank=1, use_bias=False)
    layer.build((None, 2), (None, 1))
    # x A = 1 * 2 + 1 * 3; C = 4 z + 1; B = 10.
    assign(layer, {"output/kernel": 4, "output/bias": 1})
    assign(layer, {"input_factor": [2, 3], "output_factor": 10})
    np.testing.assert_allclose(
        layer(np.ones((1, 2)), np.full((1, 1), 2.0)), [[5 * 9 * 10]]
    )


def graph_of(version, width, units, rank, condition, batch=11):
    """A training step's forward and backward pass, with all shapes static."""
    cls, options = KINDS[version]
    options = {**options, "rank": rank} if options else {}
    layer = cls(units, **options)
    layer.build((None, width), (None, condition))

    @tf.function(autograph=False)
    def step(inputs, condition):
        with tf.GradientTape() as tape:
            tape.watch([inputs, condition])
            loss = tf.reduce_sum(layer(inputs, condition) ** 2)
        watched = [inputs, condition, *layer.trainable_variables]
        return loss, tape.gradient(loss, watched)

    return step.get_concrete_function(
        tf.TensorSpec((batch, width)), tf.TensorSpec((batch, condition))
    ).graph


def forward_multiplications(width, units, rank, condition):
    """Of the products in the forward pass of v4, for one row."""
    layer = SharedAdaptiveDense(units, rank=rank)
    layer.build((None, width), (None, condition))
    graph = (
        tf.function(layer, autograph=False)
        .get_concrete_function(
            tf.TensorSpec((11, width)), tf.TensorSpec((11, condition))
        )
        .graph
    )
    total = 0
    for operation in graph.get_operations():
        if "MatMul" in operation.type:
            left = operation.inputs[0].shape.as_list()
            total += int(np.prod(left)) * operation.outputs[0].shape[-1]
    assert total % 11 == 0
    return total // 11


@pytest.mark.parametrize("sizes", [(37, 23, 5, 9), (64, 16, 2, 3), (13, 40, 7, 21)])
def test_multiplications_are_those_of_the_formula(sizes):
    width, units, rank, condition = sizes
    formula = rank**2 * condition + units * rank + rank**2 + rank * width
    assert forward_multiplications(*sizes) == formula


@pytest.mark.parametrize("version", KINDS)
def test_only_the_full_matrices_are_made_for_each_row(version):
    batch, width, units = 11, 37, 23
    options = (version, width, units, 5, 9)
    if version == "v5":  # its inner width of 6 is no less than a rank of 5
        assert KINDS["v5"][1]["inner_width"] >= 5
    graph = graph_of(*options, batch=batch)
    sizes = {
        int(np.prod(output.shape.as_list()))
        for operation in graph.get_operations()
        for output in operation.outputs
        if output.shape.is_fully_defined()
    }
    has_full = max(sizes) >= batch * width * units
    assert has_full == (version in ("v1", "v2"))
