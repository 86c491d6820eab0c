"""Tests of look-ups of codewords."""

import numpy as np

from tfctr.layers.quantization.codewords import codeword_sum, codewords

RNG = np.random.default_rng(0)


def test_codewords_are_rows_of_their_level():
    books = RNG.normal(size=(3, 4, 5)).astype("float32")
    codes = np.array([[0, 3, 1], [2, 2, 2]], "uint8")
    expected = [[books[0, 0], books[1, 3], books[2, 1]], books[:, 2]]
    np.testing.assert_array_equal(codewords(books, codes), expected)


def test_sum_reads_the_table_of_each_request():
    tables = RNG.normal(size=(2, 3, 4, 5)).astype("float32")
    codes = RNG.integers(0, 4, (2, 6, 3)).astype("uint8")
    expected = np.zeros((2, 6, 5), "float32")
    for request in range(2):
        for candidate in range(6):
            for level in range(3):
                code = codes[request, candidate, level]
                expected[request, candidate] += tables[request, level, code]
    np.testing.assert_allclose(codeword_sum(tables, codes), expected, rtol=1e-6)


def test_codes_above_127_do_not_overflow():
    tables = np.arange(2 * 2 * 256, dtype="float32").reshape(2, 2, 256, 1)
    codes = np.full((2, 1, 2), 255, "uint8")
    expected = [[[255 + 511]], [[767 + 1023]]]
    np.testing.assert_array_equal(codeword_sum(tables, codes), expected)


def test_no_candidates_give_no_rows():
    tables, codes = np.ones((2, 3, 4, 5), "float32"), np.zeros((2, 0, 3), "uint8")
    assert codeword_sum(tables, codes).shape == (2, 0, 5)
