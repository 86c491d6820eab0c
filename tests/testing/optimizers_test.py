"""`check_optimizer` catches each fault planted in a sound optimizer."""

import keras
import pytest
import tensorflow as tf

from tests.testing.faults import assert_caught
from tfctr.optimizers import (
    Adam,
    LazyAdam,
    RowWiseAdagrad,
    SparseAdagrad,
    SparseFTRL,
    SparseOptimizer,
    SparseSGD,
)
from tfctr.testing import check_optimizer


@keras.saving.register_keras_serializable("tests")
class SignedMomentum(SparseOptimizer):
    """Steps by the sign of a decaying sum of gradients."""

    slot_names = ("momentum",)

    def __init__(self, learning_rate=0.1, *, beta=0.5, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.beta = beta

    def new_rows(self, rows, gradient, slots, learning_rate):
        momentum = self.beta * slots["momentum"] + gradient
        return rows - learning_rate * tf.tanh(momentum), {"momentum": momentum}

    def get_config(self):
        return {**super().get_config(), "beta": self.beta}


def check(cls):
    check_optimizer(cls, {"learning_rate": 0.25, "beta": 0.75})


def test_sound_optimizer_passes():
    check(SignedMomentum)


@pytest.mark.parametrize(
    ("cls", "settings", "is_lazy"),
    [
        (SparseSGD, {"weight_decay": 0.1}, True),
        (SparseAdagrad, {"initial_accumulator": 0.2, "epsilon": 1e-3}, True),
        (RowWiseAdagrad, {"initial_accumulator": 0.2, "epsilon": 1e-3}, True),
        (LazyAdam, {"beta_1": 0.5, "beta_2": 0.75, "epsilon": 1e-3}, True),
        (LazyAdam, {"beta_1": 0.5, "exact_rows": 9}, False),
        (Adam, {"beta_1": 0.5, "beta_2": 0.75, "epsilon": 1e-3}, False),
        (SparseFTRL, {"initial_accumulator": 0.2, "l2": 0.3, "beta": 0.5}, True),
        (SparseSGD, {"global_clipnorm": 0.5}, True),
        (SparseSGD, {"clipvalue": 0.5}, True),
    ],
)
def test_optimizers_of_the_package_pass(cls, settings, is_lazy):
    check_optimizer(cls, {"learning_rate": 0.25, **settings}, is_lazy=is_lazy)


class _LosesAKey(SignedMomentum):
    def get_config(self):
        return {k: v for k, v in super().get_config().items() if k != "beta"}


class _StandsStill(SignedMomentum):
    def new_rows(self, rows, gradient, slots, learning_rate):
        return rows, {"momentum": gradient}


class _DecaysAll(SignedMomentum):
    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient, variable, learning_rate)
        variable.assign(variable * 0.99)


class _ForgetsAll(SignedMomentum):
    def initial_slot(self, name):
        return 1.0

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient, variable, learning_rate)
        slot = self.slots(variable)["momentum"]
        slot.assign(slot * 0.9)


class _TakesPartsApart(SignedMomentum):
    def update_step(self, gradient, variable, learning_rate):
        if isinstance(gradient, tf.IndexedSlices):
            gradient = tf.IndexedSlices(tf.tanh(gradient.values), gradient.indices)
        super().update_step(gradient, variable, learning_rate)


class _OrderMatters(SignedMomentum):
    def update_step(self, gradient, variable, learning_rate):
        if isinstance(gradient, tf.IndexedSlices):
            # The first touched row gets more, whichever it is.
            first = tf.cast(gradient.indices == gradient.indices[0], "float32")
            values = gradient.values * (1 + first[:, None])
            gradient = tf.IndexedSlices(values, gradient.indices)
        super().update_step(gradient, variable, learning_rate)


class _DenseDiffers(SignedMomentum):
    def update_step(self, gradient, variable, learning_rate):
        if not isinstance(gradient, tf.IndexedSlices):
            gradient = 2 * gradient
        super().update_step(gradient, variable, learning_rate)


class _LosesSlots(SignedMomentum):
    def load_own_variables(self, store):
        self._iterations.assign(store["0"])


@pytest.mark.parametrize(
    ("fault", "law"),
    [
        (_LosesAKey, r"lacks \['beta'\]"),
        (_StandsStill, r"a step moves what it touches.*\[2, 5, 7\] stayed"),
        (_DecaysAll, r"does not touch stay.*of `weights` changed"),
        (_ForgetsAll, "does not touch stay.*of `momentum` changed"),
        (_TakesPartsApart, "gradients of one row are summed"),
        (_OrderMatters, "of one row are summed|order of a batch does not matter"),
        (_DenseDiffers, "sparse gradient of all rows does what the dense one does"),
        (_LosesSlots, "saved and loaded training goes on"),
    ],
)
def test_fault_is_caught(fault, law):
    assert_caught(law, lambda: check(fault), fault)


def test_adam_moves_rows_that_it_touched_before():
    assert_caught(
        "rows that a batch does not touch stay",
        lambda: check_optimizer(Adam, {"learning_rate": 0.25, "beta_1": 0.5}),
    )
