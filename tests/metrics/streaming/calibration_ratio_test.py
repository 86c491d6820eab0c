"""Tests of `tfctr.metrics.CalibrationRatio`."""

import numpy as np

from tfctr.metrics import CalibrationRatio


def test_logits_are_read_as_logits():
    metric = CalibrationRatio()
    metric.update_state([1, 0], [0.0, np.log(3)])  # 0.5 and 0.75
    np.testing.assert_allclose(metric.result(), 1.25, rtol=1e-6)


def test_all_positive_is_defined():
    metric = CalibrationRatio(from_logits=False)
    metric.update_state([1, 1], [0.5, 0.7])
    np.testing.assert_allclose(metric.result(), 0.6, rtol=1e-6)


def test_nothing_positive_has_no_ratio():
    metric = CalibrationRatio()
    metric.update_state([0, 0], [0.5, 0.7])
    assert np.isnan(metric.result())
