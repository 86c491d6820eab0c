"""Tests of `tfctr.features.frames`."""

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.features.oracles import dense_frame
from tests.features.shop import SCHEMA, shop_frame, small_schema
from tfctr.errors import InputError, UnknownName
from tfctr.features import Categorical, Numeric, Sequence, Timestamp, Vector
from tfctr.features.columns import raw_columns
from tfctr.features.frames import dense_column, frame_to_arrays

NAN = float("nan")
ID = Categorical("item_id")
BIG = 2**60 + 1  # not a float64


def dense(feature, cells, sequence=None):
    (column,) = raw_columns(feature, "context", sequence)
    return dense_column(column, pd.Series(cells, dtype=object))


def history(max_length, feature=ID):
    return Sequence("history", (ID, feature), max_length=max_length)


def same(first, second):
    assert first.dtype == second.dtype
    assert first.shape == second.shape
    np.testing.assert_array_equal(first, second)


def test_frame_of_every_kind_equals_plain_python():
    frame = shop_frame(60)
    arrays, expected = frame_to_arrays(SCHEMA, frame), dense_frame(SCHEMA, frame)
    assert arrays.keys() == expected.keys()
    for name in expected:
        same(arrays[name], expected[name])


def test_only_the_columns_of_the_roles_are_taken():
    arrays = frame_to_arrays(
        SCHEMA, shop_frame(3)[["age", "user_id", "interests"]], ["user"]
    )
    assert list(arrays) == ["user_id", "age", "interests"]


def test_frame_without_rows_gives_empty_arrays():
    arrays = frame_to_arrays(SCHEMA, shop_frame(1)[:0])
    assert arrays["history_picture"].shape == (0, 4, 3)
    assert arrays["user_id"].shape == (0,)


def test_arrays_of_the_right_shape_pass_through():
    raw = dense_frame(SCHEMA, shop_frame(9))
    again = frame_to_arrays(SCHEMA, raw)
    for name in raw:
        same(again[name], raw[name])


def test_histories_keep_their_most_recent_events():
    cells = [["a", "b", "c"], ["d"], []]
    expected = [["b", "c"], ["d", ""], ["", ""]]
    np.testing.assert_array_equal(dense(ID, cells, history(2)), expected)


def test_lists_of_values_keep_their_first():
    tags = Categorical("tags", dtype="int64", max_values=2)
    np.testing.assert_array_equal(dense(tags, [[5, 6, 7], [8]]), [[5, 6], [8, -1]])


def test_lists_in_histories_are_cut_at_both_axes():
    tags = Categorical("tags", max_values=2)
    cells = [[["x"], ["a", "b", "c"], None]]
    expected = [[["a", "b"], ["", ""]]]
    np.testing.assert_array_equal(dense(tags, cells, history(2, tags)), expected)


@pytest.mark.parametrize("nothing", [None, NAN, pd.NA, np.float32("nan")])
def test_nothing_becomes_the_missing_value(nothing):
    assert dense(ID, [nothing, "a"]).tolist() == ["", "a"]
    assert dense(Categorical("n", dtype="int64"), [nothing, 3]).tolist() == [-1, 3]
    assert dense(Timestamp("t"), [3, nothing]).tolist() == [3, -1]
    np.testing.assert_array_equal(dense(Numeric("n"), [nothing, 2]), [NAN, 2])
    np.testing.assert_array_equal(dense(Vector("v", 2), [nothing]), [[NAN, NAN]])
    tags = Categorical("tags", max_values=2)
    assert dense(tags, [nothing, ["a", nothing]]).tolist() == [["", ""], ["a", ""]]


@pytest.mark.parametrize(
    ("feature", "cells", "expected"),
    [
        (ID, pd.array(["a", None], "string"), ["a", ""]),
        (ID, pd.Categorical(["a", None]), ["a", ""]),
        (Categorical("n", dtype="int64"), pd.array([BIG, None], "Int64"), [BIG, -1]),
        (Categorical("n", dtype="int64"), np.array([BIG, None]), [BIG, -1]),
        (Categorical("n", dtype="int64"), [True, False], [1, 0]),
        (Categorical("n", dtype="int64"), [3.0, NAN], [3, -1]),
        (Numeric("n"), pd.array([1, 2], "Int8"), [1.0, 2.0]),
        (Numeric("n"), [True, False], [1.0, 0.0]),
    ],
)
def test_dtypes_of_pandas_are_understood(feature, cells, expected):
    (column,) = raw_columns(feature, "user")
    values = dense_column(column, pd.Series(cells))
    assert values.tolist() == expected
    assert values.dtype == {"string": object}.get(column.dtype, column.dtype)


