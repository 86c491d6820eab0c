"""Tests of `tfctr.metrics.MeanValueError` beyond the laws."""

import numpy as np
import pytest

from tfctr.metrics import MeanValueError


def test_reads_logarithms_unless_told_otherwise():
    metric = MeanValueError()
    metric.update_state([6.0, 0.0], np.log([3.0, 1.5]), sample_weight=[1.0, 2.0])
    assert float(metric.result()) == pytest.approx((3 + 2 * 1.5) / 3)
