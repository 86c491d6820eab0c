"""Tests of reading raw tables."""

import pandas as pd
import pytest

from tests.data import oracle
from tests.data.oracle import EVENTS, ITEMS, SPEC, USERS
from tfctr.data import build_examples, column_types, read_table
from tfctr.errors import InputError, UnknownName

TEXT = "user_id,age,tags\n007,31.5,a|b\n008,,\n009,40,c\n"
TYPES = {"user_id": "string", "age": "number", "tags": "strings"}


@pytest.fixture
def csv(tmp_path):
    def write(text, name="users.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_csv_columns_come_as_declared(csv):
    users = read_table(csv(TEXT), TYPES)
    assert users["user_id"].tolist() == ["007", "008", "009"]
    assert users["age"].fillna(-1).tolist() == [31.5, -1, 40]
    assert users["tags"].tolist() == [["a", "b"], [], ["c"]]


def test_lists_of_numbers_and_other_separators_are_read(csv):
    path = csv("id;v\n1;2.5 3\n2;\n".replace(";", "\t"), "items.tsv")
    items = read_table(path, {"v": "numbers"}, separator=" ")
    assert items["id"].tolist() == [1, 2]
    assert items["v"].tolist() == [[2.5, 3.0], []]


def test_quoted_cells_may_hold_commas_and_line_breaks(csv):
    items = read_table(csv('id,title\n1,"Babe, the pig"\n2,"two\nlines"\n'))
    assert items["title"].tolist() == ["Babe, the pig", "two\nlines"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an empty file"),
        ("user_id,age,tags\n", "column names without rows"),
        ("user_id,age\n1,2\n", "`tags`: received .* the columns user_id, age"),
        ("user_id,ages,tags\n1,2,3\n", "Did you mean 'ages'"),
        ("user_id,age,tags\n1,old,\n", "`age`: received 'old' in row 0 of users.csv"),
        ("user_id,age,tags\n1,2,x\n3,4\n", "Expected 3 columns, got 2.*cut off"),
        ("user_id,age,tags\n1,2,x,9\n", "Expected 3 columns, got 4"),
    ],
)
def test_bad_csv_files_are_named(csv, text, message):
    with pytest.raises(InputError, match=message):
        read_table(csv(text), TYPES)


def test_missing_files_and_unknown_kinds_are_named(csv, tmp_path):
    with pytest.raises(InputError, match=r"gone\.csv`: received no such file"):
        read_table(tmp_path / "gone.csv")
    with pytest.raises(UnknownName, match=r"`file ending`: received '\.txt'"):
        read_table(csv(TEXT, "users.txt"))
    with pytest.raises(UnknownName, match="Did you mean 'string'"):
        read_table(csv(TEXT), {"user_id": "str"})


def test_parquet_is_read_and_a_cut_file_is_named(tmp_path):
    path = tmp_path / "users.parquet"
    USERS.to_parquet(path)
    pd.testing.assert_frame_equal(read_table(path, {"age": "number"}), USERS)
    with pytest.raises(InputError, match="`size`: received"):
        read_table(path, {"size": "number"})
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"users\.parquet`: .*a whole Parquet file"):
        read_table(path)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_examples_of_files_are_those_of_frames(tmp_path, ending):
    paths = {}
    for table, frame in (("event", EVENTS), ("user", USERS), ("item", ITEMS)):
        paths[table] = tmp_path / f"{table}.{ending}"
        if ending == "parquet":
            frame.to_parquet(paths[table])
        else:
            flat = frame.copy()
            if "genres" in flat:
                flat["genres"] = flat["genres"].str.join("|")
            flat.to_csv(paths[table], index=False)
    schema = oracle.schema()
    types = column_types(schema, SPEC, paths)
    found = [read_table(paths[table], types[table]) for table in paths]
    expected = build_examples(EVENTS, USERS, ITEMS, schema, SPEC)
    for name, frame in build_examples(*found, schema, SPEC).items():
        pd.testing.assert_frame_equal(frame.map(_plain), expected[name].map(_plain))


def _plain(cell):
    if isinstance(cell, str) or not hasattr(cell, "__len__"):
        return cell
    return [_plain(value) for value in cell]
