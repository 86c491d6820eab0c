"""Tests of `tfctr.metrics.ExpectedCalibrationError`."""

import numpy as np
import pytest

from tfctr.errors import InputError
from tfctr.metrics import ExpectedCalibrationError, expected_calibration_error


def test_small_probabilities_do_not_share_a_bin():
    # Right on average, wrong twofold in each half: bins of equal width see 0.
    labels = np.tile([0.0] * 99 + [1.0], 2)
    predictions = np.repeat([0.005, 0.015], 100)
    metric = ExpectedCalibrationError(num_bins=2, from_logits=False)
    metric.update_state(labels, predictions)
    np.testing.assert_allclose(metric.result(), 0.005, rtol=1e-5)


def test_agrees_with_the_exact_function_on_continuous_data():
    rng = np.random.default_rng(0)
    logits = rng.normal(-3, 1.5, 5000)
    labels = rng.random(5000) < 1 / (1 + np.exp(-1.3 * logits))
    metric = ExpectedCalibrationError(num_bins=10)
    metric.update_state(labels, logits)
    exact = expected_calibration_error(labels, 1 / (1 + np.exp(-logits)), num_bins=10)
    np.testing.assert_allclose(metric.result(), exact, rtol=0.03)


def test_one_class_is_defined():
    metric = ExpectedCalibrationError(from_logits=False)
    metric.update_state([0, 0, 0], [0.1, 0.2, 0.3])
    np.testing.assert_allclose(metric.result(), 0.2, rtol=1e-5)


def test_nothing_has_no_error():
    assert np.isnan(ExpectedCalibrationError().result())


def test_rejects_no_bins():
    with pytest.raises(InputError, match="`num_bins`: received 0, expected at least 1"):
        ExpectedCalibrationError(num_bins=0)
