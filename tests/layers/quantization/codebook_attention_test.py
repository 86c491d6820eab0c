"""Tests of `tfctr.layers.CodebookAttention`: T1 to T3 of TARQ."""

import numpy as np
import pytest

from tfctr.errors import InputError
from tfctr.layers import CodebookAttention, EventAttention, ResidualQuantizer
from tfctr.layers.quantization.codewords import codeword_sum

RNG = np.random.default_rng(0)
EVENTS = RNG.normal(size=(2, 7, 8)).astype("float32")
MASK = np.arange(7)[None] < np.array([[7], [4]])
LATENTS = RNG.normal(size=(9, 6)).astype("float32")  # of nine items


def quantized(levels, codes):
    quantizer = ResidualQuantizer(num_levels=levels, num_codes=codes)
    quantizer.start(LATENTS)
    return quantizer, quantizer(LATENTS)


def student_and_teacher(kernel):
    """Both attentions with equal weights."""
    student, teacher = (
        make(8, num_heads=2, kernel=kernel)
        for make in (CodebookAttention, EventAttention)
    )
    teacher(LATENTS[None].repeat(2, axis=0), EVENTS)
    student(LATENTS[None], EVENTS)
    student.set_weights(teacher.get_weights())
    return student, teacher


def looked_up(student, quantizer, codes):
    tables = student(np.asarray(quantizer.codebooks), EVENTS, events_mask=MASK)
    return np.asarray(codeword_sum(tables, np.asarray(codes)[None].repeat(2, axis=0)))


def attended(teacher, rows):
    rows = np.asarray(rows)[None].repeat(2, axis=0)
    return np.asarray(teacher(rows, EVENTS, events_mask=MASK))


def test_one_level_with_a_code_an_item_is_exact_target_attention():
    """T1; with a code less, it is not."""
    student, teacher = student_and_teacher("softmax")
    expected = attended(teacher, LATENTS)
    exact, codes = quantized(1, 9)
    found = looked_up(student, exact, codes["codes"])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(found.sum(-1).argsort(), expected.sum(-1).argsort())
    coarse, codes = quantized(1, 8)
    assert np.abs(looked_up(student, coarse, codes["codes"]) - expected).max() > 1e-2


@pytest.mark.parametrize(("kernel", "is_exact"), [("linear", 1), ("softmax", 0)])
def test_levels_add_up_for_a_linear_kernel_only(kernel, is_exact):
    """T2, and its control T3."""
    student, teacher = student_and_teacher(kernel)
    quantizer, found = quantized(3, 4)
    sums = looked_up(student, quantizer, found["codes"])
    expected = attended(teacher, found["quantized"])
    assert np.allclose(sums, expected, atol=1e-4) == is_exact
    if not is_exact:
        assert np.abs(sums - expected).max() > 0.1


def test_codebooks_may_differ_by_row():
    attention = CodebookAttention(8, num_heads=2)
    books = RNG.normal(size=(2, 3, 4, 6)).astype("float32")
    both = attention(books, EVENTS, events_mask=MASK)
    for row in range(2):
        alone = attention(books[row], EVENTS, events_mask=MASK)
        np.testing.assert_allclose(both[row], alone[row], rtol=1e-5, atol=1e-6)


def test_other_ranks_are_refused():
    with pytest.raises(InputError, match=r"`codebooks`: received shape \(4, 6\)"):
        CodebookAttention(8)(np.ones((4, 6), "float32"), EVENTS)
