"""Reading raw tables into checked rows."""

import time
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pandas as pd

from tfctr.data.behaviour import BehaviourSpec
from tfctr.data.cells import bad_cell, clean, seconds_of
from tfctr.data.labels import label_values
from tfctr.features import Categorical, Numeric, Vector
from tfctr.features.specs import Feature
from tfctr.pipelines.beam.events import Event
from tfctr.pipelines.beam.files import read_pieces
from tfctr.pipelines.beam.tables import RawTable

__all__ = ["ReadTable", "events_of_frame", "rows_of_frame"]

NUMBERS = "a number, or nothing"


class ReadTable(beam.PTransform):
    """Checked rows of a raw table: `Event`s of the events, else dicts.

    Args:
        table: The table; its columns were checked when it was made.
    """

    def __init__(self, table: RawTable) -> None:
        super().__init__()
        self.table = table

    def expand(self, begin: Any) -> Any:
        return (
            begin
            | "Files" >> beam.Create(list(self.table.files))
            | "SpreadFiles" >> beam.Reshuffle()
            | "Rows" >> beam.FlatMap(_rows_of_file, self.table)
        )


def _rows_of_file(file: str, table: RawTable) -> Iterator[Any]:
    start = 0
    for frame in read_pieces(file, table.columns):
        # Errors count rows within the piece; its name says where the piece lies.
        where = file if start == 0 else f"{file} after the first {start}"
        is_text = file.endswith(".csv")
        if table.spec is None:
            yield from rows_of_frame(frame, table, where, is_text=is_text)
        else:
            yield from events_of_frame(frame, table, table.spec, where, is_text=is_text)
        start += len(frame)


def rows_of_frame(
    frame: pd.DataFrame, table: RawTable, where: str, *, is_text: bool = False
) -> list[dict[str, Any]]:
    """Checked features of each row of a piece of a table.

    Args:
        frame: The piece.
        table: What it must hold.
        where: Name of the file, for error texts.
        is_text: Whether every cell is text, as in CSV.

    Raises:
        InputError: Names the column, the cell, its row and the file.
    """
    features: dict[str, Any] = {}
    for name, feature in table.features.items():
        cells = frame[name]
        if is_text:
            cells = _parsed(cells, feature, where, table.list_separator)
        features[name] = clean(feature, cells, where).tolist()
    for key in table.ids:
        for row, value in enumerate(features[key]):
            if value == "" or (isinstance(value, int) and value < 0):
                raise bad_cell(frame[key], row, where, "an id")
    columns = zip(*features.values(), strict=True)
    return [dict(zip(features, row, strict=True)) for row in columns]


def events_of_frame(
    frame: pd.DataFrame,
    table: RawTable,
    spec: BehaviourSpec,
    where: str,
    *,
    is_text: bool = False,
) -> list[Event]:
    """Checked events of a piece of the event table; see `rows_of_frame`."""
    features = rows_of_frame(frame, table, where, is_text=is_text)
    seconds = seconds_of(frame[spec.time_key], where)
    now = int(time.time())
    for row in np.flatnonzero(seconds > now)[:1]:
        late = f"a time up to now, {now}"
        raise bad_cell(frame[spec.time_key], int(row), where, late)
    columns = {rule.column: frame[rule.column] for rule in spec.labels.values()}
    labels = {
        name: label_values(rule, columns[rule.column], where).tolist()
        for name, rule in spec.labels.items()
    }
    labels |= {name: _weights(frame[name], where) for name in table.weights}
    raw = {name: cells.tolist() for name, cells in columns.items()}
    return [
        Event(
            user=row[spec.user_key],
            item=row[spec.item_key],
            time=second,
            rule_values={name: values[place] for name, values in raw.items()},
            labels={name: values[place] for name, values in labels.items()},
            features=row,
        )
        for place, (row, second) in enumerate(
            zip(features, seconds.tolist(), strict=True)
        )
    ]


def _parsed(cells: Any, feature: Feature, where: str, separator: str) -> Any:
    """What the texts of a CSV column stand for."""
    if isinstance(feature, Vector):
        return _lists(cells, where, separator, is_number=True)
    if isinstance(feature, Categorical):
        is_number = feature.dtype == "int64"
        if feature.max_values is not None:
            return _lists(cells, where, separator, is_number=is_number)
        return _numbers(cells, where) if is_number else cells
    return _numbers(cells, where) if isinstance(feature, Numeric) else cells


def _numbers(cells: Any, where: str) -> Any:
    numbers = pd.to_numeric(cells.replace("", None), errors="coerce")
    bad = np.flatnonzero(numbers.isna() & (cells != ""))
    if len(bad):
        raise bad_cell(cells, int(bad[0]), where, NUMBERS)
    return numbers


def _lists(cells: Any, where: str, separator: str, *, is_number: bool) -> Any:
    lists = []
    for row, text in enumerate(cells):
        values: list[Any] = text.split(separator) if text else []
        if is_number:
            try:
                values = [_number(value) for value in values]
            except ValueError as error:
                expected = f"numbers with {separator!r} between them"
                raise bad_cell(cells, row, where, expected) from error
        lists.append(values)
    return pd.Series(lists, name=cells.name, dtype=object)


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _weights(cells: Any, where: str) -> list[float]:
    weights = pd.to_numeric(cells, errors="coerce").to_numpy("float64", na_value=np.nan)
    for row in np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))[:1]:
        raise bad_cell(cells, int(row), where, "a weight of at least 0")
    return list(weights.tolist())
