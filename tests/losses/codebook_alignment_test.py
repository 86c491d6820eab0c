"""Tests of the losses of TARQ: T8 to T11."""

import numpy as np
import pytest
import tensorflow as tf

from tfctr.losses import codebook_alignment_loss, interest_distillation_loss

RNG = np.random.default_rng(0)
LATENTS = RNG.normal(size=(3, 4, 5)).astype("float32")
TEACHER = RNG.normal(size=(3, 4, 6)).astype("float32")
BOOKS = RNG.normal(size=(2, 8, 5)).astype("float32")
TABLES = RNG.normal(size=(3, 2, 8, 6)).astype("float32")


def softmax(scores):
    raised = np.exp(scores - scores.max())
    return raised / raised.sum()


def divergence(p, q, eps=1e-8):
    return sum(a * np.log(a / (b + eps) + eps) for a, b in zip(p, q, strict=True))


def by_hand(latents, teacher, books, tables, temperature=1.0):
    """The loss as the authors' loop has it, one item at a time."""
    total = np.zeros(latents.shape[:2])
    for request, item in np.ndindex(total.shape):
        v = latents[request, item].astype("float64")
        w = teacher[request, item].astype("float64")
        for level in range(len(books)):
            own = ((v - books[level]) ** 2).sum(1)
            asked = ((w - tables[request, level]) ** 2).sum(1)
            p, q = softmax(-own / temperature), softmax(-asked / temperature)
            total[request, item] += divergence(p, q) + divergence(q, p)
            code = own.argmin()
            v, w = v - books[level, code], w - tables[request, level, code]
    return total


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_it_is_the_loop_of_the_authors(temperature):
    found = codebook_alignment_loss(
        LATENTS, TEACHER, BOOKS, TABLES, temperature=temperature
    )
    expected = by_hand(LATENTS, TEACHER, BOOKS, TABLES, temperature)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_aligned_spaces_have_no_loss():
    """T8: also if one is a rotation of the other; not if one is stretched."""
    tables = BOOKS[None].repeat(3, axis=0)
    same = codebook_alignment_loss(LATENTS, LATENTS, BOOKS, tables)
    turn = np.linalg.qr(RNG.normal(size=(5, 5)))[0].astype("float32")
    turned = codebook_alignment_loss(LATENTS, LATENTS @ turn, BOOKS, tables @ turn)
    assert np.abs(same).max() < 1e-5
    assert np.abs(turned).max() < 1e-5
    stretched = codebook_alignment_loss(LATENTS, 2 * LATENTS, BOOKS, 2 * tables)
    assert np.min(stretched) > 1e-2


def test_random_teacher_has_a_loss_that_is_symmetric_in_both_spaces():
    """T9; of one level, as the codes of further ones are those of the item's space."""
    loss = codebook_alignment_loss(LATENTS, TEACHER, BOOKS, TABLES)
    assert np.min(loss) > 0.1
    books, tables = BOOKS[:1], TABLES[:1, :1]
    ahead = codebook_alignment_loss(LATENTS[:1], TEACHER[:1], books, tables)
    back = codebook_alignment_loss(TEACHER[:1], LATENTS[:1], tables[0], books[None])
    np.testing.assert_allclose(ahead, back, rtol=1e-5)


def test_gradient_reaches_all_but_the_teacher():
    """T10, of the loss itself."""
    inputs = [tf.constant(x) for x in (LATENTS, TEACHER, BOOKS, TABLES)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss = codebook_alignment_loss(*inputs)
    gradients = tape.gradient(loss, inputs)
    assert gradients[1] is None
    assert all(np.abs(gradients[place]).max() > 1e-3 for place in (0, 2, 3))


def test_what_is_subtracted_has_a_gradient():
    """Codewords of the first level also move the residual of the second."""
    books = tf.constant(BOOKS)
    gradients = []
    for levels in (1, 2):
        with tf.GradientTape() as tape:
            tape.watch(books)
            loss = codebook_alignment_loss(
                LATENTS, TEACHER, books[:levels], TABLES[:, :levels]
            )
        gradients.append(tape.gradient(loss, books).numpy()[0])
    assert np.abs(gradients[1] - gradients[0]).max() > 1e-3


def test_far_rows_stay_finite():
    loss = codebook_alignment_loss(100 * LATENTS, TEACHER, 100 * BOOKS, TABLES)
    assert np.isfinite(loss).all()


def test_distillation_is_half_a_sum_of_squares():
    """T11: a difference of ones, four wide, two rows."""
    teacher = np.ones((2, 4), "float32")
    loss = interest_distillation_loss(2 * teacher, teacher)
    np.testing.assert_array_equal(loss, [2.0, 2.0])
    assert np.mean(loss) == 0.5 * 8 / 2


def test_distillation_moves_the_student_only():
    student, teacher = tf.constant([[3.0, 1.0]]), tf.constant([[1.0, 1.0]])
    with tf.GradientTape() as tape:
        tape.watch([student, teacher])
        loss = interest_distillation_loss(student, teacher)
    to_student, to_teacher = tape.gradient(loss, [student, teacher])
    assert to_teacher is None
    np.testing.assert_array_equal(to_student, [[2.0, 0.0]])
