"""Tests of `tfctr.metrics.streaming.examples`."""

import numpy as np
import pytest

from tfctr.errors import InputError
from tfctr.metrics.streaming.examples import read_examples


def read(y_true, y_pred, sample_weight=None, from_logits=True):
    batch = read_examples(
        np.array(y_true),
        np.array(y_pred),
        None if sample_weight is None else np.array(sample_weight),
        from_logits=from_logits,
        dtype="float32",
    )
    return [np.asarray(values).tolist() for values in batch]


def test_any_shape_is_flattened():
    labels, logits, weights = read([[1], [0]], [[2.0], [3.0]], [[0.5], [1.0]])
    assert (labels, logits, weights) == ([1, 0], [2, 3], [0.5, 1])


def test_one_weight_holds_for_all():
    assert read([1, 0], [2.0, 3.0], 0.5)[2] == [0.5, 0.5]
    assert read([1, 0], [2.0, 3.0])[2] == [1, 1]


def test_example_without_weight_may_hold_anything():
    labels, logits, _ = read([np.nan, 7, 1], [1.0, np.nan, 2.0], [0.0, 0.0, 1.0])
    assert (labels, logits) == ([0, 0, 1], [0, 0, 2])


def test_probabilities_become_logits():
    logits = read([1, 0, 1], [0.5, 0.2, 0.9], from_logits=False)[1]
    np.testing.assert_allclose(logits, np.log([1, 1 / 4, 9]), rtol=1e-5, atol=1e-6)


def test_sure_probabilities_stay_finite():
    logits = read([1, 0], [0.0, 1.0], from_logits=False)[1]
    np.testing.assert_allclose(logits, [-16.12, 15.94], rtol=1e-2)


def test_values_out_of_range_become_nan():
    labels, logits, weights = read(
        [2, 0, 1], [0.5, 1.5, np.nan], [1.0, -1.0, 1.0], from_logits=False
    )
    assert np.isnan(labels).tolist() == [True, False, False]
    assert np.isnan(logits).tolist() == [False, True, True]
    assert np.isnan(weights).tolist() == [False, True, False]


def test_unlike_sizes_are_refused_by_name():
    with pytest.raises(InputError, match="`y_pred`: received 2 values, expected 3"):
        read([1, 0, 1], [0.5, 0.5])
    with pytest.raises(InputError, match="`sample_weight`: received 2 values"):
        read([1, 0, 1], [0.5, 0.5, 0.5], [1.0, 1.0])
