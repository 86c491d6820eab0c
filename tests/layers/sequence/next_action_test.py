"""Tests of `tfctr.layers.NextActionLoss`: C8 of the methods file of DHEN."""

import numpy as np
import pytest
import tensorflow as tf

from tfctr.errors import InputError
from tfctr.layers import NextActionLoss

RNG = np.random.default_rng(0)
STATES = RNG.normal(size=(3, 5, 4)).astype("float32")
EVENTS = RNG.normal(size=(3, 5, 6)).astype("float32")
IDS = RNG.integers(1, 7, (3, 5))
LENGTH = np.array([5, 3, 1])


def by_hand(layer, ids=IDS, length=LENGTH):
    """Means over each history, against all real events of other ids."""
    real = [(u, t) for u in range(3) for t in range(length[u])]
    losses = np.zeros(3)
    for user in range(3):
        found = []
        for ahead, kernel in enumerate(map(np.asarray, layer.kernels), 1):
            for step in range(length[user] - ahead):
                known = STATES[user, step] @ kernel
                own = known @ EVENTS[user, step + ahead]
                others = [
                    known @ EVENTS[place]
                    for place in real
                    if ids[place] != ids[user, step + ahead]
                ]
                found.append(np.log(np.exp([own, *others]).sum()) - own)
        losses[user] = np.mean(found) if found else 0
    return losses


@pytest.mark.parametrize("horizon", [1, 3])
def test_loss_is_the_formula(horizon):
    layer = NextActionLoss(horizon=horizon, num_negatives=None)
    found = layer(STATES, EVENTS, IDS, LENGTH)
    np.testing.assert_allclose(found, by_hand(layer), rtol=1e-5)
    assert found[2] == 0  # one event, so none that follows


def test_drawn_events_are_real_ones_of_the_batch():
    """Padding holds what would dominate the sum."""
    events = EVENTS.copy()
    events[1, 3:] = events[2, 1:] = 1e6
    layer = NextActionLoss(num_negatives=50)
    for training in (False, True):
        found = layer(STATES, events, IDS, LENGTH, training=training)
        assert np.abs(found).max() < 100
    draws = [layer(STATES, EVENTS, IDS, LENGTH, training=True) for _ in range(2)]
    assert not np.array_equal(*draws)


def test_many_draws_weigh_each_real_event_alike():
    """With `n` of 9 events each often drawn, the sum of 9 is scaled by `n / 9`."""
    layer, ids = NextActionLoss(num_negatives=90_000), np.arange(1, 16).reshape(3, 5)
    found = np.asarray(layer(STATES, EVENTS, ids, LENGTH, training=True))
    kernel = np.asarray(layer.kernels[0])
    real = [(u, t) for u in range(3) for t in range(LENGTH[u])]
    losses = []
    for step in range(2):
        known = STATES[1, step] @ kernel
        own = known @ EVENTS[1, step + 1]
        others = [known @ EVENTS[p] for p in real if p != (1, step + 1)]
        total = np.exp(own) + 10_000 * np.exp(others).sum()
        losses.append(np.log(total) - own)
    np.testing.assert_allclose(found[1], np.mean(losses), rtol=0.01)


def test_states_that_know_have_no_loss_and_ignorant_ones_the_logarithm():
    """C8."""
    ids = np.arange(1, 16).reshape(3, 5)
    events = 9 * np.eye(15, dtype="float32").reshape(3, 5, 15)
    layer = NextActionLoss(num_negatives=None)
    length = np.array([5, 5, 5])
    layer(events, events, ids, length)
    layer.kernels[0].assign(np.eye(15))
    knowing = np.roll(events, -1, axis=1)
    assert np.max(layer(knowing, events, ids, length)) < 1e-6
    found = layer(0 * knowing, events, ids, length)
    np.testing.assert_allclose(found, np.log(15), rtol=1e-6)


def test_gradient_reaches_events_and_states_but_no_padding():
    """C8."""
    states, events = tf.constant(STATES), tf.constant(EVENTS)
    layer = NextActionLoss(num_negatives=None)
    with tf.GradientTape() as tape:
        tape.watch([states, events])
        loss = tf.reduce_sum(layer(states, events, IDS, LENGTH))
    of_states, of_events = (
        np.abs(g).sum(-1) for g in tape.gradient(loss, [states, events])
    )
    real = np.arange(5) < LENGTH[:, None]
    assert (of_events[real] > 0).all()
    assert (of_events[~real] == 0).all()
    has_next = np.arange(5) < LENGTH[:, None] - 1
    assert (of_states[has_next] > 0).all()
    assert (of_states[~has_next] == 0).all()


@pytest.mark.parametrize("num_negatives", [None, 4])
def test_batches_without_events_have_no_loss(num_negatives):
    layer = NextActionLoss(num_negatives=num_negatives)
    layer(STATES, EVENTS, IDS, LENGTH)
    for size in (0, 1, 5):
        parts = STATES[:, :size], EVENTS[:, :size], 0 * IDS[:, :size]
        np.testing.assert_array_equal(layer(*parts, 0 * LENGTH), np.zeros(3))


@pytest.mark.parametrize("name", ["horizon", "num_negatives"])
def test_numbers_out_of_range_are_refused(name):
    with pytest.raises(InputError, match=f"`{name}`: received 0"):
        NextActionLoss(**{name: 0})
