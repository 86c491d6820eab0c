"""Cells of raw tables: checked, and brought to one form for each kind of feature."""

from collections.abc import Callable, Collection
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from tfctr.data.behaviour import is_missing
from tfctr.errors import InputError
from tfctr.features import Categorical, Numeric, Timestamp, Vector

__all__ = ["MAX_SECONDS", "as_objects", "bad_cell", "clean", "seconds_of"]

# 2200-01-01 UTC. A later time is taken for milliseconds.
MAX_SECONDS = 7_258_118_400
Cells: TypeAlias = "pd.Series[Any]"
Array: TypeAlias = np.ndarray[Any, Any]
MILLISECONDS = "It looks like milliseconds: divide the column by 1000."


def bad_cell(
    cells: Cells, row: int, table: str, expected: str, hint: str = ""
) -> InputError:
    """The error that names a cell; rows count from 0, a header line not included."""
    value = cells.iloc[row]
    value = value.item() if isinstance(value, np.generic) else value
    return InputError(
        str(cells.name),
        received=f"{value!r} in row {row} of {table}",
        expected=expected,
        hint=hint,
    )


def clean(
    feature: Categorical | Numeric | Timestamp | Vector, cells: Cells, table: str
) -> Array:
    """Checks the cells of one column and fills in what stands for missing ones.

    Args:
        feature: The declaration.
        cells: A column of a raw table.
        table: Name of the table, for error texts.

    Returns:
        Object array of texts, or of lists where the feature is multi-valued; int64;
        float32, `(rows, dim)` for vectors. Missing is `""`, `-1`, NaN or `[]`.

    Raises:
        InputError: A cell is not of the declared kind.
    """
    if isinstance(feature, Categorical):
        one = _texts if feature.dtype == "string" else _integers
        return (
            one(cells, table)
            if feature.max_values is None
            else _lists(cells, table, one)
        )
    if isinstance(feature, Numeric):
        return _numbers(cells, table, "a finite number, or nothing").astype("float32")
    if isinstance(feature, Vector):
        return _vectors(cells, table, feature.dim)
    return seconds_of(cells, table, missing=-1)


def _texts(cells: Cells, table: str) -> Array:
    values = cells.astype(object).to_numpy()
    missing = np.asarray(pd.isna(values))
    if pd.api.types.infer_dtype(values, skipna=True) not in ("string", "empty"):
        for row, value in enumerate(values):
            if not isinstance(value, str) and not missing[row]:
                hint = "Convert the column with `.astype(str)`, or declare int64."
                raise bad_cell(cells, row, table, "text", hint)
    return np.where(missing, "", values) if missing.any() else values


def _integers(cells: Cells, table: str) -> Array:
    numbers = _numbers(cells, table, "a whole number, or nothing")
    if numbers.dtype.kind != "f":
        return numbers.astype("int64")
    whole = np.where(np.isnan(numbers), -1.0, numbers)
    bad = np.flatnonzero(whole != np.floor(whole))
    if len(bad):
        raise bad_cell(cells, int(bad[0]), table, "a whole number, or nothing")
    return whole.astype("int64")


def _numbers(cells: Cells, table: str, expected: str) -> Array:
    """Integers as they are where none is missing; else float64, NaN for missing."""
    values: Array
    if pd.api.types.is_numeric_dtype(cells.dtype):
        if not (pd.api.types.is_float_dtype(cells.dtype) or cells.isna().any()):
            return np.asarray(cells.to_numpy("int64"))
        values = cells.to_numpy("float64", na_value=np.nan)
    else:
        for row, value in enumerate(cells):
            number = isinstance(value, (int, float, np.number, np.bool_))
            if not number and not is_missing(value):
                raise bad_cell(cells, row, table, expected)
        found = [np.nan if is_missing(value) else value for value in cells]
        values = np.array(found, None if found else "float64")
    bad = np.flatnonzero(np.isinf(values))
    if len(bad):
        raise bad_cell(cells, int(bad[0]), table, expected)
    return values


