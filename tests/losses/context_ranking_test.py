"""Tests of the ranking loss within contexts."""

import numpy as np
import tensorflow as tf

from tfctr.losses import context_ranking_loss

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 2, 30).astype("float32")
LOGITS = RNG.normal(scale=2, size=(30, 2)).astype("float32")
# Not in order, and too large for float32.
CONTEXTS = RNG.integers(0, 5, 30) + 2**60
WEIGHTS = RNG.integers(0, 3, 30).astype("float32")


def by_definition(labels, logits, contexts, weights):
    """One example after the other, in float64."""
    logits = np.asarray(logits, "float64")
    costs = np.zeros(len(labels))
    for row in np.flatnonzero(weights > 0):
        same = (contexts == contexts[row]) & (weights > 0)
        own = logits[:, int(labels[row])]
        costs[row] = np.log(np.exp(own[same]).sum()) - own[row]
    return costs


def test_each_example_is_compared_with_those_of_its_context():
    found = context_ranking_loss(LABELS, LOGITS, CONTEXTS)
    expected = by_definition(LABELS, LOGITS, CONTEXTS, np.ones(30))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_what_has_no_weight_is_in_no_context():
    found = context_ranking_loss(LABELS, LOGITS, CONTEXTS, WEIGHTS)
    expected = by_definition(LABELS, LOGITS, CONTEXTS, WEIGHTS)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    with tf.GradientTape() as tape:
        logits = tf.Variable(LOGITS)
        loss = tf.reduce_sum(context_ranking_loss(LABELS, logits, CONTEXTS, WEIGHTS))
    gradient = np.asarray(tape.gradient(loss, logits))
    assert not gradient[WEIGHTS == 0].any()
    assert gradient[WEIGHTS > 0].any()


def test_who_is_alone_costs_nothing():
    found = context_ranking_loss(LABELS, LOGITS, np.arange(30))
    np.testing.assert_allclose(found, np.zeros(30), atol=1e-6)
    one = context_ranking_loss(LABELS[:1], LOGITS[:1], CONTEXTS[:1])
    np.testing.assert_allclose(one, [0.0], atol=1e-6)


def test_gradient_is_that_of_the_softmax():
    """`softmax - 1` for the own class, summed over who is of that class."""
    with tf.GradientTape() as tape:
        logits = tf.Variable(LOGITS[:6])
        loss = tf.reduce_sum(context_ranking_loss(LABELS[:6], logits, np.zeros(6, int)))
    softmax = np.exp(LOGITS[:6]) / np.exp(LOGITS[:6]).sum(0)
    own = np.stack([1 - LABELS[:6], LABELS[:6]], axis=1)
    expected = softmax * own.sum(0) - own
    np.testing.assert_allclose(tape.gradient(loss, logits), expected, atol=1e-5)


def test_far_logits_stay_finite_in_a_graph():
    traced = tf.function(context_ranking_loss)
    for logit in (-100.0, 100.0):
        logits = tf.constant(np.full((30, 2), logit, "float32"))
        found = traced(tf.constant(LABELS), logits, tf.constant(CONTEXTS))
        assert np.isfinite(found).all()
