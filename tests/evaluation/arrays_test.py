"""Tests of `tfctr.evaluation.report_from_arrays`."""

import json

import numpy as np
import pytest
import sklearn.metrics

from tests.conformance.specimens import auc_by_group
from tfctr.errors import InputError
from tfctr.evaluation import report_from_arrays

RNG = np.random.default_rng(0)
P = np.round(RNG.uniform(0.05, 0.95, 400), 2)
Y = (RNG.random(400) < P).astype(int)
GROUPS = RNG.integers(0, 20, 400)
COUNTRY = RNG.choice(["de", "fr", "it"], 400, p=[0.6, 0.3, 0.1])


def test_overall_row_equals_scikit_learn():
    row = report_from_arrays(Y, P, GROUPS).labels["label"].overall
    assert (row.count, row.positives) == (400, Y.sum())
    np.testing.assert_allclose(row.auc, sklearn.metrics.roc_auc_score(Y, P))
    np.testing.assert_allclose(row.log_loss, sklearn.metrics.log_loss(Y, P))
    np.testing.assert_allclose(row.gauc, auc_by_group(Y, P, GROUPS, np.ones(400)))
    np.testing.assert_allclose(row.calibration_ratio, P.sum() / Y.sum())
    base = sklearn.metrics.log_loss(Y, np.full(400, Y.mean()))
    np.testing.assert_allclose(row.normalized_entropy, row.log_loss / base)


def test_slices_are_measured_on_their_own_rows():
    rows = report_from_arrays(Y, P, slices={"country": COUNTRY}).labels["label"].slices
    assert list(rows["country"]) == ["de", "fr", "it"]  # the most frequent first
    for country, row in rows["country"].items():
        mine = country == COUNTRY
        assert row.count == mine.sum()
        expected = sklearn.metrics.roc_auc_score(Y[mine], P[mine])
        np.testing.assert_allclose(row.auc, expected)


def test_slices_keep_weights_and_groups():
    weights = (np.arange(400) % 3).astype(float)
    rows = report_from_arrays(
        Y, P, GROUPS, {"country": COUNTRY}, weights=weights
    ).labels["label"]
    mine = COUNTRY == "fr"
    expected = auc_by_group(Y[mine], P[mine], GROUPS[mine], weights[mine])
    np.testing.assert_allclose(rows.slices["country"]["fr"].gauc, expected)


def test_rare_values_are_measured_together():
    report = report_from_arrays(Y, P, slices={"country": COUNTRY}, max_slice_values=1)
    rows = report.labels["label"].slices["country"]
    assert list(rows) == ["de", "(others)"]
    assert sum(row.count for row in rows.values()) == 400


def test_example_without_weight_does_not_count():
    weights = (np.arange(400) % 2).astype(float)
    half = report_from_arrays(Y, P, GROUPS, weights={"label": weights})
    alone = report_from_arrays(Y[1::2], P[1::2], GROUPS[1::2])
    mine, expected = half.to_dict()["label"], alone.to_dict()["label"]
    assert mine["overall"] == pytest.approx(expected["overall"])


def test_what_is_not_defined_is_none_in_json():
    report = report_from_arrays({"click": [0, 0]}, {"click": [0.5, 0.25]})
    row = json.loads(json.dumps(report.to_dict()))["click"]["overall"]
    undefined = {name for name, value in row.items() if value is None}
    assert undefined == {"auc", "gauc", "normalized_entropy", "calibration_ratio"}


def test_markdown_has_a_line_for_each_label_and_slice():
    report = report_from_arrays(
        {"click": [0, 1], "buy": [0, 0]},
        {"click": [0.25, 0.5], "buy": [0.5, 0.5]},
        slices={"os": ["a|b", "c"]},
    )
    lines = report.to_markdown().splitlines()
    assert len(lines) == 2 + 2 * 3
    assert lines[2].startswith("| click | all | 2 | 1 | 1.0000 | - |")
    assert "| buy | all | 2 | 0 | - |" in lines[5]
    assert "a\\|b" in lines[3]


def test_plot_is_a_picture(tmp_path):
    path = tmp_path / "calibration.png"
    report_from_arrays(
        {"click": Y, "buy": 1 - Y}, {"click": P, "buy": P}
    ).plot_calibration(path)
    assert path.read_bytes()[:4] == b"\x89PNG"


def test_nothing_cannot_be_drawn(tmp_path):
    with pytest.raises(InputError, match="`report`: received no examples"):
        report_from_arrays([], []).plot_calibration(tmp_path / "no.png")
    assert not (tmp_path / "no.png").exists()


def test_wrong_arrays_are_refused_by_name():
    with pytest.raises(InputError, match="`click: predictions`: received NaN at 1"):
        report_from_arrays({"click": [0, 1]}, {"click": [0.5, np.nan]})
    with pytest.raises(InputError, match=r"`probabilities`: received 'click'.*clicks"):
        report_from_arrays({"click": [0, 1]}, {"clicks": [0.5, 0.5]})
    with pytest.raises(InputError, match="`os`: received 1 values, expected 2"):
        report_from_arrays([0, 1], [0.5, 0.5], slices={"os": ["a"]})
    with pytest.raises(InputError, match="`groups`: received 3 values, expected 2"):
        report_from_arrays([0, 1], [0.5, 0.5], [1, 2, 3])
