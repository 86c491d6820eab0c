"""Tests of `tfctr.layers.EventAttention`."""

import keras
import numpy as np
import pytest

from tfctr.errors import InputError, UnknownName
from tfctr.layers import EventAttention

RNG = np.random.default_rng(0)
QUERIES = RNG.normal(size=(3, 4, 6)).astype("float32")
EVENTS = RNG.normal(size=(3, 5, 8)).astype("float32")
MASK = np.array([[1, 1, 1, 0, 0], [1, 0, 1, 1, 0], [0, 0, 0, 0, 0]], bool)


def test_keras_multi_head_attention_agrees():
    """Of Keras' own layer, where it has no biases and the row has an event."""
    ours = EventAttention(8, num_heads=2, seed=3)
    found = ours(QUERIES, EVENTS, events_mask=MASK)
    theirs = keras.layers.MultiHeadAttention(2, 4, use_bias=False, output_shape=8)
    theirs(QUERIES, EVENTS)
    query, key, value, output = (np.asarray(w) for w in ours.get_weights())
    theirs.set_weights(
        [
            query.reshape(6, 2, 4),
            key.reshape(8, 2, 4),
            value.reshape(8, 2, 4),
            output.reshape(2, 4, 8),
        ]
    )
    expected = theirs(QUERIES, EVENTS, attention_mask=MASK[:, None].repeat(4, axis=1))
    np.testing.assert_allclose(found[:2], expected[:2], rtol=1e-5, atol=1e-6)


def test_history_without_events_gives_zeros():
    attention = EventAttention(8, num_heads=2)
    found = attention(QUERIES, EVENTS, events_mask=MASK)
    assert not np.asarray(found[2]).any()


def test_one_event_is_its_own_mean():
    attention = EventAttention(4, num_heads=2)
    found = attention(QUERIES, EVENTS[:, :1])
    value, output = attention.value_kernel, attention.output_kernel
    expected = EVENTS[:, :1] @ np.asarray(value) @ np.asarray(output)
    np.testing.assert_allclose(found, expected.repeat(4, axis=1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("kernel", "is_additive"), [("linear", 1), ("softmax", 0)])
def test_only_the_linear_kernel_is_additive_in_the_query(kernel, is_additive):
    attention = EventAttention(8, num_heads=2, kernel=kernel)
    both = attention(QUERIES + QUERIES[::-1], EVENTS)
    parts = attention(QUERIES, EVENTS) + attention(QUERIES[::-1], EVENTS)
    assert np.allclose(both, parts, atol=1e-4) == is_additive


def test_no_queries_give_no_rows():
    assert EventAttention(8)(QUERIES[:, :0], EVENTS).shape == (3, 0, 8)


def test_heads_must_divide_the_width():
    with pytest.raises(InputError, match="`num_heads`: received 3 heads of width 8"):
        EventAttention(8, num_heads=3)


def test_unknown_kernel_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match=r"`kernel`.*Did you mean 'linear'"):
        EventAttention(8, kernel="linar")
