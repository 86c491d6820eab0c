"""Tests of `tfctr.features.examples`."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.features.oracles import dense_frame
from tests.features.shop import SCHEMA, shop_frame, small_schema
from tfctr.errors import InputError, UnknownName
from tfctr.features import (
    Categorical,
    Numeric,
    Sequence,
    Vector,
    frame_to_arrays,
    parse_examples,
    parsing_spec,
    to_example,
    to_examples,
)

NAN = float("nan")


def serialize(schema, rows):
    return tf.constant([to_example(schema, row).SerializeToString() for row in rows])


def parse(schema, *rows, **kwargs):
    parsed = parse_examples(schema, serialize(schema, rows), **kwargs)
    return {name: value.numpy() for name, value in parsed.items()}


def text(values):
    """Bytes as text, at any depth."""
    return np.vectorize(bytes.decode, otypes=[object])(values).tolist()


def feature_of(example, name):
    return example.features.feature[name]


def same_as_frame(schema, frame):
    rows = frame.to_dict("records")
    parsed = parse(schema, *rows)
    expected = frame_to_arrays(schema, frame)
    assert parsed.keys() == expected.keys()
    for name, values in expected.items():
        assert parsed[name].shape == values.shape
        if values.dtype == object:
            values = np.array([v.encode() for v in values.reshape(-1)], object)
            values = values.reshape(parsed[name].shape)
        np.testing.assert_array_equal(parsed[name], values, name)


def test_examples_of_every_kind_come_back_as_the_frame():
    same_as_frame(SCHEMA, shop_frame(30).drop(columns=["click", "buy", "buy_weight"]))


@st.composite
def frames(draw):
    """Frames of users with lists, vectors and histories, much of it missing."""
    texts = st.sampled_from(["", "a", "größe", None])
    numbers = st.none() | st.floats(-5, 5, width=32) | st.just(NAN)
    vectors = st.none() | st.lists(st.floats(-5, 5, width=32), min_size=2, max_size=2)
    rows = []
    for _ in range(draw(st.integers(1, 4))):
        count = draw(st.integers(0, 5))
        events = st.lists(
            st.tuples(texts, st.lists(texts, max_size=3), numbers, vectors),
            min_size=count,
            max_size=count,
        )
        items, tags, prices, looks = (
            zip(*draw(events), strict=True) if count else [()] * 4
        )
        rows.append(
            {
                "user_id": draw(texts),
                "tags": draw(st.none() | st.lists(texts, max_size=3)),
                "look": draw(vectors),
                "item_id": draw(texts),
                "age": draw(numbers),
                "h_item_id": list(items),
                "h_tags": list(tags),
                "h_price": list(prices),
                "h_look": [look or [] for look in looks],
            }
        )
    return pd.DataFrame(rows, dtype=object)


TAGS = Categorical("tags", max_values=2)
RICH = small_schema(
    user=[Categorical("user_id"), TAGS, Vector("look", 2)],
    context=[Numeric("age")],
    sequences=[
        Sequence(
            "h",
            (Categorical("item_id"), TAGS, Numeric("price"), Vector("look", 2)),
            max_length=3,
        )
    ],
)


@given(frames())
@settings(max_examples=60, deadline=None)
def test_any_frame_comes_back(frame):
    same_as_frame(RICH, frame)


def test_absent_features_become_missing_values():
    parsed = parse(SCHEMA, {})
    expected = dense_frame(SCHEMA, pd.DataFrame([dict.fromkeys(_names())]))
    for name, values in expected.items():
        if values.dtype == object:
            assert set(parsed[name].reshape(-1)) == {b""}
        else:
            np.testing.assert_array_equal(parsed[name], values, name)
        assert parsed[name].shape == (1, *SCHEMA.column(name).shape)


def test_missing_values_are_left_out_of_the_record():
    row = {"user_id": "", "age": NAN, "brand": -1, "interests": ["", ""], "picture": []}
    row |= {"history_item_id": [], "history_picture": None, "click": NAN, "buy": None}
    assert not to_example(SCHEMA, row).features.feature


def test_padding_at_the_end_of_lists_is_left_out():
    row = {"interests": ["a", "", "b", "", ""], "history_price": [1.0, NAN, NAN]}
    example = to_example(SCHEMA, row)
    assert list(feature_of(example, "interests").bytes_list.value) == [b"a", b"", b"b"]
    assert list(feature_of(example, "history_price").float_list.value) == [1.0]


def test_longer_histories_are_cut_to_the_most_recent():
    example = tf.train.Example()
    items = [b"a", b"b", b"c", b"d", b"e"]
    feature_of(example, "h_item_id").bytes_list.value.extend(items)
    pairs = [b"a1", b"", b"b1", b"b2", b"c1", b"", b"d1", b"d2", b"e1", b""]
    feature_of(example, "h_tags").bytes_list.value.extend(pairs)
    feature_of(example, "tags").bytes_list.value.extend(items)
    parsed = parse_examples(RICH, tf.constant([example.SerializeToString()]))
    assert text(parsed["h_item_id"]) == [["c", "d", "e"]]
    assert text(parsed["h_tags"]) == [[["c1", ""], ["d1", "d2"], ["e1", ""]]]
    assert text(parsed["tags"]) == [["a", "b"]]


def test_writing_cuts_as_reading_does():
    row = {"h_item_id": list("abcde"), "tags": list("abc")}
    example = to_example(RICH, row)
    assert list(feature_of(example, "h_item_id").bytes_list.value) == [b"c", b"d", b"e"]
    assert list(feature_of(example, "tags").bytes_list.value) == [b"a", b"b"]


def test_vector_that_is_known_in_part_is_not_written():
    with pytest.raises(InputError, match="`look`: received a vector with NaN"):
        parse(RICH, {"look": [1.5, NAN]})


def test_labels_are_parsed_where_asked_for():
    row = {"user_id": "u", "click": 1, "buy_weight": 0.5}
    parsed = parse(SCHEMA, row, {}, labels=True)
    np.testing.assert_array_equal(parsed["click"], np.float32([1, NAN]))
    np.testing.assert_array_equal(parsed["buy"], np.float32([NAN, NAN]))
    np.testing.assert_array_equal(parsed["buy_weight"], np.float32([0.5, NAN]))
    assert "click" not in parse(SCHEMA, row)


def test_spec_has_a_column_of_every_dtype():
    spec = parsing_spec(SCHEMA, labels=True)
    assert set(spec) == {*_names(), "click", "buy", "buy_weight"}
    assert spec["brand"] == tf.io.FixedLenFeature((), tf.int64, -1)
    assert spec["history_time"] == tf.io.RaggedFeature(tf.int64)
    assert spec["interests"] == tf.io.RaggedFeature(tf.string)
    assert spec["picture"].shape == (3,)


def test_empty_batch_of_examples():
    parsed = parse_examples(RICH, tf.constant([], tf.string))
    assert parsed["h_tags"].shape == (0, 3, 2)
    assert parsed["look"].shape == (0, 2)


def test_unknown_key_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'age'"):
        to_example(SCHEMA, {"agee": 3.0})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user_id", 3),
        ("user_id", ["a"]),
        ("age", "old"),
        ("brand", 1.5),
        ("interests", "abc"),
        ("picture", [1.0]),
        ("click", "yes"),
    ],
)
def test_wrong_value_is_refused_by_name(name, value):
    with pytest.raises(InputError) as caught:
        to_example(SCHEMA, {name: value})
    assert caught.value.field == name


def test_bytes_are_written_as_they_are():
    example = to_example(SCHEMA, {"user_id": b"\xff\x00", "interests": [b"\xfe"]})
    assert feature_of(example, "user_id").bytes_list.value[0] == b"\xff\x00"
    assert feature_of(example, "interests").bytes_list.value[0] == b"\xfe"


def _names():
    return [column.name for column in SCHEMA.raw_columns()]


@pytest.mark.parametrize("count", [0, 1, 2, 20])
def test_examples_of_many_rows_are_those_of_each(count):
    rows = shop_frame(count + 1).to_dict("records")[:count]
    for row in rows[::2]:
        del row["history_item_id"], row["picture"]
    many = to_examples(SCHEMA, rows)
    assert many == [to_example(SCHEMA, row) for row in rows]


def test_lists_of_one_length_stay_lists():
    rows = [{"picture": [1.0, 2.0, 3.0]}, {"picture": [4.0, 5.0, 6.0]}]
    values = [
        list(feature_of(example, "picture").float_list.value)
        for example in to_examples(SCHEMA, rows)
    ]
    assert values == [row["picture"] for row in rows]
