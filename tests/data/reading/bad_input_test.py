"""Tests that bad files are refused, with the file and the field that is wrong."""

import gzip

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
import tensorflow as tf

from tests.data.reading.opening_test import write_records
from tests.features.shop import small_schema
from tfctr.data.reading import read_examples
from tfctr.data.reading.files import find_files
from tfctr.errors import InputError, UnknownName
from tfctr.features import Categorical, FeatureSchema, Numeric, SchemaState

FRAME = pd.DataFrame(
    {
        "user_id": ["u", "v"] * 20,
        "item_id": ["a", "b"] * 20,
        "price": [1.0, 2.0] * 20,
        "click": [1.0, 0.0] * 20,
    }
)
SCHEMA = small_schema(item=[Categorical("item_id"), Numeric("price")])


@pytest.fixture(scope="module")
def state() -> SchemaState:
    return SCHEMA.fit(FRAME)


def written(path, frame=FRAME, schema: FeatureSchema = SCHEMA):
    if path.suffix == ".parquet":
        frame.to_parquet(path, row_group_size=10)
    elif path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        kind = "GZIP" if path.suffix == ".gz" else ""
        write_records(path, frame, schema, kind)
    return path


def cut(path, count):
    path.write_bytes(path.read_bytes()[:-count])
    return path


@pytest.mark.parametrize("missing", ["none.parquet", "*.csv", "empty"])
def test_missing_files_are_refused(tmp_path, state, missing):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "_SUCCESS").write_text("")
    with pytest.raises(InputError, match=r"no such file|no files in it") as error:
        read_examples(tmp_path / missing, state)
    assert missing in str(error.value)


def test_odd_requests_are_refused(tmp_path, state):
    path = written(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="an empty list"):
        read_examples([], state)
    with pytest.raises(InputError, match="the file twice"):
        read_examples([path, tmp_path], state)
    with pytest.raises(UnknownName, match="Did you mean 'parquet'"):
        read_examples(path, state, file_format="parkett")
    with pytest.raises(InputError, match="file_format"):
        read_examples(path.rename(tmp_path / "a.data"), state)
    renamed = read_examples(tmp_path / "a.data", state, file_format="parquet")
    assert renamed.num_examples == 40


def test_folders_and_patterns_give_files_in_order(tmp_path):
    for name in ("b.csv", "a.csv", "_SUCCESS", ".a.csv.crc", "c.parquet"):
        (tmp_path / name).write_text("x")
    names = [(path.name, kind) for path, kind in find_files(tmp_path)]
    assert names == [("a.csv", "csv"), ("b.csv", "csv"), ("c.parquet", "parquet")]
    names = [path.name for path, _ in find_files([tmp_path / "c*", tmp_path / "*.csv"])]
    assert names == ["c.parquet", "a.csv", "b.csv"]


@pytest.mark.parametrize("name", ["a.parquet", "a.csv"])
def test_a_missing_column_is_named(tmp_path, state, name):
    path = written(tmp_path / name, FRAME.drop(columns="price"))
    with pytest.raises(
        InputError, match=r"`price`: .*no such column.*item_id"
    ) as error:
        read_examples(path, state)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.tfrecord", "a.tfrecord.gz"])
def test_files_without_rows_are_refused(tmp_path, state, name):
    path = written(tmp_path / name, FRAME.head(0))
    with pytest.raises(InputError, match="no rows"):
        read_examples(path, state)
    # Beside one that has rows it does no harm.
    whole = written(tmp_path / f"b{name[1:]}")
    assert (
        sum(len(y["click"]) for _, y in read_examples(tmp_path, state).batches()) == 40
    )
    assert whole.is_file()


@pytest.mark.parametrize(
    ("column", "values", "text"),
    [
        ("item_id", pa.array(range(40)), "type int64.*expected text"),
        ("item_id", pa.array([["a"]] * 40), "type list.*expected text"),
        ("price", pa.array(["1"] * 40), "type string.*expected numbers"),
        ("price", pa.array([True] * 40), "type bool.*expected numbers"),
    ],
)
def test_a_wrong_type_is_refused_at_once(tmp_path, state, column, values, text):
    table = pa.Table.from_pandas(FRAME)
    place = table.column_names.index(column)
    table = table.set_column(place, column, values)
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(InputError, match=f"`{column}`.*{text}"):
        read_examples(tmp_path, state)


def test_two_columns_of_a_name_are_refused(tmp_path, state):
    table = pa.Table.from_pandas(FRAME)
    table = table.append_column("price", table["price"])
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"`price`.*2 such column"):
        read_examples(tmp_path, state)


@pytest.mark.parametrize("name", ["a.parquet", "a.tfrecord", "a.tfrecord.gz"])
def test_a_file_that_was_cut_off_is_refused_at_once(tmp_path, state, name):
    path = cut(written(tmp_path / name), 12)
    with pytest.raises(InputError, match=r"expected (a )?whole") as error:
        read_examples(path, state)
    assert str(path) in str(error.value)


