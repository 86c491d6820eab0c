"""Tests of the compiled recurrent kernels: the plain loops agree."""

import numpy as np
import pytest
import tensorflow as tf

from tests.native.operations_test import both_ways, normal
from tfctr import kernels, layers, native

pytestmark = pytest.mark.skipif(
    not native.is_loaded(), reason="the kernels are not compiled: `tfctr kernels`"
)
# More than one block of histories, a width that is no multiple of lanes; gaps, full
# and empty histories.
BATCH, TIME, DIM, UNITS = 37, 6, 5, 19
MASK = np.random.default_rng(0).random((BATCH, TIME)) < 0.6
MASK[3], MASK[4] = False, True
EVENTS = normal(BATCH, TIME, DIM)
INTERVALS, AGES = np.abs(normal(2, BATCH, TIME, seed=1))
FEATURES = np.abs(normal(2, BATCH, TIME, 8, seed=2))
WEIGHTS = 1 / (1 + np.exp(-normal(BATCH, TIME, 1, seed=3)))
CASES = [
    pytest.param(layers.EventLSTM, (EVENTS,), id="EventLSTM"),
    pytest.param(layers.EventGRU, (EVENTS,), id="EventGRU"),
    pytest.param(layers.AttentionalGRU, (EVENTS, WEIGHTS), id="AttentionalGRU"),
    pytest.param(layers.TimeGatedLSTM, (EVENTS, INTERVALS), id="TimeGatedLSTM"),
    pytest.param(
        layers.TimeControlledLSTM, (EVENTS, INTERVALS, AGES), id="TimeControlledLSTM"
    ),
    pytest.param(layers.TimeAwareLSTM, (EVENTS, *FEATURES), id="TimeAwareLSTM"),
]


@pytest.mark.parametrize(("cls", "given"), CASES)
@pytest.mark.parametrize("keeps", [True, False])
def test_states_and_gradients_are_those_of_the_plain_loop(cls, given, keeps):
    has_both = cls not in (layers.AttentionalGRU, layers.TimeAwareLSTM)
    if not has_both and not keeps:
        pytest.skip("always returns the same")
    layer = cls(UNITS, **({"return_sequences": keeps} if has_both else {}))
    given = [tf.constant(value, tf.float32) for value in given]
    layer(*given)
    for place, weight in enumerate(layer.weights):
        weight.assign(0.4 * normal(*weight.shape, seed=place))
    upstream = normal(*layer(*given).shape, seed=9)

    def work():
        with tf.GradientTape() as tape:
            tape.watch(given)
            states = layer(*given, events_mask=MASK)
            total = tf.reduce_sum(states * upstream)
        weights = [weight.value for weight in layer.trainable_weights]
        return [states, *tape.gradient(total, [*given, *weights])]

    for found, expected in both_ways(work):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-5)


def test_result_does_not_depend_on_the_order_of_histories():
    projected, kernel = normal(100, 4, 12), normal(3, 12, seed=1)
    mask = np.random.default_rng(1).random((100, 4)) < 0.5
    order = np.random.default_rng(2).permutation(100)
    states = native.lstm(projected, mask, kernel)
    moved = native.lstm(projected[order], mask[order], kernel)
    np.testing.assert_array_equal(moved, states.numpy()[order])


def test_gates_that_saturate_are_finite():
    projected = tf.constant(np.tile([1e4, -1e4], (1, 3, 4)), tf.float32)
    projected = tf.concat([projected, -projected], axis=0)
    with tf.GradientTape() as tape:
        tape.watch(projected)
        states = native.lstm(projected, np.ones((2, 3), bool), normal(2, 8))
    assert np.isfinite(states).all()
    assert np.isfinite(tape.gradient(states, projected)).all()


@pytest.mark.parametrize("time", [0, 1])
def test_histories_without_places_or_events(time):
    layer, events = layers.EventGRU(3, return_sequences=False), normal(2, time, 4)
    with kernels.xla(False), kernels.compiled(True):
        found = layer(events, events_mask=np.zeros((2, time), bool))
    np.testing.assert_array_equal(found, np.zeros((2, 3)))


def test_inputs_that_do_not_fit_are_refused():
    with pytest.raises(tf.errors.InvalidArgumentError, match="do not fit"):
        native.lstm(normal(2, 3, 8), np.ones((2, 3), bool), normal(3, 8))
