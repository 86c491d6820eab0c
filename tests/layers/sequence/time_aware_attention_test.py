"""Tests of `tfctr.layers.TimeAwareAttention`."""

import numpy as np
import pytest

from tfctr.errors import InputError
from tfctr.layers import TimeAwareAttention

RNG = np.random.default_rng(0)
BATCH, COUNT, TIME, DIM, FEATURES = 3, 4, 5, 2, 8
CANDIDATES = RNG.normal(size=(BATCH, COUNT, DIM)).astype("float32")
EVENTS = RNG.normal(size=(BATCH, TIME, DIM)).astype("float32")
MOMENTS = RNG.random((BATCH, TIME, FEATURES)).astype("float32")
REQUEST = RNG.random((BATCH, FEATURES)).astype("float32")
MASK = np.arange(TIME)[None] < np.array([[5], [2], [0]])
GIVEN = (CANDIDATES, EVENTS, REQUEST, MOMENTS)


def made(**kwargs):
    layer = TimeAwareAttention(**kwargs)
    layer(*GIVEN)
    for weight in layer.weights:
        weight.assign(RNG.normal(size=weight.shape))
    return layer


def test_bilinear_interest_by_hand():
    layer = made(score="bilinear")
    on_content, on_time = (
        np.asarray(layer.attentions[name].kernel) for name in ("content", "time")
    )
    assert (on_content.shape, on_time.shape) == ((2, 2), (8, 8))
    found = np.asarray(layer(*GIVEN, events_mask=MASK))
    for b, n in np.ndindex(BATCH, COUNT):
        events, moments = EVENTS[b, MASK[b]], MOMENTS[b, MASK[b]]
        by_content = np.exp(events @ on_content.T @ CANDIDATES[b, n])
        by_time = np.exp(moments @ on_time.T @ REQUEST[b])
        expected = np.zeros(2 * DIM)
        if len(events):
            halves = [w / w.sum() @ events for w in (by_content, by_time)]
            expected = np.concatenate(halves)
        np.testing.assert_allclose(found[b, n], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("score", ["bilinear", "mlp"])
def test_weights_of_both_sum_to_two(score):
    # Equal events pool to themselves, whatever their scores.
    events = np.repeat(EVENTS[:, :1], TIME, axis=1)
    halves = np.split(
        np.asarray(made(score=score)(CANDIDATES, events, *GIVEN[2:])), 2, -1
    )
    expected = np.repeat(EVENTS[:, :1], COUNT, axis=1)
    np.testing.assert_allclose(halves[0] + halves[1], 2 * expected, rtol=1e-5)


@pytest.mark.parametrize("part", ["content", "time"])
def test_one_part_is_its_half_of_both(part):
    both, one = made(), TimeAwareAttention(parts=[part])
    one(*GIVEN)
    one.attentions[part].set_weights(both.attentions[part].get_weights())
    halves = np.split(np.asarray(both(*GIVEN, events_mask=MASK)), 2, axis=-1)
    expected = halves[["content", "time"].index(part)]
    np.testing.assert_allclose(one(*GIVEN, events_mask=MASK), expected, rtol=1e-5)


def test_time_does_not_look_at_candidates():
    layer = made(parts=["time"])
    other = layer(CANDIDATES + 1, *GIVEN[1:])
    np.testing.assert_array_equal(other, layer(*GIVEN))


def test_unknown_parts_are_refused():
    with pytest.raises(InputError, match=r"`parts`: received \['clock'\]"):
        TimeAwareAttention(parts=["clock"])
