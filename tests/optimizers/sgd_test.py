"""Tests of `tfctr.optimizers.sgd`."""

import keras
import numpy as np

from tests.optimizers.small import apply_dense, apply_sparse, gradients, summed, table
from tfctr.optimizers import SparseSGD


def test_numpy_agrees_over_several_steps():
    variable, steps = table(), gradients()
    expected = np.asarray(variable).copy()
    for places, values in steps:
        expected -= 0.3 * summed(places, values)
    np.testing.assert_allclose(
        apply_sparse(SparseSGD(0.3), variable, steps), expected, rtol=1e-5
    )


def test_keras_agrees_on_dense_gradients():
    found = apply_sparse(SparseSGD(0.3), table(), gradients())
    expected = apply_dense(keras.optimizers.SGD(0.3), table(), gradients())
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_it_remembers_nothing():
    optimizer, variable = SparseSGD(0.3), table()
    optimizer.build([variable])
    assert optimizer.slots(variable) == {}
