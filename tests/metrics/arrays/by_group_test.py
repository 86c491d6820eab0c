"""Tests of `tfctr.metrics.grouped_auc`."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.conformance.specimens import auc_by_group
from tfctr.errors import InputError
from tfctr.metrics import grouped_auc
from tfctr.metrics.arrays.by_group import group_aucs


def draw(seed, rows=400, users=40):
    rng = np.random.default_rng(seed)
    return {
        "labels": rng.integers(0, 2, rows).astype("float32"),
        "scores": rng.integers(0, 6, rows).astype("float32"),  # many ties
        "groups": rng.integers(0, users, rows),
        "weights": rng.integers(0, 4, rows).astype("float32"),
    }


@pytest.mark.parametrize("seed", range(5))
def test_equals_one_user_after_the_other(seed):
    data = draw(seed)
    expected = auc_by_group(
        data["labels"], data["scores"], data["groups"], data["weights"]
    )
    np.testing.assert_allclose(grouped_auc(**data), expected, rtol=1e-12)


def test_equals_scikit_learn_within_each_group():
    data = draw(7)
    del data["weights"]
    result = group_aucs(**data)
    for group, auc in zip(result.groups, result.auc, strict=True):
        mine = data["groups"] == group
        expected = roc_auc_score(data["labels"][mine], data["scores"][mine])
        np.testing.assert_allclose(auc, expected, rtol=1e-12)


def test_groups_may_be_text():
    data = draw(1)
    names = np.array([f"user {g}" for g in data["groups"]], object)
    # Groups are summed in another order, so the last bit may differ.
    by_name = grouped_auc(**{**data, "groups": names})
    assert by_name == pytest.approx(grouped_auc(**data), rel=1e-12)


def test_group_of_one_class_is_left_out():
    value = grouped_auc([1, 0, 1, 1], [2.0, 1.0, 0.0, 5.0], [1, 1, 2, 2])
    assert value == 1.0


def test_a_group_weighs_as_its_impressions():
    labels, groups = [1, 0, 1, 0, 0], ["a", "a", "b", "b", "b"]
    value = grouped_auc(labels, [2.0, 1.0, 1.0, 2.0, 3.0], groups)
    assert value == pytest.approx(2 / 5)


@pytest.mark.parametrize(
    ("labels", "groups"), [([], []), ([1, 1], [1, 2]), ([1, 0], [1, 2])]
)
def test_no_group_with_both_classes_is_nan(labels, groups):
    assert np.isnan(grouped_auc(labels, np.ones(len(labels)), groups))


def test_example_without_weight_may_hold_anything():
    value = grouped_auc(
        [1, 0, np.nan, 7], [2.0, 1.0, 0.0, np.nan], [1, 1, 1, 2], [1, 1, 0, 0]
    )
    assert value == 1.0


def test_wrong_arrays_are_refused_by_name():
    with pytest.raises(InputError, match="`groups`: received 1 values, expected 2"):
        grouped_auc([1, 0], [1.0, 2.0], [1])
    with pytest.raises(InputError, match="`predictions`: received NaN at 1"):
        grouped_auc([1, 0], [1.0, np.nan], [1, 1])
    with pytest.raises(InputError, match=r"`labels`: received the value 0\.5"):
        grouped_auc([1, 0.5], [1.0, 2.0], [1, 1])
    with pytest.raises(InputError, match="`weights`: received -1"):
        grouped_auc([1, 0], [1.0, 2.0], [1, 1], [1.0, -1.0])
    with pytest.raises(InputError, match="`predictions`: received 3 values"):
        grouped_auc([1, 0], [1.0, 2.0, 3.0], [1, 1])
