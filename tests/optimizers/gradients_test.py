"""Tests of `tfctr.optimizers.gradients`."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.optimizers.small import summed
from tfctr import kernels
from tfctr.optimizers.gradients import clipped, dense, scaled, unique_rows

PLACES = np.array([2, 0, 2, 2, 5])
VALUES = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
BIAS = np.array([3.0, -0.2], "float32")


def slices(places=PLACES, values=VALUES, rows=6):
    shape = tf.constant((rows, *values.shape[1:]))
    return tf.IndexedSlices(tf.constant(values), tf.constant(places), shape)


@pytest.mark.parametrize("is_xla", [True, False])
@settings(max_examples=25, deadline=None)
@given(
    places=st.lists(st.integers(0, 5), max_size=8),
    inner=st.sampled_from([(), (3,), (2, 2)]),
)
def test_rows_are_unique_and_sum_to_the_dense_gradient(is_xla, places, inner):
    places = np.array(places, "int32")
    values = np.random.default_rng(1).normal(size=(len(places), *inner))
    values = values.astype("float32")
    with kernels.xla(is_xla):
        found, sums = unique_rows(slices(places, values))
        whole = dense(slices(places, values), 6)
    expected = summed(places, values, 6)
    assert sorted(found.numpy()) == sorted(set(places))
    np.testing.assert_allclose(whole, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(sums, expected[found.numpy()], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("limit", [0.5, 100.0])
@pytest.mark.parametrize("kind", ["norm", "value", "global_norm"])
def test_clipping_is_that_of_keras_on_dense_gradients(kind, limit):
    name = {"norm": "clipnorm", "value": "clipvalue", "global_norm": "global_clipnorm"}
    optimizer = keras.optimizers.SGD(**{name[kind]: limit})
    expected = optimizer._clip_gradients(
        [tf.constant(summed(PLACES, VALUES, 6)), tf.constant(BIAS)]
    )
    table, bias = clipped([slices(), tf.constant(BIAS)], **{kind: limit})
    assert isinstance(table, tf.IndexedSlices)
    np.testing.assert_allclose(dense(table, 6), expected[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(bias, expected[1], rtol=1e-5)


def test_parts_of_a_row_are_summed_before_they_are_clipped():
    twice = slices(np.array([1, 1]), np.array([[3.0], [-2.0]], "float32"))
    (found,) = clipped([twice], value=2.0)
    np.testing.assert_array_equal(dense(found, 6)[1], [1.0])


def test_without_limits_gradients_stay_as_they_are():
    given_slices = slices()
    assert clipped([given_slices])[0] is given_slices


def test_scaling():
    np.testing.assert_allclose(scaled(tf.constant(BIAS), 0.5), BIAS / 2)
    np.testing.assert_allclose(scaled(slices(), 0.5).values, VALUES / 2)
    assert scaled(None, 0.5) is None
