"""`check_metric` catches each fault planted in a sound metric."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tests.testing.faults import assert_caught
from tfctr.testing import check_metric


@keras.saving.register_keras_serializable("tests")
class MeanScore(keras.metrics.Metric):
    """Weighted mean prediction: a metric that anyone can check."""

    def __init__(self, scale=1.0, name="mean_score", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.scale = scale
        self.total = self.add_variable((), "zeros", name="total")
        self.weight = self.add_variable((), "zeros", name="weight")

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_pred = ops.cast(y_pred, "float32")
        weights = ops.ones_like(y_pred) if sample_weight is None else sample_weight
        self.total.assign_add(self.scale * ops.sum(weights * y_pred))
        self.weight.assign_add(ops.sum(weights))

    def result(self):
        return self.total / self.weight

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


INPUTS = {
    "y_true": np.array([0, 1, 0, 1, 1, 0, 1, 0], "float32"),
    "y_pred": np.array([0.5, 2, 1, 3, 0.25, 1, 7, 4], "float32"),
}


def reference(y_true, y_pred, sample_weight):
    return 2 * np.average(y_pred, weights=sample_weight)


def check(cls, **kwargs):
    check_metric(cls, {"scale": 2.0}, INPUTS, **{"reference": reference, **kwargs})


def test_sound_metric_passes():
    check(MeanScore)


def test_needs_the_right_reference():
    assert_caught(
        "equals the reference, without weights",
        lambda: check(MeanScore, reference=lambda **_: 1.0),
    )
    assert_caught(
        "equals the reference, with weights",
        lambda: check(MeanScore, reference=lambda y_pred, **_: 2 * y_pred.mean()),
    )


class _LosesAKey(MeanScore):
    def get_config(self):
        return keras.metrics.Metric.get_config(self)


class _MisWiresAKey(MeanScore):
    def get_config(self):
        return {**super().get_config(), "scale": 1.0}


class _ConfigIsNoJson(MeanScore):
    def get_config(self):
        return {**super().get_config(), "function": self.result}


class _UpdateEditsConfig(MeanScore):
    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_true, y_pred, sample_weight)
        self.used = True

    def get_config(self):
        scale = self.scale if hasattr(self, "used") else -1.0
        return {**super().get_config(), "scale": scale}


class _MeanOfBatchMeans(MeanScore):
    def update_state(self, y_true, y_pred, sample_weight=None):
        weights = np.ones(len(y_pred)) if sample_weight is None else sample_weight
        self.total.assign_add(self.scale * np.average(y_pred, weights=weights + 1e-9))
        self.weight.assign_add(1.0)


class _IgnoresWeights(MeanScore):
    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_true, y_pred)


class _ForgetsToReset(MeanScore):
    def reset_state(self):
        self.total.assign(0.0)


class _HidesNaN(MeanScore):
    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_true, ops.nan_to_num(y_pred), sample_weight)


class _ZeroWhenEmpty(MeanScore):
    def result(self):
        return ops.divide_no_nan(self.total, self.weight)


class _ResultChanges(MeanScore):
    def result(self):
        value = super().result()
        self.total.assign_add(1.0)
        return value


class _StateOutsideVariables(MeanScore):
    def __init__(self, scale=1.0, name="mean_score", dtype=None):
        super().__init__(scale, name, dtype)
        self.hidden = tf.Variable([0.0, 0.0])

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_pred = ops.cast(y_pred, "float32")
        weights = ops.ones_like(y_pred) if sample_weight is None else sample_weight
        total = self.scale * ops.sum(weights * y_pred)
        self.hidden.assign_add(ops.stack([total, ops.sum(weights)]))

    def result(self):
        return self.hidden[0] / self.hidden[1]

    def reset_state(self):
        self.hidden.assign([0.0, 0.0])


class _GraphDiffers(MeanScore):
    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_true, y_pred, sample_weight)
        if y_pred.shape[0] is None:
            self.total.assign_add(1.0)


class _OrderMatters(MeanScore):
    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_true, y_pred, sample_weight)
        self.total.assign_add(1e-2 * self.total * self.weight)


@pytest.mark.parametrize(
    ("fault", "law"),
    [
        (_LosesAKey, r"the config has every argument.*lacks \['scale'\]"),
        (_MisWiresAKey, "the config equals what was passed.*`scale` is 1.0"),
        (_ConfigIsNoJson, "the config is JSON"),
        (_UpdateEditsConfig, "building and calling leave the config alone"),
        (_IgnoresWeights, "equals the reference, with weights"),
        (_MeanOfBatchMeans, "batches of 1 in given order give one result"),
        (_ForgetsToReset, "`reset_state` resets"),
        (_HidesNaN, "a NaN prediction gives NaN or an error"),
        (_ZeroWhenEmpty, "without examples has its documented value"),
        (_ResultChanges, "`result` changes nothing"),
        (_GraphDiffers, "a graph of unknown batch size gives the same"),
        (_StateOutsideVariables, "the variables of a metric are its whole state"),
        (_OrderMatters, "equals the reference|give one result"),
    ],
)
def test_fault_is_caught(fault, law):
    assert_caught(law, lambda: check(fault), fault)


def test_weight_that_is_no_count_is_caught():
    class SquaresWeights(MeanScore):
        def update_state(self, y_true, y_pred, sample_weight=None):
            squares = None if sample_weight is None else sample_weight**2
            super().update_state(y_true, y_pred, squares)

    def with_squares(y_true, y_pred, sample_weight):
        return 2 * np.average(y_pred, weights=sample_weight**2)

    assert_caught(
        "zero weight removes an example and weight 2 repeats it",
        lambda: check(SquaresWeights, reference=with_squares),
        SquaresWeights,
    )


def test_defined_empty_value_may_be_stated():
    with keras.saving.custom_object_scope({"_ZeroWhenEmpty": _ZeroWhenEmpty}):
        check(_ZeroWhenEmpty, empty=0.0)


def test_class_that_is_not_registered_is_caught():
    assert_caught("the class is registered for saving", lambda: check(_ResultChanges))
