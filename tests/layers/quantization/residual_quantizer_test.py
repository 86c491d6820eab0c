"""Tests of `tfctr.layers.ResidualQuantizer`: T12 and T13 of TARQ."""

import numpy as np
import pytest
import tensorflow as tf

from tfctr.errors import InputError
from tfctr.layers import ResidualQuantizer

RNG = np.random.default_rng(0)
# Sums of eighths are exact in float32.
LATENTS = RNG.integers(-40, 40, (20, 4)).astype("float32") / 8
BOOKS = RNG.integers(-20, 20, (3, 5, 4)).astype("float32") / 8


def made(**kwargs):
    quantizer = ResidualQuantizer(num_levels=3, num_codes=5, **kwargs)
    quantizer(LATENTS)
    quantizer.codebooks.assign(BOOKS)
    return quantizer


def by_hand(latents, books):
    """Codes and residuals, one row, one level, one code at a time."""
    codes, residuals = [], []
    for row in latents.astype("float64"):
        own = []
        for book in books:
            distances = [float(((row - code) ** 2).sum()) for code in book]
            own.append(distances.index(min(distances)))
            row = row - book[own[-1]]
        codes.append(own)
        residuals.append(row)
    return np.array(codes), np.array(residuals)


def test_codes_and_residual_are_those_of_brute_force():
    """T12: exactly, and the row is the sum of its codewords and the last residual."""
    found = made()(LATENTS)
    codes, residuals = by_hand(LATENTS, BOOKS)
    np.testing.assert_array_equal(found["codes"], codes)
    np.testing.assert_array_equal(found["residual"], residuals)
    np.testing.assert_array_equal(found["quantized"] + found["residual"], LATENTS)
    np.testing.assert_array_equal(made().codes_of(LATENTS), codes)
    assert len(np.unique(codes)) > 2


def test_ties_go_to_the_lowest_code():
    """T12."""
    quantizer = made()
    quantizer.codebooks.assign(np.repeat(BOOKS[:, 1:2], 5, axis=1))
    assert not np.asarray(quantizer(LATENTS)["codes"]).any()
    books = BOOKS.copy()
    books[0] = [[9, 9, 9, 9], [1, 0, 0, 0], [-1, 0, 0, 0], [9, 9, 9, 9], [1, 0, 0, 0]]
    quantizer.codebooks.assign(books)
    assert quantizer(np.zeros((1, 4), "float32"))["codes"][0, 0] == 1


def test_loss_is_that_of_each_level():
    found = made(commitment=0.5)(LATENTS)
    rest, expected = LATENTS, np.zeros(20)
    for level, codes in enumerate(np.asarray(found["codes"]).T):
        rest = rest - BOOKS[level, codes]
        expected += 1.5 * (rest**2).sum(1)
    np.testing.assert_allclose(found["loss"], expected, rtol=1e-6)


def test_straight_through_gradient_is_the_identity_and_leaves_codes_alone():
    """T13."""
    quantizer, rows = made(), tf.constant(LATENTS[:2])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(rows)
        quantized = quantizer(rows)["quantized"]
    jacobian = tape.batch_jacobian(quantized, rows)
    np.testing.assert_array_equal(jacobian, np.eye(4)[None].repeat(2, axis=0))
    gradient = tape.gradient(quantized, quantizer.codebooks.value)
    assert gradient is None or not tf.convert_to_tensor(gradient).numpy().any()


def test_without_it_the_gradient_goes_to_the_chosen_codewords():
    quantizer, rows = made(straight_through=False), tf.constant(LATENTS)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(rows)
        found = quantizer(rows)
        quantized = found["quantized"]
    assert tape.gradient(quantized, rows) is None
    gradient = tf.convert_to_tensor(tape.gradient(quantized, quantizer.codebooks.value))
    for level, codes in enumerate(np.asarray(found["codes"]).T):
        counts = np.bincount(codes, minlength=5)
        np.testing.assert_array_equal(gradient[level, :, 0], counts)


def test_loss_moves_each_codebook_by_its_own_residuals_and_rows_by_all():
    """T13: `2 (c - r)` of the rows of a code, `2 beta (r - c)` of each level."""
    quantizer, rows = made(commitment=0.25), tf.constant(LATENTS)
    with tf.GradientTape() as tape:
        tape.watch(rows)
        found = quantizer(rows)
    to_books, to_rows = tape.gradient(found["loss"], [quantizer.codebooks.value, rows])
    rest, books, own = LATENTS, np.zeros_like(BOOKS), np.zeros_like(LATENTS)
    for level, codes in enumerate(np.asarray(found["codes"]).T):
        rest = rest - BOOKS[level, codes]
        np.add.at(books[level], codes, -2 * rest)
        own += 2 * 0.25 * rest
    np.testing.assert_allclose(tf.convert_to_tensor(to_books), books, rtol=1e-5)
    np.testing.assert_allclose(to_rows, own, rtol=1e-5)


def test_start_sets_the_codebooks_once():
    quantizer = ResidualQuantizer(num_levels=2, num_codes=20)
    assert not quantizer.is_started
    quantizer.start(np.unique(LATENTS, axis=0))
    assert quantizer.is_started
    assert np.abs(quantizer(LATENTS)["residual"]).max() < 1


def test_codes_that_nobody_uses_are_revived():
    """Codewords far from all rows become residuals of rows, those in use stay."""
    quantizer = made(revive_below=0.5, decay=0.5)
    books = BOOKS.copy()
    books[:, 3:] += 100
    quantizer.codebooks.assign(books)
    before = np.asarray(quantizer(LATENTS)["codes"])
    quantizer(LATENTS)  # not in training: nothing changes
    np.testing.assert_array_equal(quantizer.codebooks, books)
    for _ in range(2):
        quantizer(LATENTS, training=True)
    after = np.asarray(quantizer.codebooks)
    rest = LATENTS
    for level in range(3):
        in_use = np.bincount(before[:, level], minlength=5) > 5
        np.testing.assert_array_equal(after[level, in_use], books[level, in_use])
        assert (after[level, 3:, None] == rest).all(-1).any(-1).all()
        rest = rest - books[level, before[:, level]]


def test_codes_in_use_are_not_revived():
    quantizer = ResidualQuantizer(num_levels=1, num_codes=4, revive_below=0.5)
    rows = np.eye(4, dtype="float32").repeat(3, axis=0)
    quantizer.start(rows)
    books = np.asarray(quantizer.codebooks)
    for _ in range(300):
        quantizer(rows, training=True)
    np.testing.assert_array_equal(quantizer.codebooks, books)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"num_levels": 0}, "`num_levels`: received 0, expected a number from 1"),
        ({"num_codes": 1}, "`num_codes`: received 1, expected a number from 2"),
        ({"revive_below": 1.0}, r"`revive_below`: received 1.0, expected .*\[0, 1\)"),
        ({"decay": -0.1}, "`decay`: received -0.1"),
        ({"commitment": -1}, "`commitment`: received -1"),
    ],
)
def test_wrong_numbers_are_refused(arguments, text):
    with pytest.raises(InputError, match=text):
        ResidualQuantizer(**arguments)
