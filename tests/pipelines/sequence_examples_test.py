"""Tests of reading user sequences from record files."""

import numpy as np
import pytest
import tensorflow as tf

from tests.pipelines.logs import SPEC, make_schema, make_tables
from tfctr.data import build_examples, build_user_sequences, sequences_to_dataset
from tfctr.features.sequence_examples import to_sequence_example
from tfctr.pipelines.sequence_examples import (
    is_sequence_file,
    sequence_training_dataset,
)

SCHEMA = make_schema(ripeness=None)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A frame of many users, the state, and the file of its records."""
    made = make_tables(400, 0, users=40, span=4000)
    tables = (made["events"], made["users"], made["items"])
    frame = build_user_sequences(*tables, SCHEMA, SPEC)["train"]
    state = SCHEMA.fit(build_examples(*tables, SCHEMA, SPEC)["train"])
    path = str(tmp_path_factory.mktemp("records") / "user_sequences-0.gz")
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        for row in frame.to_dict("records"):
            writer.write(to_sequence_example(SCHEMA, row).SerializeToString())
    return frame, state, path


def same(found, expected):
    assert found.shape == expected.shape
    # A graph scales numbers in other steps than the eager encoding does.
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_files_give_the_batches_that_the_frame_gives(written):
    frame, state, path = written
    expected = sequences_to_dataset(frame, state, 7, shuffle=False)
    found = sequence_training_dataset(state, [path], 7)
    assert found.element_spec == expected.element_spec
    pairs = list(zip(found, expected, strict=True))
    assert len(pairs) == -(-len(frame) // 7)
    for batches in pairs:
        tf.nest.map_structure(same, *batches)


def test_shuffled_batches_hold_all_rows_once_at_a_cost_near_their_lengths(written):
    frame, state, path = written
    batches = sequence_training_dataset(state, [path], 4, shuffle_seed=3)
    first, second = ([x["group_id"].numpy() for x, _, _ in batches] for _ in "12")
    in_order = sequence_training_dataset(state, [path], len(frame))
    (everybody,) = (x["group_id"].numpy() for x, _, _ in in_order)
    for passed in (first, second):
        assert sorted(np.concatenate(passed)) == sorted(everybody)
    assert np.concatenate(first).tolist() != np.concatenate(second).tolist()
    padded = sum(int(np.prod(y["like"].shape)) for _, y, _ in batches)
    assert padded <= 1.25 * frame["like"].map(len).sum()


def test_files_are_told_apart_by_their_names():
    assert is_sequence_file("/a/Split-train/user_sequences-00000-of-00001.gz")
    assert not is_sequence_file("/user_sequences/transformed_examples-00000.gz")
