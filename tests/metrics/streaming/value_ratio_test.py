"""Tests of `tfctr.metrics.ValueRatio` beyond the laws."""

import numpy as np
import pytest

from tfctr.metrics import ValueRatio


def test_reads_logarithms_unless_told_otherwise():
    metric = ValueRatio()
    metric.update_state([6.0, 0.0], np.log([3.0, 1.5]), sample_weight=[1.0, 2.0])
    assert float(metric.result()) == pytest.approx((3 + 2 * 1.5) / 6)


def test_an_overflow_is_no_infinity():
    metric = ValueRatio()
    metric.update_state([1.0], [1e9])
    assert np.isfinite(metric.result())
