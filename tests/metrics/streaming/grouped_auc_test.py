"""Tests of `tfctr.metrics.GroupedAUC`."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conformance.specimens import auc_by_group
from tfctr.errors import InputError
from tfctr.metrics import GroupedAUC


def draw(seed, rows=500, users=60):
    rng = np.random.default_rng(seed)
    return {
        "y_true": rng.integers(0, 2, rows).astype("float32"),
        "y_pred": rng.integers(-3, 3, rows).astype("float32"),  # many ties
        "group": rng.integers(0, users, rows) * 2**50 - 2**55,  # hashes are large
        "sample_weight": rng.integers(0, 4, rows).astype("float32"),
    }


@pytest.mark.parametrize("seed", range(3))
def test_equals_one_user_after_the_other_in_any_batches(seed):
    data = draw(seed)
    metric = GroupedAUC()
    borders = [0, 1, 40, 41, 333, 500]
    for start, end in itertools.pairwise(borders):
        metric.update_state(**{name: v[start:end] for name, v in data.items()})
    np.testing.assert_allclose(metric.result(), auc_by_group(**data), rtol=1e-6)


def test_constant_scores_are_chance():
    data = draw(0)
    data["y_pred"] = np.full(500, 1.25, "float32")
    metric = GroupedAUC()
    metric.update_state(**data)
    np.testing.assert_allclose(metric.result(), 0.5, rtol=1e-6)


def test_zeros_of_either_sign_tie():
    metric = GroupedAUC()
    metric.update_state([1, 0], [-0.0, 0.0], group=[1, 1])
    assert float(metric.result()) == 0.5


def test_missing_group_is_named():
    with pytest.raises(InputError, match=r"`group`: received nothing.*group_id"):
        GroupedAUC().update_state([1, 0], [0.5, 0.1])


def test_group_that_is_no_integer_is_refused():
    with pytest.raises(InputError, match="`group`: received dtype float32"):
        GroupedAUC().update_state([1, 0], [0.5, 0.1], group=np.float32([1, 2]))
    with pytest.raises(InputError, match="`group`: received 1 values, expected 2"):
        GroupedAUC().update_state([1, 0], [0.5, 0.1], group=[1])


def test_groups_of_one_class_give_nan_not_zero():
    metric = GroupedAUC()
    metric.update_state([1, 1, 0], [1.0, 2.0, 3.0], group=[1, 1, 2])
    assert np.isnan(metric.result())


def test_label_that_is_no_class_shows():
    metric = GroupedAUC()
    metric.update_state([1, 0.5, 0], [1.0, 2.0, 3.0], group=[1, 1, 1])
    assert np.isnan(metric.result())


def test_one_wrong_batch_shows_until_reset():
    metric = GroupedAUC()
    metric.update_state([1, 0], [np.nan, 2.0], group=[1, 1])
    metric.update_state([1, 0], [3.0, 2.0], group=[1, 1])
    assert np.isnan(metric.result())
    metric.reset_state()
    metric.update_state([1, 0], [3.0, 2.0], group=[1, 1])
    assert float(metric.result()) == 1.0


def test_running_result_is_renewed_when_examples_have_doubled():
    metric = GroupedAUC()
    assert np.isnan(metric.running_result())
    metric.update_state([1, 0], [2.0, 1.0], group=[1, 1])
    assert float(metric.running_result()) == 1.0
    metric.update_state([1], [0.0], group=[1])  # three examples: not yet
    assert float(metric.running_result()) == 1.0
    assert float(metric.result()) == 0.5
    metric.update_state([1], [0.0], group=[1])
    np.testing.assert_allclose(metric.running_result(), 1 / 3, rtol=1e-6)


class ByUser(keras.Model):
    """Passes its groups as the models of tfctr do."""

    def __init__(self):
        super().__init__()
        self.gauc = GroupedAUC()

    def call(self, inputs):
        return inputs["score"]

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        self.gauc.update_state(y, y_pred, sample_weight, group=x["group_id"])
        return super().compute_metrics(x, y, y_pred, sample_weight)


def test_works_inside_evaluate():
    data = draw(4)
    model = ByUser()
    model.compile(loss="mse", jit_compile=False)
    dataset = tf.data.Dataset.from_tensor_slices(
        (
            {"score": data["y_pred"], "group_id": data["group"]},
            data["y_true"],
            data["sample_weight"],
        )
    )
    for size in (500, 33):  # the second run starts anew
        results = model.evaluate(dataset.batch(size), verbose=0, return_dict=True)
        np.testing.assert_allclose(results["gauc"], auc_by_group(**data), rtol=1e-6)


def test_several_replicas_are_refused(monkeypatch):
    metric, strategy = GroupedAUC(), tf.distribute.get_strategy()
    monkeypatch.setattr(type(strategy.extended), "_num_replicas_in_sync", 2)
    with pytest.raises(InputError, match="`GroupedAUC`: received 2 replicas"):
        metric.update_state([1, 0], [2.0, 1.0], group=[1, 1])
