"""Tests of `tfctr.export.warmup`."""

import importlib.util

import numpy as np
import pytest
import tensorflow as tf

from tests.features.shop import SCHEMA
from tfctr.export import warmup_inputs, write_warmup_requests
from tfctr.export.warmup import FILE_NAME

NAMES = {"serving_default", "ranking", "ranking_by_id", "pre_ranking", "item_encoder"}


def requests(path):
    """Signature -> inputs of the requests in a warm-up file."""
    from tensorflow_serving.apis import prediction_log_pb2

    found = {}
    for record in tf.data.TFRecordDataset(str(path)):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        request = log.predict_log.request
        found[request.model_spec.signature_name] = {
            name: tf.make_ndarray(value) for name, value in request.inputs.items()
        }
    return found


def test_deployment_answers_each_of_its_requests(deployed):
    found = requests(deployed.path / "assets.extra" / FILE_NAME)
    assert set(found) == NAMES == set(deployed.signatures)
    for name, inputs in found.items():
        for value in deployed.ask(name, **inputs).values():
            assert value.shape[0] == 1
            if value.dtype == np.float32:
                assert np.isfinite(value).all()


def test_candidates_are_the_first_of_the_store(deployed):
    found = requests(deployed.path / "assets.extra" / FILE_NAME)
    ids = [f"i{k}".encode() for k in range(10)]
    assert found["pre_ranking"]["item_id"].tolist() == [ids]
    assert found["ranking"]["price"].shape == (1, 10)


def test_number_of_candidates_is_limited(tmp_path):
    ids = [f"i{k}" for k in range(300)]
    assert write_warmup_requests(tmp_path, SCHEMA, ids, ["pre_ranking"], num_items=7)
    assert requests(tmp_path / FILE_NAME)["pre_ranking"]["item_id"].shape == (1, 7)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_nothing_is_known_of_the_user(name):
    inputs = warmup_inputs(SCHEMA, name, ["i1", "i2"])
    if name == "serving_default":
        assert list(inputs) == ["examples"]
        return
    missing = {column.name: column.missing for column in SCHEMA.raw_columns()}
    for column, values in inputs.items():
        if column == "item_id" and name in ("ranking_by_id", "pre_ranking"):
            assert values.tolist() == [["i1", "i2"]]
        else:
            unique = set(values.reshape(-1).tolist())
            assert len(unique) == 1 or np.isnan(list(unique)).all()
            np.testing.assert_array_equal(unique.pop(), missing[column])


def test_without_the_serving_api_nothing_is_written(tmp_path, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "tensorflow_serving" else real(name, *rest),
    )
    assert not write_warmup_requests(tmp_path, SCHEMA, ["i"], ["ranking"])
    assert list(tmp_path.iterdir()) == []
