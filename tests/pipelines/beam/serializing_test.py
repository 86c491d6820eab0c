"""Tests of `tfctr.pipelines.beam.serializing`."""

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
from apache_beam.testing.util import assert_that, equal_to

from tests.pipelines.logs import SPEC, make_schema, make_tables
from tfctr.data.examples import build_examples
from tfctr.features import to_example
from tfctr.pipelines.beam.serializing import RowSerializer, SerializeRows

SCHEMA = make_schema()


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    made = make_tables(200, seed=4)
    frames = build_examples(made["events"], made["users"], made["items"], SCHEMA, SPEC)
    return frames["train"].to_dict("records")


def test_records_are_those_of_the_checked_way(rows):
    serialize = RowSerializer(SCHEMA)
    for row in rows:
        assert tf.train.Example.FromString(serialize(row)) == to_example(SCHEMA, row)


def test_histories_keep_their_end_and_lists_their_beginning(rows):
    row = dict(rows[0])
    row["genres"] = ["a", "b", "c"]
    row["history_item"] = ["i1", "i2", "i3", "i4"]
    row["history_genres"] = [["a"], [], ["b", "c", "d"], []]
    record = tf.train.Example.FromString(RowSerializer(SCHEMA)(row))
    feature = record.features.feature
    assert list(feature["genres"].bytes_list.value) == [b"a", b"b"]
    assert list(feature["history_item"].bytes_list.value) == [b"i2", b"i3", b"i4"]
    nested = list(feature["history_genres"].bytes_list.value)
    assert nested == [b"", b"", b"b", b"c"]
    assert record == to_example(SCHEMA, row)


def test_missing_values_are_left_out(rows):
    row = {**rows[0], "job": "", "age": float("nan"), "history_rating": [-1, -1]}
    row |= {"image": np.full(2, np.nan), "finish": float("nan")}
    feature = tf.train.Example.FromString(RowSerializer(SCHEMA)(row)).features.feature
    assert not {"job", "age", "history_rating", "image", "finish"} & set(feature)


def test_transform_serialises_every_row(rows):
    expected = [to_example(SCHEMA, row) for row in rows[:5]]
    with beam.Pipeline() as pipeline:
        records = pipeline | beam.Create(rows[:5]) | SerializeRows(SCHEMA)
        parsed = records | beam.Map(tf.train.Example.FromString)
        assert_that(parsed, equal_to(expected))
