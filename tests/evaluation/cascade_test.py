"""Tests of `tfctr.evaluation.cascade_report`, against scikit-learn and hand counts."""

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from tfctr.errors import InputError
from tfctr.evaluation import cascade_report
from tfctr.metrics import rank_correlation, recall_at_k, top_list

RNG = np.random.default_rng(4)
RANKER = RNG.normal(size=(20, 12))
SCORES = RANKER + RNG.normal(size=(20, 12))
CLICKS = (RNG.random((20, 12)) < 0.2).astype(float)
MASK = np.arange(12) < RNG.integers(4, 13, size=(20, 1))
MASK[0] = True


def points(**kwargs):
    arguments = {"mask": MASK, "k": 3, "cuts": [3, 5, 8], **kwargs}
    return cascade_report(SCORES, RANKER, CLICKS, **arguments).curve


def test_cut_keeps_what_recall_says():
    curve = points()
    assert [point.cut for point in curve] == [3, 5, 8, 12]
    ranker_list = top_list(RANKER, 3, MASK)
    for point in curve:
        assert point.ranker_recall == recall_at_k(ranker_list, SCORES, point.cut, MASK)
        assert point.clicked_recall == recall_at_k(CLICKS, SCORES, point.cut, MASK)


def test_final_list_is_the_rankers_best_of_what_is_kept():
    for point in points():
        ndcgs, shares = [], []
        for scores, ranker, clicks, real in zip(
            SCORES, RANKER, CLICKS, MASK, strict=True
        ):
            ids = np.flatnonzero(real)
            if not clicks[ids].any():
                continue
            kept = ids[np.argsort(-scores[ids])[: point.cut]]
            final = kept[np.argsort(-ranker[kept])[:3]]
            shares.append(clicks[final].sum() / clicks[ids].sum())
            # Candidates outside the list come last, in any order.
            places = np.full(len(ids), -99.0)
            places[np.searchsorted(ids, final)] = ranker[final]
            ndcgs.append(ndcg_score([clicks[ids]], [places], k=3, ignore_ties=True))
        assert point.ndcg == pytest.approx(np.mean(ndcgs))
        assert point.clicked_in_list == pytest.approx(np.mean(shares))


def test_last_cut_is_the_ranker_alone():
    last = points()[-1]
    assert (last.ranker_recall, last.clicked_recall) == (1.0, 1.0)
    alone = cascade_report(RANKER, RANKER, CLICKS, MASK, k=3).curve
    assert all(point.ndcg == pytest.approx(last.ndcg) for point in alone)


def test_cuts_double_by_default():
    assert [point.cut for point in points(cuts=None)] == [3, 6, 12]
    assert [point.cut for point in points(cuts=[12, 99])] == [12]


def test_report_holds_correlations_and_writes_itself(tmp_path):
    report = cascade_report(SCORES, RANKER, CLICKS, MASK, k=3)
    assert report.kendall == rank_correlation(SCORES, RANKER, MASK)
    found = report.to_dict()
    assert (found["requests"], found["k"]) == (20, 3)
    assert found["curve"][0]["cut"] == 3
    rows = report.to_markdown().splitlines()
    assert len(rows) == 2 + 3
    assert rows[-1].startswith("| 12 | 1.0000 | 1.0000 |")
    report.plot(tmp_path / "cascade.svg")
    assert "ranker recall" in (tmp_path / "cascade.svg").read_text()


def test_requests_without_clicks_have_no_quality():
    report = cascade_report(SCORES, RANKER, np.zeros((20, 12)), k=3)
    assert report.to_dict()["curve"][0]["ndcg"] is None
    assert "| - |" in report.to_markdown()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ranker_scores": RANKER[:, 1:]}, "ranker_scores"),
        ({"labels": CLICKS[1:]}, "labels"),
        ({"mask": MASK[:, 1:]}, "mask"),
        ({"mask": np.zeros_like(MASK)}, "scores"),
        ({"k": 0}, "k"),
        ({"cuts": [0]}, "k"),
    ],
)
def test_what_does_not_fit_is_refused(changes, field):
    arguments = {"ranker_scores": RANKER, "labels": CLICKS, **changes}
    if field == "mask":
        arguments["mask"] = changes["mask"]
    with pytest.raises(InputError) as caught:
        cascade_report(SCORES, **arguments)
    assert caught.value.field == field
