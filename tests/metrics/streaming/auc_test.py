"""Tests of `tfctr.metrics.AUC`."""

import keras
import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from tfctr.metrics import AUC


def clicks(mean_logit, rows=50_000):
    """Labels and logits of a calibrated model of rare clicks."""
    rng = np.random.default_rng(0)
    logits = rng.normal(mean_logit, 1.0, rows)
    labels = rng.random(rows) < 1 / (1 + np.exp(-logits))
    return labels.astype("float32"), logits.astype("float32")


@pytest.mark.parametrize("mean_logit", [-6, -4.5, 0, 3])
def test_equals_scikit_learn_at_any_click_rate(mean_logit):
    labels, logits = clicks(mean_logit)
    metric = AUC()
    metric.update_state(labels, logits)
    np.testing.assert_allclose(
        metric.result(), roc_auc_score(labels, logits), atol=5e-4
    )


def test_is_right_where_keras_with_its_defaults_is_not():
    labels, logits = clicks(-6)
    exact = roc_auc_score(labels, logits)
    ours, theirs = AUC(), keras.metrics.AUC(from_logits=True)
    for metric in (ours, theirs):
        metric.update_state(labels, logits)
    gaps = [abs(float(metric.result()) - exact) for metric in (ours, theirs)]
    assert gaps[0] < 1e-3 < 1e-2 < gaps[1]


def test_precision_recall_curve_is_near_average_precision():
    labels, logits = clicks(-4.5)
    metric = AUC(curve="PR")
    metric.update_state(labels, logits)
    expected = average_precision_score(labels, logits)
    np.testing.assert_allclose(metric.result(), expected, atol=5e-3)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_has_no_area(label):
    metric = AUC()
    metric.update_state([label] * 3, [0.5, 1.0, 2.0])
    assert np.isnan(metric.result())


def test_extreme_logits_keep_their_order():
    metric = AUC()
    metric.update_state([0, 1, 0, 1], [-90.0, -30.0, 30.0, 90.0])
    np.testing.assert_allclose(metric.result(), 0.75, rtol=1e-6)


def test_label_that_is_no_class_shows():
    metric = AUC()
    metric.update_state([0, 1, 0.3], [0.5, 1.0, 2.0])
    assert np.isnan(metric.result())
    metric.reset_state()
    metric.update_state([0, 1], [0.5, 1.0])
    assert float(metric.result()) == 1.0


def test_compiles_under_xla():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(loss="mse", metrics=[AUC()], jit_compile=True)
    x = np.arange(8, dtype="float32")[:, None]
    model.set_weights([np.ones((1, 1)), np.zeros(1)])
    result = model.evaluate(x, x > 3, verbose=0, return_dict=True)
    assert result["auc"] == 1.0
