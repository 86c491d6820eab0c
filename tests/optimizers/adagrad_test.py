"""Tests of `tfctr.optimizers.adagrad`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.optimizers.small import (
    ROWS,
    apply_dense,
    apply_sparse,
    gradients,
    summed,
    table,
)
from tfctr.errors import InputError
from tfctr.optimizers import RowWiseAdagrad, SparseAdagrad


def by_hand(weights, steps, *, row_wise):
    weights = weights.astype("float64")
    total = np.full((ROWS, 1) if row_wise else weights.shape, 0.2)
    for places, values in steps:
        gradient = summed(places, values)
        squares = gradient**2
        total += squares.mean(1, keepdims=True) if row_wise else squares
        weights = weights - 0.3 * gradient / np.sqrt(total + 1e-3)
    return weights, total


@pytest.mark.parametrize("cls", [SparseAdagrad, RowWiseAdagrad])
def test_numpy_agrees_over_several_steps(cls):
    variable, steps = table(), gradients()
    weights, total = by_hand(
        np.asarray(variable), steps, row_wise=cls is RowWiseAdagrad
    )
    optimizer = cls(0.3, initial_accumulator=0.2, epsilon=1e-3)
    found = apply_sparse(optimizer, variable, steps)
    np.testing.assert_allclose(found, weights, rtol=1e-5)
    slot = optimizer.slots(variable)["accumulator"]
    np.testing.assert_allclose(slot, total, rtol=1e-5)


def test_keras_agrees_on_dense_gradients():
    found = apply_sparse(SparseAdagrad(0.3), table(), gradients())
    expected = apply_dense(keras.optimizers.Adagrad(0.3), table(), gradients())
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_keras_squares_the_parts_of_a_duplicate():
    # Why Keras is not the oracle of sparse gradients: 1 + 1 is not 4.
    weight = keras.Variable([[0.0]])
    optimizer = keras.optimizers.Adagrad(1.0, initial_accumulator_value=0.0)
    twice = tf.IndexedSlices(tf.ones((2, 1)), tf.constant([0, 0]), tf.constant([1, 1]))
    optimizer.apply([twice], [weight])
    assert float(weight[0, 0]) != pytest.approx(-1.0, abs=0.1)
    ours = keras.Variable([[0.0]])
    SparseAdagrad(1.0, initial_accumulator=0.0).apply([twice], [ours])
    assert float(ours[0, 0]) == pytest.approx(-1.0)


def test_row_wise_takes_a_vector_as_rows_of_one_weight():
    start = np.array([1.0, -2.0], "float32")
    one, other = keras.Variable(start), keras.Variable(start)
    for _ in range(3):
        gradient = tf.constant([0.5, -1.0])
        RowWiseAdagrad(0.3).apply([gradient], [one])
        SparseAdagrad(0.3).apply([gradient], [other])
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("name", "value"), [("epsilon", 0.0), ("initial_accumulator", -0.1)]
)
def test_settings_out_of_range_are_refused(name, value):
    with pytest.raises(InputError, match=f"`{name}`: received {value}"):
        SparseAdagrad(**{name: value})
