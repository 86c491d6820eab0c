"""The compiled parser of records gives what `tf.io.parse_example` gives, or refuses."""

import struct

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfctr import native
from tfctr.native import RecordColumn, parse_records

pytestmark = pytest.mark.skipif(
    not native.is_loaded(), reason="the kernels are not compiled: `tfctr kernels`"
)
COLUMNS = [
    RecordColumn("price", "float32", 1, "exact"),
    RecordColumn("age", "int64", 1, "exact"),
    RecordColumn("user", "string", 1, "exact"),
    RecordColumn("vector", "float32", 3, "exact"),
    RecordColumn("tags", "string", 2, "first"),
    RecordColumn("times", "int64", 3, "last"),
    RecordColumn("ratings", "float32", 2, "last"),
]
MISSING = {"float32": np.nan, "int64": -1, "string": ""}
LISTS = {"float32": "float_list", "int64": "int64_list", "string": "bytes_list"}
VALUES = {
    "float32": st.floats(width=32, allow_nan=False),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "string": st.binary(max_size=40),
}


def example(values):
    made = tf.train.Example()
    for name, (dtype, given_values) in values.items():
        getattr(made.features.feature[name], LISTS[dtype]).value.extend(given_values)
    return made.SerializeToString()


def expected(serialized):
    """By TensorFlow's own parser, cut and padded by numpy."""
    spec = {}
    for column in COLUMNS:
        dtype = tf.dtypes.as_dtype(column.dtype)
        if column.kind == "exact":
            shape = () if column.width == 1 else (column.width,)
            default = np.full(shape, MISSING[column.dtype]).tolist()
            spec[column.name] = tf.io.FixedLenFeature(shape, dtype, default)
        else:
            spec[column.name] = tf.io.RaggedFeature(dtype)
    parsed = tf.io.parse_example(tf.constant(serialized, tf.string), spec)
    found = {}
    for column in COLUMNS:
        values = parsed[column.name]
        if column.kind == "exact":
            found[column.name] = values.numpy().reshape(-1, column.width)
            continue
        rows = values.to_list()
        kept = [
            row[-column.width :] if column.kind == "last" else row[: column.width]
            for row in rows
        ]
        missing = MISSING[column.dtype]
        missing = b"" if missing == "" else missing
        padded = [row + [missing] * (column.width - len(row)) for row in kept]
        kind = object if column.dtype == "string" else column.dtype
        found[column.name] = np.array(padded, kind)
    return found


def same(found, wanted):
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name].numpy(), values, err_msg=name)


@st.composite
def examples(draw):
    values = {}
    for column in COLUMNS:
        if draw(st.booleans()):
            exact = column.kind == "exact"
            low, high = (column.width, column.width) if exact else (0, 6)
            kind = st.lists(VALUES[column.dtype], min_size=low, max_size=high)
            values[column.name] = (column.dtype, draw(kind))
    if draw(st.booleans()):
        values["unknown"] = ("int64", [1, 2])
    return example(values)


@settings(max_examples=60, deadline=None)
@given(st.lists(examples(), min_size=1, max_size=5))
def test_columns_are_those_of_tensorflow(serialized):
    same(parse_records(tf.constant(serialized), COLUMNS), expected(serialized))


def length(data):
    """A field of bytes: number 1 unless said otherwise, then its length."""
    return bytes([len(data)]) + data


def by_hand(entries):
    """An example of entries `(name, feature)` that are serialised by hand."""
    inner = b""
    for name, feature in entries:
        entry = b"\x0a" + length(name) + b"\x12" + length(feature)
        inner += b"\x0a" + length(entry)
    return b"\x0a" + length(inner)


def test_lists_may_be_packed_or_not():
    floats = struct.pack("<2f", 1.5, -2.0)
    one_by_one = b"".join(b"\x0d" + floats[k : k + 4] for k in (0, 4))
    serialized = [
        by_hand([(b"ratings", b"\x12" + length(one_by_one))]),
        by_hand([(b"ratings", b"\x12" + length(b"\x0a" + length(floats)))]),
        by_hand([(b"times", b"\x1a" + length(b"\x0a" + length(b"\x05\xac\x02")))]),
        by_hand([(b"times", b"\x1a" + length(b"\x08\x05\x08\xac\x02"))]),
    ]
    found = parse_records(tf.constant(serialized), COLUMNS)
    np.testing.assert_array_equal(found["ratings"][:2], [[1.5, -2.0]] * 2)
    np.testing.assert_array_equal(found["times"][2:], [[5, 300, -1]] * 2)
    same(found, expected(serialized))


