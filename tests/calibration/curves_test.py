"""Tests of `tfctr.calibration.Curve` and the curves that are fitted."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from tfctr.calibration import Curve, isotonic_curve, platt_curve, prior_curve
from tfctr.errors import InputError

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(-1, 2, 4_000)
LABELS = RNG.random(4_000) < 1 / (1 + np.exp(-(0.5 * LOGITS - 1)))
WEIGHTS = RNG.integers(0, 4, 4_000).astype(float)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x)))


def test_curve_is_a_sum_of_bends():
    curve = Curve(1.0, 0.5, knots=(-1.0, 2.0), bends=(1.0, -1.5))
    expected = [-2 + 0.5, -1 + 0.5, 0 + 0.5 + 1, 3 + 0.5 + 4 - 1.5]
    np.testing.assert_allclose(curve([-2, -1, 0, 3]), expected)
    assert Curve(**curve.to_dict()) == curve


def test_curve_through_points_runs_through_them_and_on_with_slope_one():
    curve = Curve.through([0.0, 1.0, 3.0], [-2.0, 0.0, 0.5])
    np.testing.assert_allclose(
        curve([-1, 0, 0.5, 1, 2, 3, 5]), [-3, -2, -1, 0, 0.25, 0.5, 2.5]
    )


@pytest.mark.parametrize(
    "bad",
    [
        {"slope": 0.0},
        {"offset": math.nan},
        {"knots": (1.0,)},
        {"knots": (1.0, 1.0), "bends": (0.1, 0.1)},
        {"knots": (1.0,), "bends": (-1.0,)},
    ],
)
def test_curves_that_would_not_rise_are_refused(bad):
    with pytest.raises(InputError, match="`curve`: received"):
        Curve(**bad)


@given(st.floats(0.01, 1), st.floats(0.001, 0.999))
@settings(max_examples=50, deadline=None)
def test_prior_curve_is_the_formula(rate, p):
    found = sigmoid(prior_curve(rate)(math.log(p / (1 - p))))
    assert found == pytest.approx(p / (p + (1 - p) / rate), rel=1e-6)


def test_prior_curve_gives_the_rate_before_sampling():
    """C9: of 1,000 examples, 1 in 5 positive; one negative in ten is kept."""
    kept_rate = 200 / (200 + 80)
    assert sigmoid(prior_curve(0.1)(math.log(kept_rate / (1 - kept_rate)))) == (
        pytest.approx(0.2)
    )


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_platt_is_a_logistic_regression(weights):
    oracle = LogisticRegression(C=1e12, tol=1e-10).fit(LOGITS[:, None], LABELS, weights)
    curve = platt_curve(LOGITS, LABELS, weights)
    assert curve.slope == pytest.approx(oracle.coef_[0, 0], rel=1e-4)
    assert curve.offset == pytest.approx(oracle.intercept_[0], rel=1e-4)


def test_platt_meets_the_observed_rate_where_logits_are_wrong():
    curve = platt_curve(-LOGITS, LABELS)  # the best slope would fall
    assert 0 < curve.slope < 0.01
    assert sigmoid(curve(-LOGITS)).mean() == pytest.approx(LABELS.mean(), rel=0.01)


def test_platt_of_classes_that_are_apart_is_finite():
    curve = platt_curve([-2.0, -1.0, 1.0, 2.0], [0, 0, 1, 1])
    assert np.isfinite(curve([-2.0, 2.0])).all()


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_isotonic_has_the_pools_of_scikit_learn(weights):
    oracle = IsotonicRegression(out_of_bounds="clip").fit(LOGITS, LABELS, weights)
    curve = isotonic_curve(LOGITS, LABELS, weights)
    assert 40 < len(curve.knots) < 100  # so no pools were joined
    rates = oracle.predict(LOGITS)
    inner = (rates > 0) & (rates < 1)  # rates at the ends are no 0 and 1 here
    inner &= True if weights is None else weights > 0
    found = sigmoid(curve(LOGITS))
    # Edges of pools give way to ramps that are not too steep.
    is_equal = np.abs(found - rates)[inner] < 2e-3
    assert is_equal.mean() > 0.9
    assert np.average(found, weights=weights) == pytest.approx(
        np.average(rates, weights=weights), abs=1e-3
    )


@pytest.mark.parametrize("spread", [1e-6, 0.1, 3.0])
def test_the_last_bit_of_a_logit_does_not_show(spread):
    rng = np.random.default_rng(0)
    x = rng.normal(0, spread, 3_000).round(8)
    y = rng.random(3_000) < 1 / (1 + np.exp(-x / spread))
    curve = isotonic_curve(x, y)
    places = np.sort(np.concatenate([x, x + 1e-7, curve.knots]))
    rises = np.diff(curve(places)) / np.maximum(np.diff(places), 1e-12)
    assert rises.max() < 10.01
    if spread > 0.01:  # all of them are one pool if they are closer than that
        assert np.ptp(curve(x)) > 1


def test_isotonic_pools_by_hand():
    """Pools of rates 0, 1/3, 1/2 and 1, level from their first to their last logit."""
    x = [0, 1, 2, 3, 10, 11, 12, 13]
    curve = isotonic_curve(x, [0, 1, 0, 0, 1, 0, 1, 1])
    assert curve.knots == (0, 1, 3, 10, 11, 12, 13)
    rates = [0.5 / 2, 1 / 3, 1 / 3, 0.5, 0.5, 1 - 0.5 / 3, 1 - 0.5 / 3]
    np.testing.assert_allclose(sigmoid(curve(curve.knots)), rates, atol=1e-3)


def test_isotonic_of_equal_logits_is_their_rate():
    curve = isotonic_curve(np.full(100, 2.0), np.arange(100) < 30)
    assert sigmoid(curve(2.0)) == pytest.approx(0.3)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_fitted_curves_keep_order(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=200).round(1)
    y = rng.random(200) < 0.4
    for fit in (platt_curve, isotonic_curve):
        values = fit(x, y)(np.linspace(-5, 5, 101))
        assert (np.diff(values) > 0).all()


def test_many_examples_make_few_knots():
    x = RNG.normal(size=300_000)
    y = RNG.random(300_000) < sigmoid(x - 1)
    curve = isotonic_curve(x, y)
    assert 20 < len(curve.knots) <= 100
    np.testing.assert_allclose(curve([-1.0, 0.0, 1.0]), [-2, -1, 0], atol=0.15)


@pytest.mark.parametrize("fit", [platt_curve, isotonic_curve])
@pytest.mark.parametrize(
    ("x", "y", "w", "text"),
    [
        ([1, 2], [1, 1], None, "2 positives of 2"),
        ([1, 2], [0, 1], [1, 0], "0 positives of 1"),
        ([1, 2], [0], None, "2 logits, 1 labels"),
        ([1, math.nan], [0, 1], None, "NaN"),
    ],
)
def test_unusable_examples_are_refused(fit, x, y, w, text):
    with pytest.raises(InputError, match=text):
        fit(x, y, w)


@pytest.mark.parametrize("rate", [0.0, 1.5, -0.1])
def test_rates_out_of_range_are_refused(rate):
    with pytest.raises(InputError, match="`negative_rate`"):
        prior_curve(rate)
