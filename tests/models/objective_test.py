"""Tests of the shapes of labels, logits and weights."""

import numpy as np

from tfctr.models.objective import columns, rows_of_weights


def test_each_prediction_is_a_row_of_one_column():
    found = columns({"click": np.array([1, 2]), "buy": np.array([[1, 2], [3, 4]])})
    np.testing.assert_array_equal(found["click"], [[1], [2]])
    np.testing.assert_array_equal(found["buy"], [[1], [2], [3], [4]])
    assert columns(None) is None


def test_weight_of_an_example_holds_for_its_predictions():
    logits = {"click": np.zeros((2, 3))}
    for given in ([1.0, 2.0], [[1.0] * 3, [2.0] * 3]):
        expected = [1, 1, 1, 2, 2, 2]
        np.testing.assert_array_equal(rows_of_weights(given, logits), expected)
        by_label = rows_of_weights({"click": given, "unknown": given}, logits)
        np.testing.assert_array_equal(by_label["click"], expected)
    assert rows_of_weights(None, logits) is None
