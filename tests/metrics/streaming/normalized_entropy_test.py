"""Tests of `tfctr.metrics.NormalizedEntropy`."""

import numpy as np
import pytest

from tfctr.metrics import NormalizedEntropy


def test_base_rate_scores_one():
    metric = NormalizedEntropy(from_logits=False)
    metric.update_state([1, 0, 0, 0], [0.25] * 4)
    np.testing.assert_allclose(metric.result(), 1.0, rtol=1e-6)


def test_twice_the_bits_scores_two():
    metric = NormalizedEntropy(from_logits=False)
    metric.update_state([1, 0], [0.25, 0.75])  # log 4 each; the base rate costs log 2
    np.testing.assert_allclose(metric.result(), 2.0, rtol=1e-6)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_has_no_entropy(label):
    metric = NormalizedEntropy()
    metric.update_state([label] * 3, [0.5, 1.0, 2.0])
    assert np.isnan(metric.result())
