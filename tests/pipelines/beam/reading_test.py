"""Tests of reading raw tables: `tables`, `files`, `reading`, `item_frames`."""

import time
from pathlib import Path

import pandas as pd
import pytest

from tests.pipelines.logs import SPEC, make_schema, make_tables, write_tables
from tfctr.errors import InputError, UnknownName
from tfctr.pipelines.beam import raw_tables
from tfctr.pipelines.beam.item_frames import item_frames
from tfctr.pipelines.beam.reading import events_of_frame, rows_of_frame
from tfctr.pipelines.beam.tables import RawTable

SCHEMA = make_schema()


def read(path: str, table: RawTable) -> list:
    is_text = path.endswith(".csv")
    frame = pd.read_csv(path, dtype=str, keep_default_na=False) if is_text else None
    frame = pd.read_parquet(path) if frame is None else frame
    if table.spec is None:
        return rows_of_frame(frame, table, path, is_text=is_text)
    return events_of_frame(frame, table, table.spec, path, is_text=is_text)


@pytest.mark.parametrize("name", ["events", "users", "items"])
def test_csv_and_parquet_hold_the_same_rows(tmp_path, name):
    made = make_tables(20, 3)
    rows = []
    for suffix in ("csv", "parquet"):
        paths = write_tables(made, tmp_path, suffix)
        tables, _ = raw_tables(SCHEMA, SPEC, paths)
        rows.append([_features(row) for row in read(paths[name], tables[name])])
    assert rows[0] == rows[1]


def _features(row) -> str:
    return repr(row if isinstance(row, dict) else row._replace(rule_values={}))


def broken(tmp_path: Path, table: str, column: str, row: int, cell) -> InputError:
    made = make_tables(20, 3)
    made[table][column] = made[table][column].astype(object)
    made[table].at[row, column] = cell
    paths = write_tables(made, tmp_path, "csv")
    tables, _ = raw_tables(SCHEMA, SPEC, paths)
    with pytest.raises(InputError) as raised:
        read(paths[table], tables[table])
    return raised.value


@pytest.mark.parametrize(
    ("table", "column", "cell"),
    [
        ("events", "user", "bob"),
        ("events", "user", ""),
        ("events", "item", ""),
        ("events", "at", "yesterday"),
        ("events", "at", ""),
        pytest.param("events", "at", int(time.time()) + 86_400, id="tomorrow"),
        ("events", "rating", "five"),
        ("events", "minutes", "-1"),
        ("users", "age", "old"),
        ("items", "image", [1.0, 2.0, 3.0]),
        ("items", "price", "cheap"),
    ],
)
def test_wrong_cell_is_named_with_column_row_and_file(tmp_path, table, column, cell):
    error = broken(tmp_path, table, column, 4, cell)
    assert error.field == column
    assert f"in row 4 of {tmp_path}/{table}.csv" in str(error.received)


def test_missing_column_is_named_with_the_nearest(tmp_path):
    made = make_tables(20, 3)
    made["events"] = made["events"].rename(columns={"device": "devices"})
    paths = write_tables(made, tmp_path, "csv")
    with pytest.raises(UnknownName) as raised:
        raw_tables(SCHEMA, SPEC, paths)
    assert raised.value.field == f"column of {paths['events']}"
    assert raised.value.name == "device"
    assert "Did you mean 'devices'" in str(raised.value)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_table_without_rows_is_refused(tmp_path, suffix):
    made = make_tables(20, 3)
    made["items"] = made["items"].iloc[:0]
    paths = write_tables(made, tmp_path, suffix)
    with pytest.raises(InputError, match=rf"items\.{suffix}`: received an empty file"):
        raw_tables(SCHEMA, SPEC, paths)


def test_file_of_no_bytes_is_refused(tmp_path):
    paths = write_tables(make_tables(20, 3), tmp_path, "csv")
    Path(paths["users"]).write_text("")
    with pytest.raises(InputError, match=r"users\.csv`: received an empty file"):
        raw_tables(SCHEMA, SPEC, paths)


def test_file_that_does_not_exist_is_named_by_its_key(tmp_path):
    paths = write_tables(make_tables(20, 3), tmp_path, "csv")
    paths["users"] = str(tmp_path / "nobody.csv")
    with pytest.raises(InputError, match=r"`data\.users`: received .*nobody\.csv"):
        raw_tables(SCHEMA, SPEC, paths)


def test_file_of_another_kind_is_refused(tmp_path):
    paths = write_tables(make_tables(20, 3), tmp_path, "csv")
    paths["users"] = str(tmp_path / "users.xlsx")
    Path(paths["users"]).write_text("x")
    with pytest.raises(UnknownName, match=r"`data\.users`.*one of \.csv, \.parquet"):
        raw_tables(SCHEMA, SPEC, paths)


def test_user_table_may_be_left_out_only_if_nothing_comes_from_it(tmp_path):
    paths = write_tables(make_tables(20, 3), tmp_path, "csv")
    del paths["users"]
    with pytest.raises(InputError, match=r"`data\.users`.*a table with job, age"):
        raw_tables(SCHEMA, SPEC, paths)


def test_item_frames_hold_declared_columns_and_those_for_display(tmp_path):
    made = make_tables(20, 3)["items"]
    path = write_tables({"items": made}, tmp_path, "csv")["items"]
    (frame,) = item_frames(SCHEMA, path, "item")
    assert set(frame) == {"item", "genres", "image", "price", "title"}
    assert frame["title"].tolist() == made["title"].tolist()
    assert frame["genres"].tolist() == made["genres"].tolist()
    assert frame["price"].dtype == "float64"
