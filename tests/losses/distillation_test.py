"""Tests of the losses that a teacher gives."""

import numpy as np
import pytest
import scipy.special
import scipy.stats

from tfctr.losses import (
    listwise_distillation,
    logit_distillation,
    pairwise_distillation,
    pointwise_distillation,
)

RNG = np.random.default_rng(3)
TEACHER = RNG.normal(scale=2, size=(4, 5)).astype("float32")
STUDENT = RNG.normal(scale=2, size=(4, 5)).astype("float32")
MASK = np.arange(5) < np.array([[5], [3], [1], [0]])
EVERY = (
    pointwise_distillation,
    logit_distillation,
    pairwise_distillation,
    listwise_distillation,
)


def soft_cross_entropy(teacher, student):
    p, q = scipy.special.expit(teacher), scipy.special.expit(student)
    return -p * np.log(q) - (1 - p) * np.log(1 - q)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_pointwise_is_the_cross_entropy_of_soft_labels(temperature):
    value = pointwise_distillation(TEACHER, STUDENT, MASK, temperature)
    t, s = TEACHER[MASK] / temperature, STUDENT[MASK] / temperature
    expected = temperature**2 * soft_cross_entropy(t, s).mean()
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_logit_is_the_mean_square():
    value = logit_distillation(TEACHER, STUDENT, MASK)
    expected = ((TEACHER - STUDENT)[MASK] ** 2).mean()
    np.testing.assert_allclose(value, expected, rtol=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_pairwise_is_over_each_two_real_candidates_once(temperature):
    losses = []
    for t, s, real in zip(TEACHER, STUDENT, MASK, strict=True):
        for i in np.flatnonzero(real):
            for j in np.flatnonzero(real):
                if i < j:
                    pair = ((t[i] - t[j]) / temperature, (s[i] - s[j]) / temperature)
                    losses.append(soft_cross_entropy(*pair))
    assert len(losses) == 10 + 3
    value = pairwise_distillation(TEACHER, STUDENT, MASK, temperature)
    np.testing.assert_allclose(value, temperature**2 * np.mean(losses), rtol=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_listwise_is_the_divergence_of_softmaxes(temperature):
    found = [
        scipy.stats.entropy(
            scipy.special.softmax(t[real] / temperature),
            scipy.special.softmax(s[real] / temperature),
        )
        for t, s, real in zip(TEACHER, STUDENT, MASK, strict=True)
        if real.any()
    ]
    assert found[2] == 0  # one candidate alone
    value = listwise_distillation(TEACHER, STUDENT, MASK, temperature)
    np.testing.assert_allclose(value, temperature**2 * np.mean(found), rtol=1e-5)


@pytest.mark.parametrize("loss", EVERY)
def test_padding_may_hold_anything(loss):
    other = np.where(MASK, STUDENT, 1e4).astype("float32")
    np.testing.assert_allclose(
        loss(TEACHER, other, MASK), loss(TEACHER, STUDENT, MASK), rtol=1e-6
    )
    assert float(loss(TEACHER, STUDENT, np.zeros_like(MASK))) == 0.0


@pytest.mark.parametrize("loss", [pairwise_distillation, listwise_distillation])
def test_losses_of_order_do_not_see_a_constant(loss):
    moved = STUDENT + np.array([[1], [-2], [3], [0]], "float32")
    np.testing.assert_allclose(
        loss(TEACHER, moved, MASK), loss(TEACHER, STUDENT, MASK), rtol=1e-4
    )
    assert float(pointwise_distillation(TEACHER, moved, MASK)) != pytest.approx(
        float(pointwise_distillation(TEACHER, STUDENT, MASK)), rel=1e-2
    )
