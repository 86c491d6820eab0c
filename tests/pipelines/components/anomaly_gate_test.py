"""Tests of `tfctr.pipelines.components.AnomalyGate`."""

from pathlib import Path

import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.types import standard_artifacts

from tfctr.errors import InputError
from tfctr.pipelines.components.anomaly_gate.executor import Executor


def run(folder: Path, found: dict[str, anomalies_pb2.Anomalies]) -> str:
    anomalies = standard_artifacts.ExampleAnomalies()
    anomalies.uri = str(folder / "anomalies")
    anomalies.split_names = '["train", "test"]'
    for split in ("train", "test"):
        path = folder / "anomalies" / f"Split-{split}" / "SchemaDiff.pb"
        path.parent.mkdir(parents=True)
        message = found.get(split, anomalies_pb2.Anomalies())
        path.write_bytes(message.SerializeToString())
    passed = standard_artifacts.String()
    passed.uri = str(folder / "passed")
    Executor().Do({"anomalies": [anomalies]}, {"passed": [passed]}, {})
    return passed.value


def unexpected(feature: str, text: str) -> anomalies_pb2.Anomalies:
    message = anomalies_pb2.Anomalies()
    reason = message.anomaly_info[feature].reason.add()
    reason.short_description, reason.description = "Unexpected string values", text
    return message


def test_passes_where_no_split_has_an_anomaly(tmp_path):
    assert run(tmp_path, {}) == "no anomalies in train, test"


def test_anomaly_stops_the_run_with_feature_split_and_reason(tmp_path):
    with pytest.raises(InputError) as raised:
        run(tmp_path, {"test": unexpected("device", "fridge (~60%).")})
    assert raised.value.field == "device"
    assert raised.value.received == (
        "in test, device: Unexpected string values: fridge (~60%)."
    )


def test_every_feature_with_an_anomaly_is_named(tmp_path):
    found = {"train": unexpected("job", "x"), "test": unexpected("device", "y")}
    with pytest.raises(InputError, match="`job, device`"):
        run(tmp_path, found)


def test_split_without_examples_stops_the_run(tmp_path):
    with pytest.raises(InputError, match="`examples`: received train has no examples"):
        run(tmp_path, {"train": anomalies_pb2.Anomalies(data_missing=True)})
