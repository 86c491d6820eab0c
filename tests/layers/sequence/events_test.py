"""Tests of `tfctr.layers.sequence.events`."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfctr import kernels
from tfctr.layers.sequence.events import PaddedEvents, RealEvents, events_of

KINDS = [RealEvents, PaddedEvents]


@st.composite
def histories(draw):
    """A mask `(rows, time)` with gaps, and values `(rows, time, 2)`."""
    rows, time = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    mask = rng.random((rows, time)) < draw(st.sampled_from([0.0, 0.3, 0.8, 1.0]))
    return mask, rng.normal(size=(rows, time, 2)).astype("float32")


@pytest.mark.parametrize("kind", KINDS)
@given(case=histories())
@settings(max_examples=25, deadline=None)
def test_sum_and_mean_are_over_real_events(kind, case):
    mask, values = case
    events = kind(tf.constant(mask))
    selected = events.select(values)
    total = (values * mask[..., None]).sum(axis=1)
    count = np.maximum(mask.sum(axis=1), 1)[:, None]
    np.testing.assert_allclose(events.sum(selected), total, atol=1e-5)
    np.testing.assert_allclose(events.mean(selected), total / count, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_spread_repeats_the_value_of_a_history(kind):
    mask = tf.constant([[True, True], [False, False], [False, True]])
    events = kind(mask)
    spread = events.spread(tf.constant([[1.0], [2.0], [4.0]]))
    ones = events.select(tf.ones((3, 2, 1)))
    # Summed over its events: the value times their number.
    assert events.sum(spread * ones).numpy().tolist() == [[2.0], [0.0], [4.0]]


def test_real_events_keep_their_order_and_number():
    mask = tf.constant([[True, False, True], [False, True, False]])
    values = tf.reshape(tf.range(6), (2, 3))
    assert RealEvents(mask).select(values).numpy().tolist() == [0, 2, 4]


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_repeating_and_adding(kind):
    # Rows with 2, 0 and 1 events.
    mask = np.array([[True, True], [False, False], [False, True]])
    events = kind(tf.constant(mask))
    own = tf.Variable([[1.0], [2.0], [4.0]])
    values = tf.Variable(np.arange(6, dtype="float32").reshape(3, 2, 1))
    upstream = tf.constant([[3.0], [5.0], [7.0]])
    with tf.GradientTape(persistent=True) as tape:
        selected = events.select(values)
        total = events.sum(events.spread(own) * tf.ones_like(selected))
        summed, mean = events.sum(selected), events.mean(selected)
    repeated = tape.gradient(total, own, output_gradients=upstream)
    assert tf.convert_to_tensor(repeated).numpy().ravel().tolist() == [6, 0, 7]
    for result, share in ((summed, [1, 1, 1]), (mean, [0.5, 1, 1])):
        gradient = tape.gradient(result, values, output_gradients=upstream)
        expected = mask * (upstream.numpy()[:, 0] * share)[:, None]
        np.testing.assert_allclose(
            tf.convert_to_tensor(gradient)[..., 0], expected, rtol=1e-6
        )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("kind", KINDS)
def test_long_histories_do_not_saturate(kind, dtype):
    # In bfloat16 itself 256 + 1 is 256.
    values = np.ones((1, 1000, 2), "float32")
    values[:, :500] = 2
    with kernels.xla(False):
        events = kind(tf.ones((1, 1000), tf.bool))
        selected = events.select(tf.cast(values, dtype))
        total, mean = events.sum(selected), events.mean(selected)
    assert total.dtype == mean.dtype == dtype
    np.testing.assert_allclose(tf.cast(total, "float32"), [[1500, 1500]], rtol=4e-3)
    np.testing.assert_allclose(tf.cast(mean, "float32"), [[1.5, 1.5]])


@pytest.mark.parametrize("kind", KINDS)
def test_leading_dimensions_are_kept(kind):
    rng = np.random.default_rng(0)
    mask, values = rng.random((2, 3, 4)) < 0.5, rng.normal(size=(2, 3, 4, 5))
    events = kind(tf.constant(mask))
    total = events.sum(events.select(tf.constant(values, tf.float32)))
    np.testing.assert_allclose(
        total, (values * mask[..., None]).sum(axis=2), rtol=1e-4, atol=1e-5
    )


def test_softmax_sums_to_one_in_each_history_with_events():
    mask = np.array([[1, 1, 0], [0, 0, 0], [1, 1, 1]], bool)
    scores = np.array([[1.0], [3.0], [200.0], [201.0], [0.0]], "float32")
    weights = RealEvents(tf.constant(mask)).softmax(tf.constant(scores)).numpy()[:, 0]

    def by_hand(x):
        return np.exp(x - x.max()) / np.exp(x - x.max()).sum()

    expected = [*by_hand(scores[:2, 0]), *by_hand(scores[2:, 0])]
    np.testing.assert_allclose(weights, expected, rtol=1e-5)


def test_xla_gets_static_shapes():
    mask = tf.constant([[True, False]])
    with kernels.xla(True):
        assert isinstance(events_of(mask), PaddedEvents)
    with kernels.xla(False):
        assert isinstance(events_of(mask), RealEvents)