def test_features_without_a_list_are_missing():
    serialized = [by_hand([(b"age", b""), (b"user", b"")]), b"", b"\x0a\x00"]
    found = parse_records(tf.constant(serialized), COLUMNS)
    assert found["age"].numpy().tolist() == [[-1]] * 3
    same(found, expected(serialized))


GOOD = example({"age": ("int64", [3]), "user": ("string", [b"me"])})
ODD = {
    "another type": example({"age": ("float32", [3.0])}),
    "too many values": example({"age": ("int64", [3, 4])}),
    "an empty list": example({"age": ("int64", [])}),
    "cut off": GOOD[:-3],
    "no message": b"\xff\xff\xff",
    "a name twice": by_hand([(b"age", b"\x1a\x02\x08\x07")] * 2),
    "a list in parts": by_hand([(b"times", b"\x1a\x05\x0a\x01\x05\x08\x07")]),
    "a length of 2**60": b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x0f",
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_odd_is_left_to_tensorflow(kind):
    with pytest.raises(tf.errors.InvalidArgumentError, match="example 1 is not as"):
        parse_records(tf.constant([GOOD, ODD[kind]]), COLUMNS)


def test_required_columns_may_not_be_missing():
    columns = [RecordColumn("age", "int64", 1, "required")]
    assert parse_records(tf.constant([GOOD]), columns)["age"].numpy() == [[3]]
    with pytest.raises(tf.errors.InvalidArgumentError, match="example 0 is not as"):
        parse_records(tf.constant([b""]), columns)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_examples_give_what_tensorflow_gives_or_are_refused(data):
    serialized = bytearray(data.draw(examples()))
    for _ in range(data.draw(st.integers(0, 3))):
        if serialized:
            place = data.draw(st.integers(0, len(serialized) - 1))
            serialized[place] = data.draw(st.integers(0, 255))
    try:
        found = parse_records(tf.constant([bytes(serialized)]), COLUMNS)
    except tf.errors.InvalidArgumentError:
        return
    same(found, expected([bytes(serialized)]))


def test_a_feature_of_field_0_is_refused_as_by_tensorflow():
    """Protocol buffers have no field 0; it is not a missing feature."""
    feature = b"\x02\x06\x0a\x04\x00\x00\x80\x3f"  # a float list, had it the tag 0x12
    entry = b"\x0a\x03age\x12" + bytes([len(feature)]) + feature
    features = b"\x0a" + bytes([len(entry)]) + entry
    serialized = b"\x0a" + bytes([len(features)]) + features
    for parse in (
        lambda: expected([serialized]),
        lambda: parse_records(tf.constant([serialized]), COLUMNS),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError):
            parse()


def test_parts_of_files_are_read_and_their_checksums_checked(tmp_path):
    path = tmp_path / "some.tfrecord"
    records = [example({"age": ("int64", [k])}) for k in range(5)]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    ends = np.cumsum([0, *(len(record) + 16 for record in records)]).tolist()
    found = parse_records(str(path), COLUMNS, (ends[1], ends[4]))
    assert found["age"].numpy().ravel().tolist() == [1, 2, 3]
    for part in ((ends[1], ends[4] - 1), (0, ends[5] + 1), (3, 2), (-1, ends[1])):
        with pytest.raises(tf.errors.DataLossError):
            parse_records(str(path), COLUMNS, part)
    whole = path.read_bytes()
    for place in range(ends[1]):
        damaged = bytearray(whole)
        damaged[place] ^= 4
        path.write_bytes(damaged)
        with pytest.raises(tf.errors.DataLossError):
            parse_records(str(path), COLUMNS, (0, ends[5]))
    with pytest.raises(tf.errors.DataLossError, match="cannot be read"):
        parse_records(str(tmp_path / "none"), COLUMNS, (0, ends[5]))
