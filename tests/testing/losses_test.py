"""`check_loss` catches each fault planted in a sound loss."""

import keras
import numpy as np
import pytest
from keras import ops

from tests.testing.faults import assert_caught
from tfctr.testing import check_loss

Y_TRUE = np.array([1, 0, 1, 0, 1, 1], "float32")
Y_PRED = np.array([0.5, -1.0, -2.0, 3.0, 0.25, 1.5], "float32")


@keras.saving.register_keras_serializable("tests")
class LogisticLoss(keras.losses.Loss):
    """Binary cross-entropy of logits, scaled."""

    def __init__(
        self, scale=1.0, reduction="sum_over_batch_size", name="loss", dtype=None
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.scale = scale

    def call(self, y_true, y_pred):
        cost = ops.relu(y_pred) - y_true * y_pred
        return self.scale * (cost + ops.softplus(-ops.abs(y_pred)))

    def get_config(self):
        return {
            **super().get_config(),
            "scale": self.scale,
            "dtype": self.dtype,
        }


def check(cls, **kwargs):
    check_loss(cls, {"scale": 2.0}, Y_TRUE, Y_PRED, **kwargs)


def test_sound_loss_passes():
    check(LogisticLoss)


def keras_loss(from_logits, name="loss"):
    return keras.losses.BinaryCrossentropy(from_logits=from_logits, name=name)


def test_cross_entropy_of_keras_passes_on_columns():
    columns = Y_TRUE[:, None], Y_PRED[:, None]
    check_loss(keras_loss, {"from_logits": True}, *columns)


def test_cross_entropy_of_keras_ignores_weights_of_flat_labels():
    assert_caught(
        "an example of zero weight has no say",
        lambda: check_loss(keras_loss, {"from_logits": True}, Y_TRUE, Y_PRED),
    )


class _LosesAKey(LogisticLoss):
    def get_config(self):
        return {k: v for k, v in super().get_config().items() if k != "scale"}


class _Sums(LogisticLoss):
    def __init__(self, scale=1.0, reduction="sum", name="loss", dtype=None):
        super().__init__(scale, reduction, name, dtype)


class _IgnoresWeights(LogisticLoss):
    def __call__(self, y_true, y_pred, sample_weight=None):
        return super().__call__(y_true, y_pred)


class _DividesByWeight(LogisticLoss):
    def __call__(self, y_true, y_pred, sample_weight=None):
        loss = super().__call__(y_true, y_pred, sample_weight)
        return loss if sample_weight is None else 2 * loss


class _Overflows(LogisticLoss):
    def call(self, y_true, y_pred):
        odds = ops.exp(y_pred)
        return self.scale * (ops.log(1 + odds) - y_true * y_pred)


class _PushesWrong(LogisticLoss):
    def call(self, y_true, y_pred):
        return super().call(1 - y_true, y_pred)


class _OrderMatters(LogisticLoss):
    def call(self, y_true, y_pred):
        place = ops.cast(ops.arange(ops.shape(y_pred)[0]), "float32")
        return place * super().call(y_true, y_pred)


class _HidesNaN(LogisticLoss):
    def call(self, y_true, y_pred):
        return super().call(y_true, ops.nan_to_num(y_pred))


class _HalfPrecision(LogisticLoss):
    def __call__(self, y_true, y_pred, sample_weight=None):
        loss = super().__call__(y_true, y_pred, sample_weight)
        return ops.cast(loss, ops.convert_to_tensor(y_pred).dtype)


class _NotReduced(LogisticLoss):
    def __init__(self, scale=1.0, reduction="none", name="loss", dtype=None):
        super().__init__(scale, reduction, name, dtype)


class _SquareOfMean(LogisticLoss):
    def call(self, y_true, y_pred):
        whole = ops.sum(super().call(y_true, y_pred))
        return whole * ops.ones_like(y_pred)


@pytest.mark.parametrize(
    ("fault", "law"),
    [
        (_LosesAKey, r"lacks \['scale'\]"),
        (_Sums, "a batch twice over has the same mean"),
        (_SquareOfMean, "a batch twice over has the same mean"),
        (_IgnoresWeights, "an example of zero weight has no say"),
        (_DividesByWeight, "weights of one are no weights"),
        (_Overflows, r"finite at logits of \+-100"),
        (_PushesWrong, "pushes logits up for label 1"),
        (_OrderMatters, "the order of examples does not matter"),
        (_HidesNaN, "a NaN logit gives NaN"),
        (_HalfPrecision, "float32 scalar.*dtype bfloat16"),
        (_NotReduced, r"float32 scalar.*shape \(6,\)"),
    ],
)
def test_fault_is_caught(fault, law):
    assert_caught(law, lambda: check(fault), fault)


def test_pairwise_loss_need_not_have_losses_of_its_own():
    with keras.saving.custom_object_scope({"_Sums": _Sums}):
        check(_Sums, is_pointwise=False)


def test_class_that_is_not_registered_is_caught():
    assert_caught("the class is registered for saving", lambda: check(_Sums))
