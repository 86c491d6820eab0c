"""Tests of `tfctr.testing.make_batch`."""

import numpy as np

from tests.conformance.specimens import SCHEMA
from tfctr.testing import make_batch

ROWS = 200


def test_tensors_are_what_the_schema_says():
    x, y = make_batch(SCHEMA, ROWS)
    for column in SCHEMA.encoded_columns():
        assert x[column.name].shape == (ROWS, *column.shape)
        assert x[column.name].dtype == column.dtype
    assert x["group_id"].dtype == "int64"
    assert {name: v.dtype for name, v in y.items()} == {
        "click": "float32",
        "buy": "float32",
    }


def test_ids_reach_from_missing_to_the_last_row():
    x, _ = make_batch(SCHEMA, ROWS)
    assert set(np.unique(x["item_id"])) == set(range(12))
    assert set(np.unique(x["gender"])) == set(range(4))


def test_histories_end_in_missing_events():
    x, _ = make_batch(SCHEMA, ROWS)
    real = x["history_item_id"] > 0
    assert set(real.sum(1)) == set(range(8))
    assert (np.diff(real.astype(int), axis=1) <= 0).all()
    assert (x["history_time"][~real] == -1).all()
    assert (x["history_price"][~real] == 0).all()


def test_labels_follow_from_the_item():
    x, y = make_batch(SCHEMA, ROWS)
    liked = x["item_id"] % 2 == 0
    assert y["click"][liked].mean() > 0.7 > 0.3 > y["click"][~liked].mean()


def test_one_seed_gives_one_batch():
    one, other = make_batch(SCHEMA, 8, seed=3), make_batch(SCHEMA, 8, seed=3)
    for mine, yours in zip(one, other, strict=True):
        for name in mine:
            np.testing.assert_array_equal(mine[name], yours[name])
    assert not np.array_equal(make_batch(SCHEMA, 8)[0]["age"], one[0]["age"])
