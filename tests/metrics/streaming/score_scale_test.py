"""Tests of `tfctr.metrics.streaming.score_scale`."""

import numpy as np

from tfctr.metrics.streaming.score_scale import bin_index, squash


def test_keeps_the_order_and_the_ends():
    logits = np.array([-np.inf, -50, -4, 0, 4, 50, np.inf], "float32")
    squashed = np.asarray(squash(logits))
    assert (np.diff(squashed) > 0).all()
    np.testing.assert_allclose(squashed[[0, 2, 3, 4, 6]], [0, 0.25, 0.5, 0.75, 1])


def test_nan_is_not_hidden():
    assert np.isnan(squash(np.array([np.nan], "float32"))).all()


def test_bins_cover_all_logits():
    logits = np.array([-np.inf, -4, 3.99, np.inf, np.nan], "float32")
    assert np.asarray(bin_index(logits, 4)).tolist() == [0, 1, 2, 3, 0]


def test_bins_are_as_wide_as_stated():
    at_five = np.asarray(squash(np.array([-5.0, -4.98], "float32")))
    assert 0.5 < np.diff(at_five)[0] * 2000 < 1.5