def test_a_damaged_record_is_refused_when_it_is_read(tmp_path, state):
    path = written(tmp_path / "a.tfrecord")
    data = bytearray(path.read_bytes())
    data[30] ^= 1  # inside the first record
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match="corrupted record") as error:
        list(read_examples(path, state).batches())
    assert str(path) in str(error.value)


def test_a_damaged_page_is_refused_when_it_is_read(tmp_path, state):
    path = written(tmp_path / "a.parquet")
    data = bytearray(path.read_bytes())
    data[4:300] = bytes(296)
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match="a whole Parquet file") as error:
        list(read_examples(path, state).batches())
    assert str(path) in str(error.value)


def test_records_of_another_type_are_refused(tmp_path, state):
    path = tmp_path / "a.tfrecord"
    other = small_schema(item=[Categorical("item_id"), Categorical("price")])
    written(path, FRAME.assign(price="cheap"), other)
    with pytest.raises(InputError, match=r"price.*") as error:
        list(read_examples(path, state).batches())
    assert str(path) in str(error.value)


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.tfrecord"])
def test_a_label_that_is_missing_is_named_with_its_place(tmp_path, state, name):
    path = written(tmp_path / name, FRAME.assign(click=[1.0] * 35 + [None] * 5))
    with pytest.raises(
        InputError, match=r"`click`: received nan in row.*0 or 1"
    ) as error:
        list(read_examples(path, state, shuffle=False).batches())
    assert f"to 39 of {path}" in str(error.value)


def test_cells_that_are_no_numbers_are_named(tmp_path, state):
    path = written(tmp_path / "a.csv", FRAME.assign(price="cheap"))
    with pytest.raises(InputError, match=r"`price`.*'cheap'"):
        list(read_examples(path, state).batches())


def test_ragged_lines_are_refused(tmp_path, state):
    path = written(tmp_path / "a.csv")
    path.write_text(path.read_text() + "u,a,1.0\n")
    with pytest.raises(InputError, match="Expected 4 columns, got 3"):
        list(read_examples(path, state).batches())


def test_quotes_inside_cells_are_refused(tmp_path, state):
    path = written(tmp_path / "a.csv")
    path.write_text(path.read_text() + 'u"1,a,1.0,1\nu,a,1.0,1\nu,b"c,1.0,0\n')
    with pytest.raises(InputError, match="quotes only around whole cells"):
        list(read_examples(path, state).batches())


def test_text_files_hold_quotes_breaks_and_empty_lines(tmp_path, monkeypatch):
    monkeypatch.setattr("tfctr.data.reading.delimited.ROWS_PER_BLOCK", 2)
    schema = small_schema()
    frame = pd.DataFrame(
        {"user_id": ["a\nb", 'c "d"', "e,f"], "item_id": ["x", "", "ü"]}
    )
    frame["click"] = [1, 0, 1]
    state = schema.fit(frame)
    text = "\n".join(["", *frame.to_csv(index=False).split("\n"), "", "", ""])
    for size in (3, 7, 1 << 20):
        monkeypatch.setattr("tfctr.data.reading.delimited.BYTES_PER_LOOK", size)
        for breaks in ("\n", "\r\n"):
            data = text.replace("\n", breaks).replace(f"a{breaks}b", "a\nb")
            (tmp_path / "a.csv").write_bytes(data.encode())
            reader = read_examples(tmp_path / "a.csv", state, shuffle=False)
            ((x, y),) = reader.batches()
            raw = {n: frame[n].to_numpy(object) for n in ("user_id", "item_id")}
            expected = {n: t.numpy().tolist() for n, t in state.encode(raw).items()}
            assert {name: values.tolist() for name, values in x.items()} == expected
            assert y["click"].tolist() == [1, 0, 1]


def test_a_compressed_file_that_is_none_is_refused(tmp_path, state):
    path = written(tmp_path / "a.tfrecord").rename(tmp_path / "a.tfrecord.gz")
    with pytest.raises(InputError, match="TFRecord"):
        read_examples(path, state)
    (tmp_path / "b.tfrecord").write_bytes(gzip.compress(b"nothing of use" * 99))
    with pytest.raises(InputError, match="cut off in record 0"):
        read_examples(tmp_path / "b.tfrecord", state)


def test_what_is_found_during_training_names_file_and_field(tmp_path, state):
    path = written(tmp_path / "a.parquet", FRAME.assign(click=[1.0] * 39 + [7.0]))
    dataset = read_examples(path, state, 10, shuffle=False, shuffle_rows=10).dataset()
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="`click`: received 7"
    ) as e:
        list(dataset)
    assert f"rows 30 to 39 of {path}" in str(e.value)
