"""From data frames with lists in their cells to dense raw arrays."""

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tfctr.errors import InputError, UnknownName
from tfctr.features.columns import Column
from tfctr.features.schema import ROLES, FeatureSchema
from tfctr.features.specs import Numeric, Timestamp, Vector

__all__ = ["dense_column", "frame_to_arrays"]


def frame_to_arrays(
    schema: FeatureSchema, frame: Any, roles: Iterable[str] = ROLES
) -> dict[str, np.ndarray]:
    """Dense raw arrays of a frame, one for each raw column of `roles`.

    Args:
        schema: The declaration.
        frame: A `pandas.DataFrame` (or a mapping of columns) with a column for each
            raw column; multi-valued and sequence columns hold lists, nested ones
            lists of lists. Lists that are too long are cut: histories keep their
            most recent events, multi-valued features their first values.
        roles: Which columns to take.

    Returns:
        Arrays `(rows, *column.shape)` by name; strings have dtype object.

    Raises:
        UnknownName: A column is missing.
        InputError: A column does not hold what is declared.
    """
    columns = schema.raw_columns(roles)
    for column in columns:
        if column.name not in frame:
            raise UnknownName(f"column {column.name}", column.name, list(frame))
    return {c.name: dense_column(c, frame[c.name]) for c in columns}


def dense_column(column: Column, cells: Any) -> np.ndarray:
    """Dense array `(rows, *column.shape)` of one column's cells."""
    dense = _dense_column(column, cells)
    if isinstance(column.feature, Vector):
        _check_whole(column, dense)
    return dense


def _check_whole(column: Column, dense: np.ndarray) -> None:
    """Refuses vectors that are neither numbers alone nor NaN alone."""
    whole = np.isfinite(dense).all(axis=-1) | np.isnan(dense).all(axis=-1)
    for row, *event in np.argwhere(~whole)[:1].tolist():
        where = f"row {row}" + "".join(f", event {place}" for place in event)
        raise InputError(
            column.name,
            received=f"a vector with NaN or infinity among its numbers in {where}",
            expected="finite numbers, or NaN alone where the vector is missing",
        )


def _dense_column(column: Column, cells: Any) -> np.ndarray:
    array = _array(cells)
    if array.ndim == 1 + len(column.shape) and array.dtype != object:
        if array.shape[1:] == column.shape:
            return _typed(column, array)
    elif not column.shape:
        if array.ndim != 1:
            raise InputError(
                column.name,
                received=f"an array of shape {array.shape}",
                expected="one value a row",
            )
        return _typed(column, array)
    return _pad(column, list(array), column.shape)


def _array(cells: Any) -> np.ndarray:
    if isinstance(cells, list):
        array = np.empty(len(cells), object)
        for row, cell in enumerate(cells):
            array[row] = cell
        return array
    if hasattr(cells, "to_numpy") and not isinstance(cells.dtype, np.dtype):
        # Dtypes of pandas itself, such as Int64: floats would round large ids.
        return np.asarray(cells.to_numpy(object))
    return np.asarray(cells)


