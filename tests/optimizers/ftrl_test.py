"""Tests of `tfctr.optimizers.ftrl`."""

import keras
import numpy as np
import pytest

from tests.optimizers.small import apply_dense, apply_sparse, gradients, summed, table
from tfctr.errors import InputError
from tfctr.optimizers import SparseFTRL

TOUCHED = [1, 3, 7]


def by_hand(weights, steps, *, l1, l2, beta):
    weights = weights.astype("float64")
    total, linear = np.full(weights.shape, 0.2), np.zeros(weights.shape)
    for places, values in steps:
        gradient = summed(places, values)[TOUCHED]
        w, a, z = weights[TOUCHED], total[TOUCHED], linear[TOUCHED]
        after = a + gradient**2
        z = z + gradient - (np.sqrt(after) - np.sqrt(a)) / 0.3 * w
        w = -(z - np.sign(z) * l1) / ((beta + np.sqrt(after)) / 0.3 + 2 * l2)
        weights[TOUCHED] = np.where(np.abs(z) <= l1, 0, w)
        total[TOUCHED], linear[TOUCHED] = after, z
    return weights


@pytest.mark.parametrize(
    "settings",
    [{"l1": 0.0, "l2": 0.0, "beta": 0.0}, {"l1": 0.7, "l2": 0.3, "beta": 0.5}],
)
def test_numpy_agrees_over_several_steps(settings):
    variable = table()
    expected = by_hand(np.asarray(variable), gradients(), **settings)
    optimizer = SparseFTRL(0.3, initial_accumulator=0.2, **settings)
    found = apply_sparse(optimizer, variable, gradients())
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert (found[TOUCHED] == 0).any() == (settings["l1"] > 0)


def test_keras_agrees_on_touched_rows():
    # On others it does not: the first step of a dense FTRL forgets all weights.
    ours = SparseFTRL(0.3, l1=0.1, l2=0.2, beta=0.5)
    keras_ftrl = keras.optimizers.Ftrl(
        0.3,
        l1_regularization_strength=0.1,
        l2_regularization_strength=0.2,
        beta=0.5,
    )
    found = apply_sparse(ours, table(), gradients())
    expected = apply_dense(keras_ftrl, table(), gradients())
    np.testing.assert_allclose(found[TOUCHED], expected[TOUCHED], rtol=1e-4, atol=1e-6)
    assert not expected[0].any()
    assert found[0].all()


@pytest.mark.parametrize("name", ["initial_accumulator", "l1", "l2", "beta"])
def test_settings_out_of_range_are_refused(name):
    with pytest.raises(InputError, match=f"`{name}`: received -0.1"):
        SparseFTRL(**{name: -0.1})