@pytest.mark.parametrize(
    ("feature", "cell", "text"),
    [
        (ID, 3, r"3 \(int\)"),
        (ID, ["a"], r"\['a'\] \(list\)"),
        (Categorical("n", dtype="int64"), "3", "'3' in row 1"),
        (Categorical("n", dtype="int64"), 1.5, "1.5"),
        (Categorical("n", dtype="int64"), float("inf"), "inf"),
        (Categorical("n", dtype="int64"), 2**63, r"9\.22.*e\+18"),
        (Categorical("n", dtype="int64"), 10**30, "10{30}.* in row 1"),
        (Categorical("n", dtype="int64"), [1], r"\[1\] in row 1"),
        (Numeric("n"), "old", "'old' in row 1"),
        (Numeric("n"), [1.0], r"\[1.0\] in row 1"),
        (Timestamp("t"), 1.5, "1.5"),
        (Timestamp("t"), datetime.date(2020, 1, 1), "2020, 1, 1.* in row 1"),
        (Vector("v", 2), [1.0], "a vector of width 1 in row 1"),
        (Vector("v", 2), [1.0, 2.0, 3.0], "a vector of width 3 in row 1"),
        (Vector("v", 2), [1.0, "x"], "'x'"),
        (Vector("v", 2), 1.0, "1.0 in row 1"),
        (Vector("v", 2), [1.0, NAN], "NaN or infinity among its numbers in row 1"),
        (Vector("v", 2), [1.0, float("inf")], "among its numbers in row 1"),
        (Categorical("l", max_values=2), "abc", "'abc' in row 1"),
        (Categorical("l", max_values=2), [3], r"3 \(int\)"),
    ],
)
def test_wrong_value_is_named_with_its_column(feature, cell, text):
    good = {"string": "a", "int64": 1, "float32": 1.0}
    (column,) = raw_columns(feature, "user")
    first = (
        [good[column.dtype]] * column.shape[0] if column.shape else good[column.dtype]
    )
    with pytest.raises(InputError, match=text) as caught:
        dense(feature, [first, cell])
    assert caught.value.field == feature.name


def test_event_whose_vector_is_known_in_part_is_named():
    (column,) = raw_columns(
        Vector("v", 2), "sequence", Sequence("h", (ID,), max_length=3)
    )
    cells = np.ones((4, 3, 2), "float32")
    cells[1, 1] = NAN  # a missing one
    dense_column(column, cells)
    cells[2, 1, 0] = NAN
    with pytest.raises(InputError, match=r"`h_v`: received .* in row 2, event 1"):
        dense_column(column, cells)


def test_wrong_value_in_a_history_is_named():
    with pytest.raises(InputError, match=r"`history_item_id`: received 7 \(int\)"):
        dense(ID, [["a"], ["b", 7]], history(3))


def test_column_of_dates_is_refused_with_what_is_expected():
    dates = pd.Series(pd.to_datetime(["2020-01-01"]))
    (column,) = raw_columns(Timestamp("time"), "context")
    with pytest.raises(InputError, match=r"`time`: .*whole seconds since 1970"):
        dense_column(column, dates)


def test_array_with_an_axis_too_many_is_refused():
    column = np.array([["a"], ["b"]])
    with pytest.raises(InputError, match=r"shape \(2, 1\), expected one value a row"):
        frame_to_arrays(small_schema(), {"user_id": column}, ["user"])


def test_columns_may_be_plain_lists():
    frame = shop_frame(12)
    raw = frame_to_arrays(SCHEMA, {name: frame[name].tolist() for name in frame})
    for name, expected in frame_to_arrays(SCHEMA, frame).items():
        same(raw[name], expected)


def test_missing_column_is_refused_with_the_nearest():
    frame = shop_frame(2).rename(columns={"history_item_id": "history_itemid"})
    with pytest.raises(UnknownName, match="Did you mean 'history_itemid'"):
        frame_to_arrays(SCHEMA, frame)


texts = st.none() | st.text(max_size=3)
nested = st.lists(st.none() | st.lists(texts, max_size=4), max_size=6)


@given(cells=st.lists(st.none() | nested, max_size=5), time=st.integers(1, 4))
@settings(max_examples=80, deadline=None)
def test_nested_lists_of_any_length_equal_plain_python(cells, time):
    tags = Categorical("tags", max_values=2)
    (column,) = raw_columns(tags, "sequence", history(time, tags))
    frame = pd.DataFrame({column.name: pd.Series(cells, dtype=object)})

    class Schema:
        raw_columns = staticmethod(lambda roles: [column])

    expected = dense_frame(Schema, frame)[column.name]
    same(dense_column(column, frame[column.name]), expected)
