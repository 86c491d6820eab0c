"""Tests of the metrics of codes: T14 of TARQ."""

import numpy as np
import pytest

from tfctr import metrics
from tfctr.errors import InputError

CODES = np.array([[0, 2], [0, 2], [1, 2], [3, 2]], "uint8")


def test_metrics_of_codes_made_by_hand():
    """T14: `log 2 / 2 + 2 log 4 / 4` nats."""
    np.testing.assert_array_equal(metrics.code_usage(CODES, 4), [0.75, 0.25])
    entropy = metrics.code_entropy(CODES, 4)
    np.testing.assert_allclose(entropy, [1.0397207708, 0], atol=1e-9)
    np.testing.assert_array_equal(metrics.most_frequent_code(CODES, 4), [0, 2])


def test_even_use_has_the_entropy_of_all_codes():
    codes = np.arange(12).reshape(-1, 1) % 4
    np.testing.assert_allclose(metrics.code_entropy(codes, 4), [np.log(4)])


def test_no_items_have_no_usage():
    empty = np.zeros((0, 2), "uint8")
    assert np.isnan(metrics.code_usage(empty, 4)).all()
    assert np.isnan(metrics.code_entropy(empty, 4)).all()


@pytest.mark.parametrize(
    ("codes", "text"),
    [
        ([0, 1], r"`codes`: received int64 of shape \(2,\)"),
        ([[0.5]], r"`codes`: received float64 of shape \(1, 1\)"),
        ([[0], [4]], "`codes`: received numbers from 0 to 4, expected .* from 0 to 3"),
        ([[-1]], "`codes`: received numbers from -1 to -1"),
    ],
)
def test_what_is_no_code_is_refused(codes, text):
    with pytest.raises(InputError, match=text):
        metrics.code_usage(np.array(codes), 4)
