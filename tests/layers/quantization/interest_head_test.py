"""Tests of the three heads: `InterestHead`, and what all have in common."""

import numpy as np
import pytest

from tfctr.errors import InputError
from tfctr.layers import AdditiveHead, InterestHead, TowerHead

RNG = np.random.default_rng(0)
PARTS = RNG.normal(size=(3, 2, 5, 6)).astype("float32")  # of three levels
ITEMS = RNG.normal(size=(2, 5, 4)).astype("float32")
USERS = RNG.normal(size=(2, 4)).astype("float32")


@pytest.mark.parametrize("cls", [InterestHead, TowerHead, AdditiveHead])
def test_projecting_codewords_first_gives_the_same(cls):
    """What is served equals what is trained, level by level."""
    head = cls(2, seed=3)
    expected = head(PARTS.sum(0), ITEMS, USERS)
    rows = sum(head.project(part) for part in PARTS)
    np.testing.assert_allclose(
        head.combine(rows, ITEMS, USERS), expected, rtol=1e-4, atol=1e-5
    )


def test_it_reads_the_interest_alone():
    head = InterestHead(2, hidden_units=[7, 3], seed=3)
    found = head(PARTS[0], ITEMS, USERS)
    np.testing.assert_array_equal(head(PARTS[0], 2 * ITEMS, 3 * USERS), found)
    first, bias, *dense = (np.asarray(w) for w in head.get_weights())
    hidden = np.maximum(PARTS[0] @ first + bias, 0)
    hidden = np.maximum(hidden @ dense[0] + dense[1], 0)
    np.testing.assert_allclose(
        found, hidden @ dense[2] + dense[3], rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("arguments", [{"hidden_units": []}, {"hidden_units": [3, 0]}])
def test_wrong_widths_are_refused(arguments):
    with pytest.raises(InputError, match="`hidden_units`"):
        InterestHead(2, **arguments)
