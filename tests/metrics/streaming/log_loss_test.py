"""Tests of `tfctr.metrics.LogLoss`."""

import numpy as np

from tfctr.metrics import LogLoss


def test_sure_and_wrong_costs_its_logit():
    metric = LogLoss()
    metric.update_state([1, 0], [-200.0, -200.0])
    assert float(metric.result()) == 100.0


def test_weights_average():
    metric = LogLoss(from_logits=False)
    metric.update_state([1, 0], [0.5, 0.75], sample_weight=[3.0, 1.0])
    expected = (3 * np.log(2) + np.log(4)) / 4
    np.testing.assert_allclose(metric.result(), expected, rtol=1e-6)


def test_nothing_has_no_loss():
    metric = LogLoss()
    metric.update_state([1], [0.0], sample_weight=[0.0])
    assert np.isnan(metric.result())


def test_logits_given_as_probabilities_show():
    metric = LogLoss(from_logits=False)
    metric.update_state([1, 0], [2.5, 0.5])
    assert np.isnan(metric.result())
