"""Tests of `tfctr.losses.cross_entropy`."""

import numpy as np

from tfctr.losses.cross_entropy import cross_entropy


def test_is_exact_at_any_logit():
    labels = np.array([1, 0, 1, 0], "float32")
    logits = np.array([-100, 100, 100, 0], "float32")
    expected = [100, 100, 0, np.log(2)]
    np.testing.assert_allclose(cross_entropy(labels, logits), expected, atol=1e-6)
