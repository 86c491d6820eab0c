"""Tests of residual k-means."""

import numpy as np
import pytest
from sklearn.cluster import KMeans

from tfctr.errors import InputError
from tfctr.layers.quantization.residual_kmeans import residual_kmeans

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(400, 5))


def error(rows, books):
    """Mean squared residual after each level."""
    errors, rest = [], rows.astype("float64")
    for book in books:
        nearest = ((rest[:, None] - book) ** 2).sum(-1).argmin(1)
        rest = rest - book[nearest]
        errors.append((rest**2).sum(1).mean())
    return errors


def test_first_level_is_about_as_good_as_that_of_sklearn():
    theirs = KMeans(16, n_init=1, random_state=0).fit(ROWS)
    ours = error(ROWS, residual_kmeans(ROWS, 1, 16, iterations=30))[0]
    assert ours < 1.05 * theirs.inertia_ / len(ROWS)


def test_planted_clusters_of_two_levels_are_found():
    """Sums of one of four far and one of three near offsets are quantized exactly."""
    far, near = 10 * RNG.normal(size=(4, 5)), RNG.normal(size=(3, 5))
    near -= near.mean(0)
    rows = (far[:, None] + near).reshape(-1, 5).repeat(5, axis=0)
    rows = rows[RNG.permutation(len(rows))]
    books = residual_kmeans(rows, 2, 4, seed=1)
    assert error(rows, books)[1] < 1e-9


def test_each_level_lowers_the_error():
    errors = error(ROWS, residual_kmeans(ROWS, 4, 8))
    assert np.all(np.diff(errors) < 0)


def test_levels_without_residuals_have_short_codes():
    books = residual_kmeans(ROWS[:6], 3, 6)
    assert error(ROWS[:6], books)[0] < 1e-12
    lengths = np.sqrt((books[1:] ** 2).sum(-1))
    assert np.isfinite(books).all()
    assert lengths.max() < 1


def test_one_seed_gives_one_result():
    one, same, other = (residual_kmeans(ROWS, 2, 8, seed=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (ROWS[:3], "received 3 distinct rows of 3, expected at least as many as codes"),
        (ROWS[[0, 1, 1, 0, 2]], "received 3 distinct rows of 5"),
        (ROWS[:0], "received 0 distinct rows of 0"),
        (np.full((9, 2), np.nan), "`latents`: received NaN or infinity"),
    ],
)
def test_rows_that_do_not_suffice_are_refused(rows, text):
    with pytest.raises(InputError, match=text):
        residual_kmeans(rows, 2, 4)
