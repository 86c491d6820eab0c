"""Tests of metrics of lists, against scipy and hand counts."""

import numpy as np
import pytest
import scipy.stats

from tfctr.errors import InputError, UnknownName
from tfctr.metrics import rank_correlation, recall_at_k, top_list

RNG = np.random.default_rng(2)
# Few values, so that there are ties.
ONE = RNG.integers(0, 6, size=(30, 9)).astype("float64")
OTHER = ONE + RNG.integers(-2, 3, size=(30, 9))
MASK = np.arange(9) < RNG.integers(0, 10, size=(30, 1))
STATISTICS = {"kendall": scipy.stats.kendalltau, "spearman": scipy.stats.spearmanr}


@pytest.mark.parametrize("kind", STATISTICS)
@pytest.mark.parametrize("mask", [None, MASK], ids=["full", "padded"])
def test_correlation_is_scipys_mean_over_requests(kind, mask):
    found = []
    for row in range(30):
        real = np.ones(9, bool) if mask is None else mask[row]
        one, other = ONE[row][real], OTHER[row][real]
        if len(set(one)) > 1 and len(set(other)) > 1:
            found.append(STATISTICS[kind](one, other).statistic)
    assert len(found) > 15
    value = rank_correlation(ONE, OTHER, mask, kind=kind)
    assert value == pytest.approx(np.mean(found), abs=1e-12)


def test_correlation_of_one_order_is_one_and_of_its_reverse_minus_one():
    scores = np.arange(12.0).reshape(3, 4)
    assert rank_correlation(scores, np.exp(scores)) == 1.0
    assert rank_correlation(scores, -scores, kind="spearman") == -1.0


def test_correlation_of_models_that_tell_nothing_apart_is_not_defined():
    assert np.isnan(rank_correlation(np.ones((2, 3)), ONE[:2, :3]))
    assert np.isnan(rank_correlation(ONE, OTHER, np.arange(9) < np.ones((30, 1))))


def test_top_list_takes_the_earlier_of_equal_candidates():
    scores = [[1, 3, 3, 3], [5, 4, 9, 9]]
    mask = [[1, 1, 1, 1], [1, 1, 0, 0]]
    np.testing.assert_array_equal(
        top_list(scores, 2, mask), [[0, 1, 1, 0], [1, 1, 0, 0]]
    )
    np.testing.assert_array_equal(top_list(scores, 9, mask), mask)


def test_recall_is_the_mean_share_of_what_is_relevant():
    relevant = [[1, 0, 1, 1], [0, 1, 0, 0], [0, 0, 0, 0]]
    scores = [[4, 3, 2, 1], [4, 1, 3, 2], [1, 2, 3, 4]]
    # Two thirds of the first within three, nothing of the second, and no third.
    assert recall_at_k(relevant, scores, 3) == pytest.approx((2 / 3 + 0) / 2)
    assert recall_at_k(relevant, scores, 4) == 1.0
    # Candidates of padding are neither relevant nor kept.
    mask = [[0, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]]
    assert recall_at_k(relevant, scores, 2, mask) == pytest.approx((1 / 2 + 0) / 2)
    assert np.isnan(recall_at_k(np.zeros((3, 4)), scores, 1))


def test_share_of_the_rankers_list():
    ranker, scores = [[9, 8, 1, 2]], [[1, 4, 2, 3]]
    assert recall_at_k(top_list(ranker, 2), scores, 2) == 0.5


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: recall_at_k([[1]], [[1]], 0), "k"),
        (lambda: recall_at_k([[1]], [[1, 2]], 1), "relevant"),
        (lambda: recall_at_k([[1]], [1.0], 1), "scores"),
        (lambda: recall_at_k([[1]], [[float("nan")]], 1), "scores"),
        (lambda: top_list([[1]], 1, [[1, 1]]), "mask"),
        (lambda: rank_correlation([[1, 2]], [[1]]), "others"),
    ],
)
def test_what_does_not_fit_is_refused(call, field):
    with pytest.raises(InputError) as caught:
        call()
    assert caught.value.field == field


def test_unknown_kind_is_refused():
    with pytest.raises(UnknownName, match="Did you mean 'kendall'"):
        rank_correlation([[1, 2]], [[1, 2]], kind="kendal")
