"""`check_layer` catches each fault planted in a sound layer."""

import keras
import numpy as np
import pytest
from keras import ops

from tests.testing.faults import assert_caught
from tests.testing.toys import DecayPooling
from tfctr.testing import check_layer

RNG = np.random.default_rng(0)
INPUTS = {
    "events": RNG.normal(size=(4, 3, 2)),
    "age": RNG.uniform(0, 70_000, size=(4, 3)),  # seconds
}


def check(cls, **kwargs):
    expected = {"output_shape": (4, 2), "weight_shapes": {"log_half_life": (2,)}}
    arguments = {"half_life": 36_000.0, "scale": 2.0}
    check_layer(cls, arguments, INPUTS, **{**expected, **kwargs})


def test_sound_layer_passes():
    check(DecayPooling)


class _LosesAKey(DecayPooling):
    def get_config(self):
        return {k: v for k, v in super().get_config().items() if k != "scale"}


class _MisWiresAKey(DecayPooling):
    def get_config(self):
        return {**super().get_config(), "scale": self.half_life}


class _BuildEditsConfig(DecayPooling):
    def build(self, events_shape, age_shape):
        super().build(events_shape, age_shape)
        self.half_life = [self.half_life]

    def get_config(self):
        config = super().get_config()
        if isinstance(self.half_life, list):
            return {**config, "half_life": self.half_life[0]}
        return {**config, "half_life": -1.0}


class _OneSharedRate(DecayPooling):
    def build(self, events_shape, age_shape):
        super().build((*events_shape[:-1], 1), age_shape)


class _WeightsInCall(DecayPooling):
    def build(self, events_shape, age_shape):
        self.gate = keras.layers.Dense(2, name="gate", use_bias=False)
        super().build(events_shape, age_shape)

    def pool(self, events, age, events_mask):
        return self.gate(super().pool(events, age, events_mask))


class _WrongSymbolicShape(DecayPooling):
    def compute_output_shape(self, events_shape, age_shape):
        return (events_shape[0], events_shape[-1] + 1)


class _StopsGradient(DecayPooling):
    def pool(self, events, age, events_mask):
        return ops.stop_gradient(super().pool(events, age, events_mask))


class _LooksAcrossRows(DecayPooling):
    def pool(self, events, age, events_mask):
        pooled = super().pool(events, age, events_mask)
        return pooled - ops.mean(pooled, axis=0, keepdims=True)


class _WeakMask(DecayPooling):
    def pool(self, events, age, events_mask):
        if events_mask is not None:
            events = ops.where(events_mask[..., None], events, 0.0)
        return super().pool(events, age, None)  # padding still takes its share


class _NaNWithoutEvents(DecayPooling):
    def pool(self, events, age, events_mask):
        pooled = super().pool(events, age, events_mask)
        if events_mask is None:
            return pooled
        real = ops.cast(ops.any(events_mask, axis=1, keepdims=True), "float32")
        return pooled * real / real


class _LosesStateInFiles(DecayPooling):
    def build(self, events_shape, age_shape):
        super().build(events_shape, age_shape)
        self.offset = keras.random.normal((events_shape[-1],))

    def pool(self, events, age, events_mask):
        return super().pool(events, age, events_mask) + self.offset


class _LeaksFloat32(DecayPooling):
    def call(self, events, age, events_mask=None):
        return self.pool(events, ops.cast(age, "float32"), events_mask)


class _AutocastsTime(DecayPooling):
    def call(self, events, age, events_mask=None):
        age = ops.cast(age, self.compute_dtype)
        # Only what is left of whole days counts, which half precision has lost.
        return super().call(events, ops.mod(age, 7.0) * 10_000, events_mask)


@pytest.mark.parametrize(
    ("fault", "law"),
    [
        (_LosesAKey, r"the config has every argument.*lacks \['scale'\]"),
        (_MisWiresAKey, "the config equals what was passed.*`scale` is 36000"),
        (_BuildEditsConfig, "building and calling leave the config alone"),
        (_OneSharedRate, r"outputs and weights have the stated shapes.*\(1,\)"),
        (_StopsGradient, "a gradient reaches every trainable weight"),
        (_LooksAcrossRows, "a row does not depend on the other rows"),
        (_WeakMask, "padding under `events_mask` equals truncation"),
        (_NaNWithoutEvents, "a row without any event under `events_mask` is finite"),
        (_LosesStateInFiles, "a `.keras` file gives equal outputs"),
        (_LeaksFloat32, "outputs are of that dtype.*float32, not bfloat16"),
        (_AutocastsTime, "outputs are near the exact ones"),
        (_WrongSymbolicShape, "the symbolic output has the shape of the real one"),
    ],
)
def test_fault_is_caught(fault, law):
    assert_caught(law, lambda: check(fault), fault)


def test_weights_made_by_the_first_call_are_caught():
    shapes = {"log_half_life": (2,), "gate/kernel": (2, 2)}
    assert_caught(
        "`build` makes every weight, from shapes alone",
        lambda: check(_WeightsInCall, weight_shapes=shapes),
        _WeightsInCall,
    )


def test_wrong_output_shape_is_caught():
    assert_caught(
        r"\(4, 2\) instead of \(4, 3\)",
        lambda: check(DecayPooling, output_shape=(4, 3)),
    )


def test_class_that_is_not_registered_is_caught():
    assert_caught("the class is registered for saving", lambda: check(_StopsGradient))


def test_laws_may_be_waived_by_name():
    with keras.saving.custom_object_scope({"_LooksAcrossRows": _LooksAcrossRows}):
        check(_LooksAcrossRows, rows_are_independent=False)
    with keras.saving.custom_object_scope({"_AutocastsTime": _AutocastsTime}):
        check(_AutocastsTime, mixed_tolerance=None)
