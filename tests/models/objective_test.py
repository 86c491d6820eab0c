"""Tests of the default loss and metrics."""

import math

import numpy as np
import pytest

from tfctr.models.objective import (
    columns,
    default_loss,
    default_metrics,
    rows_of_weights,
)


def test_every_label_has_a_loss_and_metrics():
    labels = ["click", "buy"]
    assert list(default_loss(labels)) == labels
    names = [metric.name for metric in default_metrics(labels)["buy"]]
    assert names == ["auc", "normalized_entropy", "calibration_ratio"]


def test_loss_is_the_mean_over_examples_with_weight():
    loss = default_loss(["click"])["click"]
    logits = np.array([0.0, math.log(3.0), 5.0], "float32")
    value = loss(np.ones(3, "float32"), logits, sample_weight=np.array([1.0, 1.0, 0.0]))
    # -log 1/2 and -log 3/4; the third example has no weight.
    assert float(value) == pytest.approx((math.log(2) + math.log(4 / 3)) / 2)


def test_labels_do_not_share_metrics():
    first, second = default_metrics(["click", "buy"]).values()
    assert first[0] is not second[0]


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
