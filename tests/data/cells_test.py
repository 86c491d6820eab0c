"""Tests of the forms into which cells are brought."""

import datetime

import numpy as np
import pandas as pd
import pytest

from tfctr.data.cells import as_objects, clean, seconds_of
from tfctr.errors import InputError
from tfctr.features import Categorical, Numeric, Timestamp, Vector

DAY = datetime.datetime(2024, 2, 3, 4, 5, 6, tzinfo=datetime.UTC)
SECONDS = int(DAY.timestamp())


def column(values, dtype=None):
    return pd.Series(values, name="c", dtype=dtype)


@pytest.mark.parametrize(
    "cells",
    [
        column([SECONDS]),
        column([float(SECONDS)]),
        column([str(SECONDS)]),
        column(["2024-02-03 04:05:06"]),
        column(["2024-02-03T05:05:06+01:00"]),
        column([DAY]),
        column(pd.to_datetime(["2024-02-03 04:05:06.9"])),
        column(pd.to_datetime(["2024-02-03 04:05:06"]).tz_localize("UTC")),
        column(pd.to_datetime(["2024-02-03 05:05:06"]).tz_localize("Europe/Berlin")),
        column([SECONDS], "Int64"),
        column([SECONDS], object),
    ],
)
def test_times_are_read_in_any_form(cells):
    assert seconds_of(cells, "t").tolist() == [SECONDS]


def test_dates_before_1970_and_flags_are_no_times():
    with pytest.raises(InputError, match="`c`: received '1969-12-31' in row 1 of t"):
        seconds_of(column(["1970-01-01", "1969-12-31"]), "t")
    with pytest.raises(InputError, match="`c`: received True in row 0 of t"):
        seconds_of(column([True]), "t")


def test_missing_times_have_their_stand_in_where_they_may_be_missing():
    cells = column([5, None, ""], object)
    assert clean(Timestamp("c"), cells, "t").tolist() == [5, -1, -1]
    dates = column(pd.to_datetime(["1970-01-02", None]))
    assert clean(Timestamp("c"), dates, "t").tolist() == [86_400, -1]


@pytest.mark.parametrize(
    ("feature", "values", "cleaned"),
    [
        (Categorical("c"), ["a", None, "", np.nan], ["a", "", "", ""]),
        (Categorical("c", dtype="int64"), [3, None, 5.0], [3, -1, 5]),
        (Categorical("c", dtype="int64"), [True, False], [1, 0]),
        (
            Categorical("c", max_values=2),
            [["a"], None, ("b", "c")],
            [["a"], [], ["b", "c"]],
        ),
        (Categorical("c", dtype="int64", max_values=2), [[1, 2], []], [[1, 2], []]),
        (Numeric("c"), [1, 2.5, True], [1.0, 2.5, 1.0]),
    ],
)
def test_cells_come_in_one_form(feature, values, cleaned):
    assert clean(feature, column(values, object), "t").tolist() == cleaned


@pytest.mark.parametrize("dtype", ["string", "category"])
def test_text_columns_of_pandas_are_text(dtype):
    cells = column(["a", None, "b"], dtype)
    assert clean(Categorical("c"), cells, "t").tolist() == ["a", "", "b"]


def test_nullable_numbers_of_pandas_are_numbers():
    cells = column([2**60 + 1, 3], "Int64")
    assert clean(Categorical("c", dtype="int64"), cells, "t").tolist() == [2**60 + 1, 3]
    cells = column([1, None], "Int64")
    assert clean(Categorical("c", dtype="int64"), cells, "t").tolist() == [1, -1]
    np.testing.assert_array_equal(clean(Numeric("c"), cells, "t"), [1, np.nan])


def test_vectors_stand_in_rows_and_missing_ones_are_nan():
    cells = column([[1, 2], None, np.array([3.0, 4.0]), []], object)
    nothing = [np.nan, np.nan]
    expected = [[1, 2], nothing, [3, 4], nothing]
    np.testing.assert_array_equal(clean(Vector("c", dim=2), cells, "t"), expected)


@pytest.mark.parametrize(
    ("feature", "value", "message"),
    [
        (Categorical("c"), 1.5, "received 1.5 in row 1 of t, expected text"),
        (Categorical("c", dtype="int64"), 1.5, "received 1.5 in row 1 .*whole number"),
        (Categorical("c", dtype="int64"), "7", "received '7' in row 1 .*whole number"),
        (Numeric("c"), "7", "received '7' in row 1 of t, expected a finite number"),
        (Numeric("c"), -np.inf, "received -inf in row 1 of t"),
        (Vector("c", dim=2), [1, 2, 3], "received .* in row 1 .*2 numbers"),
        (Vector("c", dim=2), [1, np.nan], "received .* in row 1 .*2 finite numbers"),
        (Vector("c", dim=2), [1, np.inf], "received .* in row 1 .*2 finite numbers"),
        (Vector("c", dim=2), "1,2", "received '1,2' in row 1 .*2 numbers"),
        (Vector("c", dim=2), ["a", "b"], "received .* in row 1 .*2 numbers"),
    ],
)
def test_cells_of_another_kind_are_named(feature, value, message):
    with pytest.raises(InputError, match=f"`c`: {message}"):
        clean(feature, column([None, value], object), "t")


def test_objects_stay_lists_of_equal_length():
    assert as_objects([[1, 2], [3, 4]]).shape == (2,)
