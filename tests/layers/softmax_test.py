"""Tests of `tfctr.layers.softmax`."""

import numpy as np
import pytest
import scipy.special

from tfctr.layers.softmax import softmax

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(4,), (3, 5), (2, 3, 4)])
def test_equals_that_of_scipy(shape):
    logits = RNG.normal(scale=5, size=shape).astype("float32")
    expected = scipy.special.softmax(logits, axis=-1)
    np.testing.assert_allclose(softmax(logits), expected, rtol=1e-5)


def test_one_entry_has_all_weight():
    np.testing.assert_array_equal(softmax(np.array([[7.0], [-1e9]])), [[1.0], [1.0]])


def test_far_logits_stay_finite():
    found = softmax(np.array([1e9, -1e9, 1e9], "float32"))
    np.testing.assert_allclose(found, [0.5, 0, 0.5], rtol=1e-6)


def test_no_rows_have_no_weights():
    assert softmax(np.zeros((0, 3), "float32")).shape == (0, 3)
