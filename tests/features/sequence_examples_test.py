"""Tests of user sequences as records."""

import numpy as np
import pytest
import tensorflow as tf

from tests.pipelines.logs import SPEC, make_schema, make_tables
from tfctr.data import build_user_sequences
from tfctr.features.frames import dense_column
from tfctr.features.sequence_columns import step_column
from tfctr.features.sequence_examples import (
    parse_sequence_examples,
    to_sequence_example,
)

SCHEMA = make_schema(ripeness=None)


@pytest.fixture(scope="module")
def frame():
    made = make_tables(60, 0)
    tables = (made["events"], made["users"], made["items"])
    return build_user_sequences(*tables, SCHEMA, SPEC)["train"]


def test_records_give_back_what_was_written(frame):
    rows = frame.to_dict("records")
    records = [to_sequence_example(SCHEMA, row).SerializeToString() for row in rows]
    users, steps = parse_sequence_examples(SCHEMA, tf.constant(records))
    for column in SCHEMA.raw_columns(("user",)):
        assert users[column.name].shape == (len(rows), *column.shape)
        expected = dense_column(column, frame[column.name])
        np.testing.assert_array_equal(_text(users[column.name]), _text(expected))
    for column in SCHEMA.raw_columns(("sequence",)):
        for row, cell in enumerate(frame[column.name]):
            expected = dense_column(step_column(column), cell)
            found = steps[column.name][row]
            np.testing.assert_array_equal(_text(found), _text(expected))
    for name in ("history_visible", "like", "finish", "finish_sample_weight"):
        for row, cell in enumerate(frame[name]):
            np.testing.assert_array_equal(steps[name][row], cell)


def test_steps_without_values_keep_their_place(frame):
    """Items without a row have no genre, wherever they stand."""
    row = frame.iloc[0].to_dict()
    row["history_genres"] = [[] for _ in row["history_item"]]
    record = to_sequence_example(SCHEMA, row).SerializeToString()
    _, steps = parse_sequence_examples(SCHEMA, tf.constant([record]))
    assert steps["history_genres"].shape.as_list() == [1, None, 2]
    assert steps["history_genres"][0].shape == (len(row["like"]), 2)
    assert set(steps["history_genres"].flat_values.numpy().reshape(-1)) == {b""}


def _text(values):
    array = np.asarray(values)
    if array.dtype != object:
        return array
    flat = [v.decode() if isinstance(v, bytes) else v for v in array.reshape(-1)]
    return np.array(flat).reshape(array.shape)
