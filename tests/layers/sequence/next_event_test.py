"""Tests of `tfctr.layers.sequence.next_event`."""

import numpy as np
import pytest
import tensorflow as tf

from tfctr.layers.sequence.next_event import next_event_loss

RNG = np.random.default_rng(0)
LENGTHS = [5, 3, 2, 0, 1, 4]
STATES = RNG.normal(size=(6, 5, 3)).astype("float32")
EVENTS = RNG.normal(size=(6, 5, 3)).astype("float32")
MASK = np.arange(5)[None] < np.array(LENGTHS)[:, None]
IDS = RNG.integers(1, 4, (6, 5)) * MASK


def by_hand(states, events, ids, lengths):
    """Pair by pair; row `i` is contrasted with the row half a batch further."""
    losses = []
    for row, length in enumerate(lengths):
        other = (row + max(len(lengths) // 2, 1)) % len(lengths)
        for time in range(1, length):
            if not lengths[other]:
                continue
            place = time % lengths[other]
            if ids[other, place] == ids[row, time]:
                continue
            state = states[row, time - 1].astype("float64")
            yes = 1 / (1 + np.exp(-state @ events[row, time]))
            no = 1 / (1 + np.exp(-state @ events[other, place]))
            losses.append(-np.log(yes) - np.log(1 - no))
    return np.mean(losses) if losses else 0.0


@pytest.mark.parametrize("rows", [6, 5, 2, 1])
def test_equals_the_sum_over_pairs(rows):
    cut = slice(0, rows)
    loss = next_event_loss(STATES[cut], EVENTS[cut], IDS[cut], MASK[cut])
    expected = by_hand(STATES[cut], EVENTS[cut], IDS[cut], LENGTHS[cut])
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    assert (expected > 0) == (rows > 1)


def test_padding_does_not_matter():
    padding = np.full((6, 2, 3), 1e6, "float32")
    loss = next_event_loss(
        np.concatenate([STATES, padding], axis=1),
        np.concatenate([EVENTS, padding], axis=1),
        np.pad(IDS, [(0, 0), (0, 2)], constant_values=9),
        np.pad(MASK, [(0, 0), (0, 2)]),
    )
    expected = next_event_loss(STATES, EVENTS, IDS, MASK)
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


@pytest.mark.parametrize("time", [0, 1])
def test_without_a_next_event_there_is_nothing_to_tell(time):
    loss = next_event_loss(
        STATES[:, :time], EVENTS[:, :time], IDS[:, :time], MASK[:, :time]
    )
    assert float(loss) == 0


def test_loss_is_finite_and_has_a_gradient_under_half_precision():
    states = tf.Variable(tf.cast(STATES * 300, "bfloat16"))
    with tf.GradientTape() as tape:
        loss = next_event_loss(states, tf.cast(EVENTS, "bfloat16"), IDS, MASK)
    assert loss.dtype == "float32"
    assert np.isfinite(loss)
    assert np.abs(tf.cast(tape.gradient(loss, states), "float32")).max() > 0
