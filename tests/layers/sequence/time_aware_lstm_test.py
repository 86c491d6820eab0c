"""Tests of `tfctr.layers.TimeAwareLSTM`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfctr import kernels
from tfctr.errors import InputError
from tfctr.layers import TimeAwareLSTM

RNG = np.random.default_rng(0)
BATCH, TIME, DIM, FEATURES, UNITS = 3, 5, 4, 8, 6
EVENTS = RNG.normal(size=(BATCH, TIME, DIM)).astype("float32")
INTERVALS = RNG.random((BATCH, TIME, FEATURES)).astype("float32")
RECENCY = RNG.random((BATCH, TIME, FEATURES)).astype("float32")


def randomised(**kwargs):
    """A layer none of whose weights is zero."""
    layer = TimeAwareLSTM(UNITS, **kwargs)
    layer(EVENTS, INTERVALS, RECENCY)
    for weight in layer.weights:
        weight.assign(RNG.normal(scale=0.5, size=weight.shape))
    return layer


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def step_by_step(layer, events, intervals, recency):
    """Equations (9) to (15) of the paper for one history, each gate on its own."""
    w = {weight.name: np.asarray(weight, "float64") for weight in layer.weights}
    on_i, on_f, on_o, on_c = np.split(w["kernel"], 4, axis=1)
    u_i, u_f, u_o, u_c = np.split(w["recurrent_kernel"], 4, axis=1)
    b_i, b_f, b_o, b_c = np.split(w["bias"], 4)
    on_recency, on_interval = np.split(w["time_kernel"], 2, axis=1)
    b_recency, b_interval = np.split(w["time_bias"], 2)
    h = c = np.zeros(layer.units)
    states = []
    for x, interval, age in zip(events, intervals, recency, strict=True):
        delta = np.tanh(interval @ w["interval_kernel"] + w["interval_bias"])
        s = np.tanh(age @ w["recency_kernel"] + w["recency_bias"])
        pace = sigmoid(x @ on_interval + delta @ w["interval_gate"] + b_interval)
        recent = sigmoid(x @ on_recency + s @ w["recency_gate"] + b_recency)
        i = sigmoid(x @ on_i + h @ u_i + b_i)
        f = sigmoid(x @ on_f + h @ u_f + b_f + layer.forget_bias)
        c = f * pace * c + i * recent * np.tanh(x @ on_c + h @ u_c + b_c)
        shift = delta @ w["interval_output"] + s @ w["recency_output"]
        h = sigmoid(x @ on_o + h @ u_o + shift + b_o) * np.tanh(c)
        states.append(h)
    return np.stack(states)


@pytest.mark.parametrize("forget_bias", [0.0, 1.5])
def test_equals_the_equations_step_by_step(forget_bias):
    layer = randomised(forget_bias=forget_bias)
    found = layer(EVENTS, INTERVALS, RECENCY)
    for row in range(BATCH):
        expected = step_by_step(layer, EVENTS[row], INTERVALS[row], RECENCY[row])
        np.testing.assert_allclose(found[row], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("forget_bias", [0.0, 1.0])
def test_is_a_keras_lstm_where_the_time_gates_are_open(forget_bias):
    layer = randomised(forget_bias=forget_bias)
    weights = {weight.name: weight for weight in layer.weights}
    for kind in ("recency", "interval"):
        weights[f"{kind}_output"].assign(np.zeros((UNITS, UNITS)))
    weights["time_bias"].assign(np.full(2 * UNITS, 60.0))
    known = keras.layers.LSTM(UNITS, return_sequences=True)
    known(EVENTS)

    def reordered(values):  # Keras has the output gate last
        i, f, o, c = np.split(np.asarray(values), 4, axis=-1)
        return np.concatenate([i, f, c, o], axis=-1)

    bias = np.asarray(weights["bias"]).copy()
    bias[UNITS : 2 * UNITS] += forget_bias
    known.set_weights(
        [
            reordered(weights["kernel"]),
            reordered(weights["recurrent_kernel"]),
            reordered(bias),
        ]
    )
    found = layer(EVENTS, INTERVALS, RECENCY)
    np.testing.assert_allclose(found, known(EVENTS), rtol=1e-4, atol=1e-5)


def test_number_of_parameters_is_that_of_the_paper():
    layer, width = TimeAwareLSTM(36), (None, None, 36)
    layer.build(width, (None, None, 8), (None, None, 8))
    d, k = 36, 8
    plain, time = 4 * (2 * d * d + d), 2 * (k * d + d)
    assert layer.count_params() == plain + time + 2 * (2 * d * d + d) + 2 * d * d
    assert layer.count_params() == 19_008
    seven = TimeAwareLSTM(36)
    seven.build(width, (None, None, 7), (None, None, 7))
    assert seven.count_params() == 18_936


@pytest.mark.parametrize("is_xla", [False, True])
@pytest.mark.parametrize("places", [[0, 1, 2], [2, 3, 4], [0, 2, 4]])
def test_padding_anywhere_equals_truncation(places, is_xla):
    layer, mask = randomised(), np.zeros((BATCH, TIME), bool)
    mask[:, places] = True
    padded = [np.where(mask[..., None], v, 1e4) for v in (EVENTS, INTERVALS, RECENCY)]
    with kernels.xla(is_xla):
        found = np.asarray(layer(*padded, events_mask=mask))
    kept = [value[:, places] for value in (EVENTS, INTERVALS, RECENCY)]
    np.testing.assert_allclose(found[:, places], layer(*kept), rtol=1e-5, atol=1e-6)
    assert not found[~mask].any()


def test_row_without_events_has_states_of_zero():
    mask = np.array([[True] * TIME, [False] * TIME, [True] * TIME])
    found = randomised()(EVENTS, INTERVALS, RECENCY, events_mask=mask)
    np.testing.assert_array_equal(found[1], np.zeros((TIME, UNITS)))


def test_history_without_places_has_no_states():
    found = randomised()(EVENTS[:, :0], INTERVALS[:, :0], RECENCY[:, :0])
    assert found.shape == (BATCH, 0, UNITS)


@pytest.mark.parametrize("kind", ["interval", "recency"])
def test_time_of_an_event_matters(kind):
    layer = randomised()
    times = {"interval": INTERVALS, "recency": RECENCY}
    expected = layer(EVENTS, times["interval"], times["recency"])
    times[kind] = times[kind] + 0.5 * (np.arange(TIME) == 2)[:, None].astype("float32")
    change = np.abs(layer(EVENTS, times["interval"], times["recency"]) - expected)
    assert change[:, :2].max() == 0
    assert change[:, 2:].min() > 0


def test_padding_has_no_gradient():
    layer, events = randomised(), tf.constant(EVENTS)
    mask = np.arange(TIME)[None] < np.array([[3], [0], [5]])
    with tf.GradientTape() as tape:
        tape.watch(events)
        states = layer(events, INTERVALS, RECENCY, events_mask=mask)
        total = tf.reduce_sum(states**2)
    gradient = np.abs(tape.gradient(total, events))
    assert not gradient[~mask].any()
    assert gradient[mask].min() > 0


def test_width_has_to_be_positive():
    with pytest.raises(InputError, match="`units`: received 0, expected a positive"):
        TimeAwareLSTM(0)
