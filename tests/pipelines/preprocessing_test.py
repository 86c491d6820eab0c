"""Tests of `tfctr.pipelines.preprocessing`."""

import apache_beam as beam
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tfx_bsl.public import tfxio

from tests.pipelines.logs import SPEC, make_schema, make_tables
from tfctr.data.examples import build_examples
from tfctr.data.movielens import movielens_100k
from tfctr.features import FeatureSchema, frame_to_arrays
from tfctr.pipelines.beam.serializing import RowSerializer
from tfctr.pipelines.preprocessing import (
    MOMENTS,
    make_preprocessing_fn,
    sparse_spec,
    state_from_transform,
)
from tfctr.pipelines.tfx_schema import tfx_schema

SCHEMA = make_schema()


def transform(schema: FeatureSchema, frame: pd.DataFrame, folder: str):
    """Learns from all rows of `frame` by TFT; also returns the rows as records."""
    names = [*(c.name for c in schema.raw_columns()), *schema.label_columns()]
    serialize = RowSerializer(schema)
    records = [serialize(row) for row in frame[names].to_dict("records")]
    source = tfxio.TFExampleBeamRecord(
        physical_format="inmem", schema=tfx_schema(schema)
    )
    with beam.Pipeline() as pipeline, tft_beam.Context(temp_dir=folder + "/temp"):
        batches = pipeline | beam.Create(records) | source.BeamSource()
        dataset = (batches, source.TensorAdapterConfig())
        learnt = dataset | tft_beam.AnalyzeDataset(make_preprocessing_fn(schema))
        _ = learnt | tft_beam.WriteTransformFn(folder + "/out")
    return tft.TFTransformOutput(folder + "/out"), records


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    made = make_tables(300, seed=5, users=12, items=20, span=5000)
    frame = build_examples(made["events"], made["users"], made["items"], SCHEMA, SPEC)[
        "train"
    ]
    folder = str(tmp_path_factory.mktemp("transform"))
    return frame, *transform(SCHEMA, frame, folder)


def test_state_learnt_by_transform_is_the_one_learnt_in_memory(learnt):
    frame, output, _ = learnt
    by_transform, in_memory = state_from_transform(output, SCHEMA), SCHEMA.fit(frame)
    assert by_transform.vocabularies == in_memory.vocabularies
    assert by_transform.schema == in_memory.schema
    assert by_transform.moments.keys() == {"age", "price", "history_price"}
    for name, moments in in_memory.moments.items():
        np.testing.assert_allclose(by_transform.moments[name], moments, rtol=1e-6)


def test_transform_encodes_as_the_state_does_feature_by_feature(learnt):
    frame, output, records = learnt
    state = state_from_transform(output, SCHEMA)
    raw = {
        name: tf.constant(values, tf.string if values.dtype == object else None)
        for name, values in frame_to_arrays(SCHEMA, frame).items()
    }
    expected = state.encode(raw)
    parsed = tf.io.parse_example(records, sparse_spec(SCHEMA))
    encoded = output.transform_raw_features(parsed)
    assert set(expected) == set(encoded) - {MOMENTS, *SCHEMA.label_columns()}
    for name, values in expected.items():
        np.testing.assert_array_equal(encoded[name], values, err_msg=name)
    for name in SCHEMA.label_columns():
        np.testing.assert_array_equal(encoded[name], frame[name], err_msg=name)


@pytest.mark.slow
def test_state_of_movielens_is_the_same_in_both_ways(tmp_path):
    dataset = movielens_100k()
    part = dataset.train[::10]
    state = dataset.schema.fit(part)
    output, _ = transform(dataset.schema, part, str(tmp_path))
    by_transform = state_from_transform(output, dataset.schema)
    assert by_transform.vocabularies == state.vocabularies
    assert by_transform.moments.keys() == state.moments.keys()
    for name, moments in state.moments.items():
        np.testing.assert_allclose(by_transform.moments[name], moments, rtol=1e-6)
    arrays = frame_to_arrays(dataset.schema, dataset.test.head(1000))
    raw = {
        name: tf.constant(values, tf.string if values.dtype == object else None)
        for name, values in arrays.items()
    }
    expected = state.encode(raw)
    for name, values in by_transform.encode(raw).items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-5, err_msg=name)
