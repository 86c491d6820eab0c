"""Tests that all formats give the examples that `to_dataset` makes of the frame."""

import dataclasses

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
import tensorflow as tf

from tests.features.shop import SCHEMA, shop_frame, small_schema
from tfctr.data import to_dataset
from tfctr.data.reading import read_examples, write_encoded
from tfctr.errors import InputError
from tfctr.features import Categorical, Label, Vocabulary, to_examples

FRAME = shop_frame(100, seed=2)
# What no cell of a text file can hold: lists of lists.
NESTED = {"history_category", "history_picture"}


@pytest.fixture(scope="module")
def state():
    return SCHEMA.fit(FRAME)


def write_records(path, frame, schema=SCHEMA, compression=""):
    rows = frame.where(frame.notna(), None).to_dict("records")
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for example in to_examples(schema, rows):
            writer.write(example.SerializeToString())


def write_cells(path, frame, sep=","):
    def cell(value):
        if isinstance(value, list):
            return "|".join("" if pd.isna(v) else str(v) for v in value)
        return value

    frame.map(cell).to_csv(path, index=False, sep=sep)


def parts_of(folder, frame, kind):
    """Writes a frame as two files."""
    folder.mkdir()
    for name, part in (("a", frame[:37]), ("b", frame[37:])):
        if kind == "parquet":
            part.to_parquet(folder / f"{name}.parquet", row_group_size=9)
        elif kind == "tfrecord":
            write_records(folder / f"{name}.tfrecord", part)
        elif kind == "tfrecord.gz":
            write_records(folder / f"{name}.tfrecord.gz", part, compression="GZIP")
        else:
            write_cells(folder / f"{name}.{kind}", part, "\t" if kind == "tsv" else ",")
    return folder


def check_equal(found, expected):
    """Same names, dtypes and values, batch by batch; whole numbers to the last one."""
    found, expected = list(found), list(expected)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert [sorted(part) for part in one] == [sorted(part) for part in other]
        for part, wanted in zip(one, other, strict=True):
            for name, values in wanted.items():
                assert part[name].dtype == values.numpy().dtype, name
                # A logarithm's last bit depends on a row's place in its block.
                np.testing.assert_allclose(part[name], values, 1e-6, err_msg=name)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["parquet", "tfrecord", "tfrecord.gz"])
def test_files_give_what_the_frame_gives(tmp_path, state, kind, packed):
    folder = parts_of(tmp_path / "parts", FRAME, kind)
    reader = read_examples(folder, state, 32, shuffle=False, packed=packed)
    expected = to_dataset(FRAME, state, 32, shuffle=False, packed=packed)
    check_equal(reader.batches(), expected)
    assert (reader.num_batches, reader.num_examples) == (4, 100)


@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_text_files_give_what_the_frame_gives(tmp_path, kind):
    history = dataclasses.replace(
        SCHEMA.sequences[0],
        features=tuple(
            f
            for f in SCHEMA.sequences[0].features
            if f.name not in ("category", "picture")
        ),
    )
    schema = dataclasses.replace(
        SCHEMA, sequences=(history, *SCHEMA.sequences[1:]), sizes={}
    )
    frame = FRAME.drop(columns=sorted(NESTED))
    state = schema.fit(frame)
    folder = parts_of(tmp_path / "parts", frame, kind)
    reader = read_examples(folder, state, 32, shuffle=False)
    check_equal(reader.batches(), to_dataset(frame, state, 32, shuffle=False))
    with pytest.raises(InputError, match=r"history_category.*Parquet or TFRecord"):
        read_examples(folder, SCHEMA.fit(FRAME))