def _pad(column: Column, cells: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    """Lists of one level to an array `(len(cells), *shape)`."""
    lists = [_items(column, cell, row) for row, cell in enumerate(cells)]
    length, inner = shape[0], shape[1:]
    is_vector = isinstance(column.feature, Vector) and not inner
    if is_vector:
        _check_widths(column, lists, length)
    # The outer axis of a sequence keeps its end, every other axis its beginning.
    is_sequence = column.sequence is not None and len(shape) == len(column.shape)
    kept = [cell[-length:] if is_sequence else cell[:length] for cell in lists]
    lengths = np.fromiter((len(cell) for cell in kept), np.int64, len(kept))
    arrays = kept and all(isinstance(cell, np.ndarray) for cell in kept)
    flat: Any = np.concatenate(kept) if arrays else list(itertools.chain(*kept))
    flat = _pad(column, flat, inner) if inner else _typed(column, flat)
    dense = np.full((len(cells), *shape), column.missing, flat.dtype)
    dense[np.arange(length) < lengths[:, None]] = flat
    return dense


def _items(column: Column, cell: Any, row: int) -> Any:
    if _is_missing(cell):
        return []
    if isinstance(cell, (str, bytes)) or not hasattr(cell, "__len__"):
        raise InputError(
            column.name, received=f"{cell!r} in row {row}", expected="a list of values"
        )
    return cell


def _check_widths(column: Column, lists: list[Any], width: int) -> None:
    for row, cell in enumerate(lists):
        if len(cell) not in (0, width):
            raise InputError(
                column.name,
                received=f"a vector of width {len(cell)} in row {row}",
                expected=f"width {width}, or nothing",
            )


def _typed(column: Column, values: Any) -> np.ndarray:
    """Scalars in the column's dtype, missing ones as its missing value."""
    if column.dtype == "string":
        return _strings(column, values)
    try:
        known = getattr(values, "dtype", np.dtype(object)).kind != "O"
        # Not NaN among ids: it would turn them to floats, which round large ones.
        missing = -1 if column.dtype == "int64" else np.nan
        numbers = np.array(
            values if known else [missing if _is_missing(v) else v for v in values]
        )
        if numbers.dtype.kind in "USOMm" or not (known or numbers.ndim == 1):
            raise ValueError
        numbers = numbers.astype("float32") if column.dtype == "float32" else numbers
    except (TypeError, ValueError) as error:
        raise InputError(
            column.name, received=_first_bad(column, values), expected=_kind(column)
        ) from error
    if column.dtype == "int64":
        return _integers(column, numbers)
    return numbers.reshape(np.shape(values))


def _integers(column: Column, numbers: np.ndarray) -> np.ndarray:
    if numbers.dtype.kind in "ib":
        return numbers.astype("int64")
    whole = np.where(np.isnan(numbers), -1, numbers)
    bad = (whole != np.floor(whole)) | (np.abs(whole) >= 2**63)
    if bad.any():
        raise InputError(
            column.name, received=f"{whole[bad][0]}", expected=_kind(column)
        )
    return whole.astype("int64")


def _strings(column: Column, values: Any) -> np.ndarray:
    array = np.asarray(values, object)
    flat = array.reshape(-1)
    for place, value in enumerate(flat):
        if isinstance(value, str):
            continue
        if _is_missing(value):
            array = array.copy() if array is values else array
            flat = array.reshape(-1)
            flat[place] = ""
        elif not isinstance(value, bytes):
            raise InputError(
                column.name,
                received=f"{value!r} ({type(value).__name__}) in place {place}",
                expected="text",
                hint="Convert the column with `.astype(str)`, or declare int64.",
            )
    return array


def _is_missing(value: Any) -> bool:
    """Whether a cell is None, NaN or the `NA` of pandas, which is not imported."""
    if isinstance(value, (float, np.floating)):
        return bool(np.isnan(value))
    return value is None or type(value).__name__ == "NAType"


def _first_bad(column: Column, values: Any) -> str:
    where = "place" if column.shape else "row"
    for place, value in enumerate(values):
        if _is_missing(value):
            continue
        is_number = isinstance(value, (int, float, np.number))
        if not is_number or abs(float(value)) >= 2**63:
            return f"{value!r} in {where} {place}"
    return f"values of type {np.asarray(values).dtype}"


def _kind(column: Column) -> str:
    if isinstance(column.feature, Timestamp):
        return "whole seconds since 1970"
    return "a number" if isinstance(column.feature, Numeric) else "whole numbers"


def check_mapping(mapping: Mapping[str, Any], known: Iterable[str], kind: str) -> None:
    """Refuses keys that are not known, with the nearest known one."""
    names = list(known)
    for name in mapping:
        if name not in names:
            raise UnknownName(kind, name, names)
