"""Every kind of vocabulary is encoded by Transform as by the state in memory."""

import dataclasses

import numpy as np
import tensorflow as tf

from tests.pipelines.logs import SPEC, make_schema, make_tables
from tests.pipelines.preprocessing_test import transform
from tfctr.data.examples import build_examples
from tfctr.features import Categorical, Vocabulary, frame_to_arrays
from tfctr.pipelines.preprocessing import sparse_spec, state_from_transform

PLAIN = make_schema()
KINDS = (
    Vocabulary(PLAIN.item_id, capacity=7, min_count=2, num_oov=2, max_age=60),
    Vocabulary(PLAIN.user_id, num_hash_buckets=50, num_hashes=2, table="shared"),
    Vocabulary("genre", num_hash_buckets=50, table="shared"),
)


def test_transform_learns_and_encodes_every_kind_as_the_state_does(tmp_path):
    changed = {v.name: v for v in KINDS}
    schema = dataclasses.replace(
        PLAIN,
        vocabularies=[changed.get(v.name, v) for v in PLAIN.vocabularies],
    )
    made = make_tables(200, seed=5, users=12, items=20, span=5000)
    parts = build_examples(made["events"], made["users"], made["items"], schema, SPEC)
    frame = parts["train"]
    output, records = transform(schema, frame, str(tmp_path))
    state = state_from_transform(output, schema)
    learnt = schema.fit(frame)
    assert state.vocabularies == learnt.vocabularies
    assert len(state.values(schema.item_id)) == 7
    raw = {
        name: tf.constant(values, tf.string if values.dtype == object else None)
        for name, values in frame_to_arrays(schema, frame).items()
    }
    expected = state.encode(raw)
    encoded = output.transform_raw_features(
        tf.io.parse_example(records, sparse_spec(schema))
    )
    names = [
        column.name
        for column in schema.raw_columns()
        if isinstance(column.feature, Categorical)
    ]
    for name in names:
        np.testing.assert_array_equal(encoded[name], expected[name], err_msg=name)
    fingerprints = np.asarray(encoded[schema.user_id])
    assert fingerprints.max() > schema.size(schema.user_id)