@pytest.mark.parametrize("packed", [False, True])
def test_encoded_files_give_what_the_frame_gives(tmp_path, state, packed):
    files = write_encoded(FRAME, state, tmp_path / "encoded", rows_per_file=30)
    assert [pyarrow.parquet.read_metadata(f).num_rows for f in files] == [
        30,
        30,
        30,
        10,
    ]
    assert sorted(tmp_path.iterdir()) == [tmp_path / "encoded"]
    reader = read_examples(files, state, 32, shuffle=False, packed=packed)
    expected = to_dataset(FRAME, state, 32, shuffle=False, packed=packed)
    check_equal(reader.batches(), expected)


def test_encoded_files_of_another_state_are_refused(tmp_path, state):
    write_encoded(FRAME, state, tmp_path / "encoded")
    with pytest.raises(InputError, match="another state has encoded"):
        read_examples(tmp_path / "encoded", SCHEMA.fit(FRAME[:50]))
    with pytest.raises(InputError, match="which exists"):
        write_encoded(FRAME, state, tmp_path / "encoded")


def test_a_frame_can_be_read_as_files_are(state):
    reader = read_examples(FRAME, state, 32, shuffle=False, packed=True)
    check_equal(
        reader.batches(), to_dataset(FRAME, state, 32, shuffle=False, packed=True)
    )


def test_records_that_tft_has_encoded_are_read_as_they_are(tmp_path):
    schema = small_schema(labels=[Label("click"), Label("buy", observed_if="click")])
    frame = pd.DataFrame({"user_id": ["u", "v"], "item_id": ["a", "b"]})
    frame = frame.assign(click=[1.0, 0.0], buy=[1.0, 0.0])
    state = schema.fit(frame)
    path = tmp_path / "transformed_examples.tfrecord.gz"
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for row in range(2):
            example = tf.train.Example()
            feature = example.features.feature
            feature["user_id"].int64_list.value.append(2 + row)
            feature["item_id"].int64_list.value.append(3 - row)
            feature["group_id"].int64_list.value.append(70 + row)
            feature["click"].float_list.value.append(1.0 - row)
            feature["buy"].float_list.value.append(1.0)
            writer.write(example.SerializeToString())
    reader = read_examples(path, state, shuffle=False, encoded=True)
    ((x, y, w),) = reader.batches()
    assert (x["user_id"].tolist(), x["item_id"].tolist()) == ([2, 3], [3, 2])
    assert (x["user_id"].dtype, x["group_id"].tolist()) == ("int32", [70, 71])
    assert (y["buy"].tolist(), w["buy"].tolist()) == ([1, 0], [1, 0])


def test_a_schema_that_learns_nothing_needs_no_state(tmp_path):
    hashed = [Vocabulary(name, num_hash_buckets=9) for name in ("user_id", "item_id")]
    frame = pd.DataFrame({"user_id": ["u"], "item_id": ["a"], "click": [1]})
    frame.to_parquet(tmp_path / "a.parquet")
    schema = small_schema(vocabularies=hashed)
    ((x, _),) = read_examples(tmp_path, schema).batches()
    assert 1 <= x["user_id"][0] <= 9
    with pytest.raises(InputError, match=r"learns `item_id` from data.*schema\.fit"):
        read_examples(tmp_path, small_schema(vocabularies=hashed[:1]))


def test_dictionaries_large_strings_and_gaps_are_read(tmp_path):
    schema = small_schema(
        item=[Categorical("item_id"), Categorical("brand", dtype="int64")]
    )
    frame = pd.DataFrame(
        {"user_id": ["u", None, "v"], "item_id": ["a", "b", ""], "brand": [7, None, 9]}
    )
    frame["click"] = [1, 0, 1]
    state = schema.fit(frame)
    large = pa.array(["a", "b", ""], pa.large_string())
    table = pa.table(
        {
            "user_id": pa.array(["u", None, "v"]).dictionary_encode(),
            "item_id": large,
            "brand": pa.array([7.0, float("nan"), 9.0]),
            "click": [True, False, True],
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    reader = read_examples(tmp_path, state, shuffle=False)
    check_equal(reader.batches(), to_dataset(frame, state, shuffle=False))