def _lists(cells: Cells, table: str, one: Callable[[Cells, str], Array]) -> Array:
    lists = np.empty(len(cells), object)
    for row, cell in enumerate(cells):
        if isinstance(cell, (list, tuple, np.ndarray)):
            values = pd.Series(list(cell), name=cells.name, dtype=object)
            lists[row] = one(values, f"row {row} of {table}").tolist()
        elif is_missing(cell):
            lists[row] = []
        else:
            raise bad_cell(cells, row, table, "a list of values")
    return lists


def _vectors(cells: Cells, table: str, dim: int) -> Array:
    vectors = np.full((len(cells), dim), np.nan, "float32")
    expected = f"{dim} numbers, or nothing"
    for row, cell in enumerate(cells):
        if not isinstance(cell, (list, tuple, np.ndarray)):
            if not is_missing(cell):
                raise bad_cell(cells, row, table, expected)
        elif len(cell):
            try:
                vectors[row] = np.asarray(cell, "float32").reshape(dim)
            except (TypeError, ValueError) as error:
                raise bad_cell(cells, row, table, expected) from error
    whole = np.isfinite(vectors).all(axis=1) | np.isnan(vectors).all(axis=1)
    for row in np.flatnonzero(~whole)[:1]:
        expected = f"{dim} finite numbers, or NaN alone where the vector is missing"
        raise bad_cell(cells, int(row), table, expected)
    return vectors


def seconds_of(cells: Cells, table: str, *, missing: int | None = None) -> Array:
    """Times as whole seconds since 1970-01-01 UTC.

    Accepts whole numbers, datetimes, and texts that hold either (ISO 8601). A time
    without a zone is UTC; parts of a second are cut from datetimes.

    Args:
        cells: A column of a raw table.
        table: Name of the table, for error texts.
        missing: What a missing time becomes; without it, one is an error.

    Returns:
        int64 seconds, `(rows,)`.

    Raises:
        InputError: A time cannot be read, is missing, negative or after year 2200.

    >>> seconds_of(pd.Series(["1970-01-02", "1970-01-02 01:00+01:00", "7"]), "events")
    array([86400, 86400,     7])
    """
    seconds = _parsed(cells)
    unknown = np.asarray(cells.isna() | (cells == ""), bool)
    if missing is not None:
        seconds = np.where(unknown, float(missing), seconds)
    wrong = ~(np.isfinite(seconds) & (seconds == np.floor(seconds)))
    wrong |= (seconds < 0) & (seconds != (0 if missing is None else missing))
    wrong |= seconds > MAX_SECONDS
    for row in np.flatnonzero(wrong)[:1]:
        late = seconds[row] > MAX_SECONDS
        expected = "whole seconds since 1970 (UTC), before the year 2200"
        raise bad_cell(cells, int(row), table, expected, MILLISECONDS if late else "")
    return seconds.astype("int64")


def _parsed(cells: Cells) -> Array:
    """Seconds as float64 (exact to 2**53), NaN where a cell cannot be read."""
    if pd.api.types.is_datetime64_any_dtype(cells.dtype):
        return _seconds_of_dates(cells)
    if pd.api.types.is_bool_dtype(cells.dtype):
        return np.full(len(cells), np.nan)
    numbers = pd.to_numeric(cells, errors="coerce")
    seconds: Array = (
        numbers.astype("Float64").to_numpy("float64", na_value=np.nan).copy()
    )
    rest = np.isnan(seconds) & ~np.asarray(cells.isna())
    if rest.any():
        texts = cells[rest].astype(str)
        dates = pd.to_datetime(texts, errors="coerce", utc=True, format="ISO8601")
        seconds[rest] = _seconds_of_dates(dates)
    return seconds


def _seconds_of_dates(dates: Cells) -> Array:
    zone = getattr(dates.dtype, "tz", None)
    plain = dates.dt.tz_convert("UTC").dt.tz_localize(None) if zone else dates
    units = plain.to_numpy("datetime64[us]")
    seconds = np.floor(units.astype("int64") / 1e6)
    return np.where(np.isnat(units), np.nan, seconds)


def as_objects(values: Collection[Any]) -> Array:
    """A one-dimensional object array, also where the values are lists."""
    return np.fromiter(values, object, len(values))
