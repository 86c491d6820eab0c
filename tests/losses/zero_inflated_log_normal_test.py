"""Tests of the likelihood of values that are 0 for most."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tfctr.losses import log_expected_value, zero_inflated_log_normal_loss
from tfctr.losses.zero_inflated_log_normal import ZeroInflatedLogNormal

RNG = np.random.default_rng(0)
OUTPUTS = RNG.normal(scale=2, size=(40, 3)).astype("float32")
VALUES = np.where(RNG.random(40) < 0.5, 0, RNG.lognormal(1, 1, 40))
VALUES = VALUES.astype("float32")[:, None]
P = 1 / (1 + np.exp(-OUTPUTS[:, 0].astype("float64")))
SIGMA = np.log1p(np.exp(OUTPUTS[:, 2].astype("float64")))


def test_it_is_the_likelihood_that_scipy_gives():
    density = stats.lognorm(s=SIGMA, scale=np.exp(OUTPUTS[:, 1]))
    expected = np.where(
        VALUES[:, 0] > 0,
        -np.log(P) - density.logpdf(np.maximum(VALUES[:, 0], 1e-9)),
        -np.log(1 - P),
    )
    found = zero_inflated_log_normal_loss(VALUES, OUTPUTS)
    np.testing.assert_allclose(np.ravel(found), expected, rtol=1e-4)


def test_the_expected_value_is_that_of_the_distribution():
    expected = P * stats.lognorm(s=SIGMA, scale=np.exp(OUTPUTS[:, 1])).mean()
    found = np.exp(log_expected_value(OUTPUTS))
    assert found.shape == (40,)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_its_mean_counts_examples_by_weight():
    weights = RNG.integers(0, 3, 40).astype("float32")
    each = np.ravel(zero_inflated_log_normal_loss(VALUES, OUTPUTS))
    found = ZeroInflatedLogNormal()(VALUES, OUTPUTS, sample_weight=weights)
    assert float(found) == pytest.approx(np.average(each, weights=weights), rel=1e-5)


@pytest.mark.parametrize("output", [-100.0, 100.0])
def test_far_outputs_stay_finite(output):
    outputs = tf.Variable(np.full((40, 3), output, "float32"))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(zero_inflated_log_normal_loss(VALUES, outputs))
    assert np.isfinite(loss)
    assert np.isfinite(tape.gradient(loss, outputs)).all()


@pytest.mark.parametrize("value", [-1.0, np.nan])
def test_what_is_no_value_costs_nan(value):
    found = zero_inflated_log_normal_loss(np.array([[value], [2.0]]), OUTPUTS[:2])
    assert np.isnan(found).tolist() == [[True], [False]]
