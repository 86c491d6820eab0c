"""Tests of `tfctr.losses.BinaryCrossEntropy`."""

import keras
import numpy as np
import pytest

from tfctr.losses import BinaryCrossEntropy

LABELS = np.array([1, 0, 1], "float32")
LOGITS = np.array([0.0, np.log(3), -np.log(3)], "float32")


def test_mean_is_over_weighted_examples_only():
    loss = BinaryCrossEntropy()
    value = loss(LABELS, LOGITS, sample_weight=np.array([3.0, 1.0, 0.0]))
    np.testing.assert_allclose(value, (3 * np.log(2) + np.log(4)) / 4, rtol=1e-6)


def test_equals_keras_without_weights():
    expected = keras.losses.BinaryCrossentropy(from_logits=True)(LABELS, LOGITS)
    np.testing.assert_allclose(BinaryCrossEntropy()(LABELS, LOGITS), expected)


def test_batch_without_weight_costs_nothing():
    value = BinaryCrossEntropy()(LABELS, LOGITS, sample_weight=np.zeros(3))
    assert float(value) == 0.0


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_weights_count_in_any_shape(shape):
    loss, weights = BinaryCrossEntropy(), np.array([1.0, 0.0, 0.0]).reshape(shape)
    value = loss(LABELS.reshape(shape), LOGITS.reshape(shape), sample_weight=weights)
    np.testing.assert_allclose(value, np.log(2), rtol=1e-6)
