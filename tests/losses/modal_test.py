"""Tests of the losses of models of several modalities: A6 and A7."""

from itertools import combinations

import numpy as np
import pytest
import tensorflow as tf

from tfctr.losses import knowledge_decoupling_loss, synergy_loss

RNG = np.random.default_rng(0)
SPECIAL, COMMON = RNG.normal(size=(2, 5, 3, 4)).astype("float32")
SIMPLEX = np.array([[1, 0], [-0.5, 0.75**0.5], [-0.5, -(0.75**0.5)]], "float32")


def cosine(one, two):
    return one @ two / (np.linalg.norm(one) * np.linalg.norm(two))


def test_is_the_mean_over_pairs():
    expected = [
        np.mean([cosine(s[i], s[j]) - cosine(c[i], c[j]) for i, j in PAIRS])
        for s, c in zip(SPECIAL, COMMON, strict=True)
    ]
    found = knowledge_decoupling_loss(SPECIAL, COMMON)
    np.testing.assert_allclose(found, expected, atol=1e-6)


PAIRS = list(combinations(range(3), 2))


def test_bounds():
    """A6: equal vectors give 0, a simplex of special ones the least, -1.5."""
    same = np.repeat(SPECIAL[:, :1], 3, axis=1)
    np.testing.assert_allclose(knowledge_decoupling_loss(same, same), 0, atol=1e-6)
    least = knowledge_decoupling_loss(SIMPLEX, np.ones((3, 2), "float32"))
    assert float(least) == pytest.approx(-1.5, abs=1e-6)


def test_order_of_modalities_does_not_matter():
    order = [2, 0, 1]
    found = knowledge_decoupling_loss(SPECIAL[:, order], COMMON[:, order])
    expected = knowledge_decoupling_loss(SPECIAL, COMMON)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_one_modality_has_nothing_to_decouple():
    found = knowledge_decoupling_loss(SPECIAL[:, :1], COMMON[:, :1])
    np.testing.assert_array_equal(found, np.zeros(5))


def test_zeros_have_no_direction_and_no_gradient():
    zeros = tf.Variable(tf.zeros((2, 3, 4)))
    with tf.GradientTape() as tape:
        loss = knowledge_decoupling_loss(zeros, zeros)
    np.testing.assert_array_equal(loss, np.zeros(2))
    np.testing.assert_array_equal(tape.gradient(loss, zeros), np.zeros((2, 3, 4)))


@pytest.mark.parametrize(
    ("label", "sign", "expected"), [(1, 1, 0), (0, -1, 0), (1, -1, 2), (0, 1, 2)]
)
def test_synergy_is_0_where_it_agrees_with_the_label(label, sign, expected):
    """A7."""
    found = synergy_loss(np.float32([label]), SPECIAL[0, :1], sign * SPECIAL[0, :1])
    assert float(found[0]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("label", "rises"), [(1.0, True), (0.0, False)])
def test_a_step_brings_clicked_pairs_together(label, rises):
    history, target = tf.Variable(SPECIAL[0, 0]), SPECIAL[0, 1]
    before = cosine(np.asarray(history), target)
    with tf.GradientTape() as tape:
        loss = synergy_loss(tf.constant(label), history, target)
    history.assign_sub(0.1 * tape.gradient(loss, history))
    assert (cosine(np.asarray(history), target) > before) == rises


def test_released_form_drives_clicked_pairs_apart():
    one, two = SPECIAL[:, 0], SPECIAL[:, 1]
    labels = np.float32([1, 0, 1, 1, 0])
    found = synergy_loss(labels, one, two, released=True)
    pairs = zip(labels, one, two, strict=True)
    expected = [y * max(0.0, cosine(a, b)) for y, a, b in pairs]
    assert min(expected) == 0 < max(expected)
    np.testing.assert_allclose(found, expected, atol=1e-6)
