"""Tests of `tfctr.metrics.streaming.running_sums`."""

import numpy as np
import pytest

from tfctr.metrics import LogLoss
from tfctr.metrics.streaming.running_sums import RunningSums, ratio


def test_counts_past_what_float32_can_count():
    metric = LogLoss()
    metric.sum_of_weight.assign(2.0**24)  # as many examples of loss 0 came before
    for _ in range(3):
        metric.update_state([1], [0.0])
    assert float(metric.sum_of_weight) == 2**24 + 3


def test_ratio_to_nothing_is_nan():
    np.testing.assert_array_equal(
        ratio(np.array([1.0, 0.0, 3.0]), np.array([0.0, 0.0, 2.0])),
        [np.nan, np.nan, 1.5],
    )


def test_the_base_says_what_is_missing():
    with pytest.raises(NotImplementedError, match="RunningSums does not write this"):
        RunningSums().update_state([1], [0.0])
