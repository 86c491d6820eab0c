"""Tests of the metrics of arrays."""

import numpy as np
import pytest
import sklearn.metrics

from tfctr import metrics
from tfctr.errors import InputError

RNG = np.random.default_rng(0)
PROBABILITIES = np.round(RNG.random(300), 2)
LABELS = (RNG.random(300) < PROBABILITIES).astype(int)
WEIGHTS = RNG.integers(0, 4, 300).astype(float)


def test_auc_equals_scikit_learn():
    expected = sklearn.metrics.roc_auc_score(
        LABELS, PROBABILITIES, sample_weight=WEIGHTS
    )
    value = metrics.auc(LABELS, PROBABILITIES, WEIGHTS)
    np.testing.assert_allclose(value, expected, rtol=1e-12)


def test_log_loss_equals_scikit_learn():
    inside = np.clip(PROBABILITIES, 0.01, 0.99)
    expected = sklearn.metrics.log_loss(LABELS, inside, sample_weight=WEIGHTS)
    value = metrics.log_loss(LABELS, inside, WEIGHTS)
    np.testing.assert_allclose(value, expected, rtol=1e-12)


def test_normalized_entropy_is_log_loss_over_that_of_the_base_rate():
    inside = np.clip(PROBABILITIES, 0.01, 0.99)
    base = np.full(300, LABELS.mean())
    expected = sklearn.metrics.log_loss(LABELS, inside) / sklearn.metrics.log_loss(
        LABELS, base
    )
    value = metrics.normalized_entropy(LABELS, inside)
    np.testing.assert_allclose(value, expected, rtol=1e-12)


def test_calibration_ratio_divides_means():
    assert metrics.calibration_ratio([1, 0, 0], [0.5, 0.5, 0.5]) == 1.5
    assert metrics.calibration_ratio([1, 0], [0.5, 0.5], [1, 0]) == 0.5


def test_calibration_bins_hold_equal_mass():
    mass, predicted, observed = metrics.arrays.overall.calibration_bins(
        [0, 1, 0, 1], [0.1, 0.2, 0.6, 0.8], num_bins=2
    )
    np.testing.assert_allclose(mass, [2, 2])
    np.testing.assert_allclose(predicted, [0.15, 0.7])
    np.testing.assert_allclose(observed, [0.5, 0.5])


def test_equal_probabilities_are_not_split():
    mass, _, _ = metrics.arrays.overall.calibration_bins(
        [0, 1, 0, 1], [0.3, 0.3, 0.3, 0.9], num_bins=4
    )
    np.testing.assert_allclose(mass, [3, 1])


@pytest.mark.parametrize(
    "function",
    [
        metrics.auc,
        metrics.log_loss,
        metrics.normalized_entropy,
        metrics.calibration_ratio,
        metrics.expected_calibration_error,
    ],
)
def test_nothing_gives_nan(function):
    assert np.isnan(function([], []))
    assert np.isnan(function([1], [0.5], [0.0]))


def test_example_without_weight_may_hold_anything():
    labels, predictions, weights = [0, 1, 5], [0.25, 0.75, np.nan], [1, 1, 0]
    assert metrics.auc(labels, predictions, weights) == 1.0
    error = metrics.expected_calibration_error(labels, predictions, weights, num_bins=2)
    assert error == 0.25


def test_one_class_is_defined_where_it_can_be():
    labels, predictions = [0, 0], [0.25, 0.25]
    assert np.isnan(metrics.auc(labels, predictions))
    assert np.isnan(metrics.normalized_entropy(labels, predictions))
    assert np.isnan(metrics.calibration_ratio(labels, predictions))
    assert metrics.log_loss(labels, predictions) == pytest.approx(np.log(4 / 3))
    assert metrics.expected_calibration_error(labels, predictions) == 0.25


def test_sure_and_wrong_stays_finite():
    assert metrics.log_loss([1], [0.0]) == pytest.approx(-np.log(1e-15))


def test_wrong_arrays_are_refused_by_name():
    with pytest.raises(InputError, match=r"`probabilities`: received .* to 2, exp"):
        metrics.log_loss([1, 0], [0.5, 2.0])
    with pytest.raises(InputError, match=r"`labels`: received .* to 3, expected"):
        metrics.log_loss([3, 0], [0.5, 1.0])
    with pytest.raises(InputError, match="`predictions`: received NaN at 0"):
        metrics.calibration_ratio([1], [np.nan])
    with pytest.raises(InputError, match="`num_bins`: received 0"):
        metrics.expected_calibration_error([1], [0.5], num_bins=0)
