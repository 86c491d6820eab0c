"""Tests of `tfctr.pipelines.examples`."""

import numpy as np
import pytest
import tensorflow as tf

from tests.pipelines.logs import SPEC, make_schema, make_tables
from tfctr.data.batches import encode_frame
from tfctr.data.examples import build_examples
from tfctr.data.requests import group_requests
from tfctr.pipelines.examples import (
    raw_records,
    training_dataset,
    training_requests,
)

SCHEMA = make_schema()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A state, a frame, and the records that Transform writes of the frame."""
    tables = make_tables(120, seed=1)
    frame = build_examples(
        tables["events"], tables["users"], tables["items"], SCHEMA, SPEC
    )["train"]
    state = SCHEMA.fit(frame)
    encoded = encode_frame(frame, state)
    path = str(tmp_path_factory.mktemp("records") / "part.gz")
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        for row in range(len(frame)):
            cells = {name: values[row] for name, values in encoded[0].items()}
            cells |= {name: frame[name][row] for name in SCHEMA.label_columns()}
            writer.write(record(cells))
    return state, encoded, path


def record(cells) -> bytes:
    features = {}
    for name, cell in cells.items():
        flat = np.ravel(cell)
        kind = tf.train.Int64List if flat.dtype.kind == "i" else tf.train.FloatList
        field = "int64_list" if flat.dtype.kind == "i" else "float_list"
        features[name] = tf.train.Feature(**{field: kind(value=flat)})
    return tf.train.Example(
        features=tf.train.Features(feature=features)
    ).SerializeToString()


def test_batches_are_those_of_the_same_examples_in_memory(made):
    state, expected, path = made
    batches = list(training_dataset(state.schema, [path], 50))
    assert [len(batch[1]["like"]) for batch in batches[:-1]] == [50] * (
        len(batches) - 1
    )
    for place, part in enumerate(expected):
        for name, values in part.items():
            got = np.concatenate([batch[place][name] for batch in batches])
            np.testing.assert_array_equal(got, values, err_msg=name)
            assert got.dtype == values.dtype, name


def test_requests_are_those_of_the_same_examples_in_memory(made):
    state, arrays, path = made
    expected = group_requests(state.schema, arrays, max_candidates=3)
    count = len(expected[0]["candidate_mask"])
    (batch,) = training_requests(state.schema, [path], count, max_candidates=3)
    for place, part in enumerate(expected):
        for name, values in part.items():
            np.testing.assert_array_equal(batch[place][name], values, err_msg=name)


def test_shuffling_with_one_seed_gives_one_order(made):
    state, _, path = made

    def users(seed: int | None) -> list[int]:
        data = training_dataset(state.schema, [path], 50, shuffle_seed=seed)
        return np.concatenate([x["at"] for x, *_ in data]).tolist()

    assert users(1) == users(1)
    assert users(1) != users(2)
    assert sorted(users(1)) == sorted(users(None))


def test_raw_records_are_the_first_ones(made):
    _, _, path = made
    assert len(raw_records([path], 7)) == 7
    assert raw_records([path], 7) == raw_records([path], 9)[:7]
