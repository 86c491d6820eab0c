"""Tests of `tfctr.export.requests`."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.features.shop import SCHEMA, small_schema
from tfctr.export.requests import ITEM_ROLES, cut, request_specs
from tfctr.features import Categorical, Numeric, Sequence

TAGS = Categorical("tags", max_values=2)
HISTORY = small_schema(
    item=[Categorical("item_id"), TAGS],
    sequences=[
        Sequence("h", (Categorical("item_id"), Numeric("n"), TAGS), max_length=3),
        Sequence("g", (Categorical("shop", dtype="int64"),), max_length=2),
    ],
)


def text(tensor):
    return np.vectorize(bytes.decode, otypes=[object])(tensor.numpy()).tolist()


def test_histories_and_lists_may_have_any_length():
    specs = request_specs(SCHEMA, ["sequence", "user"], (None,))
    shapes = {name: tuple(spec.shape) for name, spec in specs.items()}
    assert shapes["history_item_id"] == (None, None)
    assert shapes["history_category"] == (None, None, None)
    assert shapes["history_picture"] == (None, None, 3)
    assert shapes["interests"] == (None, None)
    assert shapes["age"] == (None,)
    assert {name: spec.name for name, spec in specs.items()} == dict(
        zip(specs, specs, strict=True)
    )


def test_items_have_the_leading_dimensions_that_are_asked_for():
    specs = request_specs(SCHEMA, ITEM_ROLES, (None, None))
    assert tuple(specs["picture"].shape) == (None, None, 3)
    assert tuple(specs["category"].shape) == (None, None, None)
    assert specs["brand"].dtype == tf.int64


def test_most_recent_events_are_kept_of_all_columns():
    raw = {
        "h_item_id": tf.constant(
            [["a", "b", "c", "d", ""], ["a", "", "", "", ""], ["a", "b", "c", "d", "e"]]
        ),
        "h_n": tf.reshape(tf.range(15, dtype=tf.float32), (3, 5)),
        "h_tags": tf.constant([[["x", "y", "z"]] * 5] * 3),
    }
    kept = cut(HISTORY, raw)
    assert text(kept["h_item_id"]) == [["b", "c", "d"], ["a", "", ""], ["c", "d", "e"]]
    assert kept["h_n"].numpy().tolist() == [[1, 2, 3], [5, 6, 7], [12, 13, 14]]
    assert text(kept["h_tags"]) == [[["x", "y"]] * 3] * 3


def test_event_in_between_that_is_missing_keeps_its_place():
    kept = cut(HISTORY, {"h_item_id": tf.constant([["a", "", "c", "", "e", ""]])})
    assert text(kept["h_item_id"]) == [["c", "", "e"]]


def test_integer_events_end_at_the_last_known():
    kept = cut(HISTORY, {"g_shop": tf.constant([[7, 8, 9, -1]], tf.int64)})
    assert kept["g_shop"].numpy().tolist() == [[8, 9]]


@pytest.mark.parametrize("time", [0, 1, 3])
def test_histories_that_fit_stay_as_they_are(time):
    events = tf.constant([["a", "b", "c"], ["d", "", ""]])[:, :time]
    np.testing.assert_array_equal(
        cut(HISTORY, {"h_item_id": events})["h_item_id"], events
    )


def test_lists_keep_their_first_values_at_any_rank():
    tags = tf.constant([[["a", "b", "c"], ["d", "", ""]]])
    assert text(cut(HISTORY, {"tags": tags})["tags"]) == [[["a", "b"], ["d", ""]]]


def test_nothing_is_changed_in_place_and_others_stay():
    raw = {"h_item_id": tf.constant([["a"] * 5]), "user_id": tf.constant(["u"])}
    before = dict(raw)
    kept = cut(HISTORY, raw)
    assert raw == before
    assert kept["user_id"] is raw["user_id"]


@given(
    lengths=st.lists(st.integers(0, 7), min_size=1, max_size=4), spare=st.integers(0, 3)
)
@settings(max_examples=40, deadline=None)
def test_any_history_equals_its_last_events(lengths, spare):
    width = max(lengths) + spare
    rows = [[f"e{k}" for k in range(length)] for length in lengths]
    padded = [row + [""] * (width - len(row)) for row in rows]
    events = tf.reshape(tf.constant(padded, tf.string), (len(rows), width))
    kept = cut(HISTORY, {"h_item_id": events})["h_item_id"]
    assert kept.shape == (len(rows), min(width, 3))
    for row, expected in zip(text(kept), rows, strict=True):
        assert [event for event in row if event] == expected[-3:]
