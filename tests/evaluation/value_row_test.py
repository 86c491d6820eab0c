"""Tests of `tfctr.evaluation.ValueRow`."""

import math

import numpy as np
import pytest

from tfctr.errors import InputError
from tfctr.evaluation import ValueRow

RNG = np.random.default_rng(0)
VALUES = np.where(RNG.random(60) < 0.5, 0, RNG.lognormal(1, 1, 60))
EXPECTED = np.round(VALUES + RNG.exponential(2, 60))  # some tie


def gini(values, scores):
    """By pairs: how often, and by how much, the higher score has the higher value."""
    total = 0.0
    for i in range(len(values)):
        for j in range(len(values)):
            total += (values[i] - values[j]) * np.sign(scores[i] - scores[j])
    return total / (2 * len(values) ** 2 * values.mean())


def test_numbers_are_those_of_their_definitions():
    row = ValueRow.measure(VALUES, EXPECTED)
    assert (row.count, row.positives) == (60, (VALUES > 0).sum())
    assert row.mean_value == pytest.approx(VALUES.mean())
    assert row.value_ratio == pytest.approx(EXPECTED.sum() / VALUES.sum())
    assert row.mean_value_error == pytest.approx(np.abs(EXPECTED - VALUES).mean())
    own = gini(VALUES, EXPECTED) / gini(VALUES, VALUES)
    assert row.normalized_gini == pytest.approx(own)


def test_weights_repeat_examples():
    weights = RNG.integers(0, 3, 60)
    repeated = (np.repeat(column, weights) for column in (VALUES, EXPECTED))
    found = ValueRow.measure(VALUES, EXPECTED, weights).to_dict()
    other = ValueRow.measure(*repeated).to_dict()
    for name in ("mean_value", "value_ratio", "mean_value_error", "normalized_gini"):
        assert found[name] == pytest.approx(other[name])


def test_the_order_of_the_values_themselves_is_1_and_none_is_0():
    assert ValueRow.measure(VALUES, VALUES * 7).normalized_gini == pytest.approx(1)
    assert ValueRow.measure(VALUES, np.ones(60)).normalized_gini == pytest.approx(0)


def test_what_is_not_defined_is_nan():
    row = ValueRow.measure([0.0, 0.0], [1.0, 2.0])
    assert math.isnan(row.value_ratio)
    assert row.to_dict()["normalized_gini"] is None
    assert ValueRow.measure([], []).to_dict()["mean_value"] is None


@pytest.mark.parametrize(
    ("values", "expected", "text"),
    [
        ([-1.0], [1.0], "`values`"),
        ([1.0], [np.nan], "`expected`"),
        ([1.0], [1.0, 2.0], "received 2 values"),
    ],
)
def test_what_is_no_value_is_refused(values, expected, text):
    with pytest.raises(InputError, match=text):
        ValueRow.measure(values, expected)
