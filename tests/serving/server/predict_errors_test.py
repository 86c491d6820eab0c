"""Every wrong request: its code, and a text that names the field."""

import threading
import time

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from tfctr.serving import PredictClient, ServingError
from tfctr.serving.server import EmbeddedServer, ServerOptions
from tfctr.serving.server.refusals import refusal_from

ONE = np.ones(1, "float32")
USER = {
    "user_id": ["u"],
    "age": ONE,
    "history_item_id": [["", "", ""]],
    "item_id": [["i1", "i2"]],
}


@pytest.fixture
def channel(served):
    with grpc.insecure_channel(served.address) as channel:
        yield channel


def refused(client, inputs, signature="plus", **options):
    with pytest.raises(ServingError) as caught:
        client.predict(inputs, signature, **options)
    return caught.value.code, caught.value.text


@pytest.mark.parametrize(
    ("inputs", "signature", "text"),
    [
        ({"x": ONE}, "plsu", 'Serving signature key "plsu" not found. `signature`:'),
        ({"x": ONE}, "plsu", "Did you mean 'plus'?"),
        ({}, "plus", "`x`: received no such input; there are [], expected float32 [?]"),
        ({"x": ONE, "z": ONE}, "plus", "`plus input`: received 'z', expected one of x"),
        ({"x": [1]}, "plus", "`x`: received int64 [1], expected float32 [?] in"),
        ({"x": ["1"]}, "plus", "`x`: received string [1], expected float32 [?]"),
        ({"x": [[1.0]]}, "plus", "`x`: received float32 [1, 1], expected float32 [?]"),
        (
            USER | {"history_item_id": [["a"]]},
            "pre_ranking",
            "`history_item_id`: received string [1, 1], expected string [?, 3]",
        ),
        (
            USER | {"item_id": ["i1"]},
            "pre_ranking",
            "`item_id`: received string [1], expected string [?, ?] in signature"
            " 'pre_ranking'",
        ),
        ({"x": -ONE}, "plus", "The model failed: "),
        ({"x": -ONE}, "plus", "x is negative"),
        (
            {"examples": [b"\xff\xff"]},
            "serving_default",
            "Could not parse example input, value: '\ufffd\ufffd'",
        ),
    ],
)
def test_wrong_inputs_are_invalid_arguments(client, inputs, signature, text):
    code, received = refused(client, inputs, signature)
    assert code == "INVALID_ARGUMENT"
    assert text in received


def test_unknown_output_is_an_invalid_argument(client):
    code, text = refused(client, {"x": ONE}, output_filter=["z"])
    assert code == "INVALID_ARGUMENT"
    assert "`output_filter`: received 'z', expected one of text, y" in text


def test_unknown_version_is_not_found(client):
    assert refused(client, {"x": ONE}, version=8) == (
        "NOT_FOUND",
        "Servable not found for request: Specific(small, 8)."
        " Served here: model 'small', versions [7].",
    )


def test_unknown_model_is_not_found(served):
    with PredictClient(served.address, "smal") as client:
        code, text = refused(client, {"x": ONE})
        assert (code, "Latest(smal)" in text) == ("NOT_FOUND", True)
        for call in (client.metadata, client.status):
            with pytest.raises(ServingError, match=r"NOT_FOUND.*model 'small'"):
                call()


def test_unknown_version_has_no_status(channel):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "small"
    request.model_spec.version.value = 8
    with pytest.raises(grpc.RpcError) as caught:
        model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(request)
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    assert "Could not find version 8 of model small" in caught.value.details()


def test_version_labels_are_refused(channel):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "small"
    request.model_spec.version_label = "canary"
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    with pytest.raises(grpc.RpcError) as caught:
        stub.Predict(request)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "label: 'canary'" in caught.value.details()


def test_malformed_tensor_is_an_invalid_argument(channel):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "small"
    request.model_spec.signature_name = "plus"
    request.inputs["x"].dtype = 1
    request.inputs["x"].tensor_shape.dim.add(size=3)
    request.inputs["x"].tensor_content = b"12345"
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    with pytest.raises(grpc.RpcError) as caught:
        stub.Predict(request)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "`x`: received 5 bytes of content" in caught.value.details()


@pytest.mark.parametrize("field", ["", "signature"])
def test_only_signatures_are_metadata(channel, field):
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    request.model_spec.name = "small"
    request.metadata_field.extend([field] if field else [])
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    with pytest.raises(grpc.RpcError) as caught:
        stub.GetModelMetadata(request)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "expected 'signature_def'" in caught.value.details()


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("Classify", classification_pb2.ClassificationRequest()),
        ("Regress", regression_pb2.RegressionRequest()),
        ("MultiInference", inference_pb2.MultiInferenceRequest()),
    ],
)
def test_calls_for_examples_are_unimplemented(channel, method, request_):
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    with pytest.raises(grpc.RpcError) as caught:
        getattr(stub, method)(request_)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert f"{method} is not served here. Call Predict" in caught.value.details()


def test_reloading_a_configuration_is_unimplemented(channel):
    stub = model_service_pb2_grpc.ModelServiceStub(channel)
    with pytest.raises(grpc.RpcError) as caught:
        stub.HandleReloadConfigRequest(model_management_pb2.ReloadConfigRequest())
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_no_candidates_reach_the_model(client):
    none = np.zeros((1, 0), object)
    outputs = client.predict(USER | {"item_id": none}, "pre_ranking")
    assert {name: value.shape for name, value in outputs.items()} == {
        "score": (1, 0),
        "top_item_id": (1, 0),
        "top_score": (1, 0),
        "top_index": (1, 0),
    }


def test_unforeseen_errors_are_internal_never_unknown():
    refusal = refusal_from(KeyError("odd"))
    assert refusal.name == "INTERNAL"
    assert "KeyError: 'odd'" in refusal.text


@pytest.fixture
def blocked(base):
    """A server with one slot whose model waits for an event."""
    go, busy = threading.Event(), threading.Event()
    options = ServerOptions(poll_seconds=0, max_concurrent=1)
    with EmbeddedServer("small", base, options) as server:
        with server.manager.lease("small", None) as servable:
            run = servable.model.run

            def wait(*arguments):
                busy.set()
                go.wait(10)
                return run(*arguments)

            servable.model.run = wait
        with PredictClient(server.address, "small") as client:
            yield server, client, busy, go
            go.set()


def test_more_requests_than_slots_are_refused(blocked):
    _, client, busy, go = blocked
    thread = threading.Thread(target=client.predict, args=({"x": ONE}, "plus"))
    thread.start()
    busy.wait(10)
    code, text = refused(client, {"x": ONE})
    go.set()
    thread.join()
    assert code == "RESOURCE_EXHAUSTED"
    assert "1 requests run already" in text
    assert client.predict({"x": ONE}, "plus")["y"] == [101]


def test_the_callers_deadline_holds(blocked):
    _, client, _, go = blocked
    code, _ = refused(client, {"x": ONE}, timeout=0.2)
    go.set()
    assert code == "DEADLINE_EXCEEDED"


def test_running_requests_finish_when_the_server_stops(blocked):
    server, client, busy, go = blocked
    answers = []
    thread = threading.Thread(
        target=lambda: answers.append(client.predict({"x": ONE}, "plus")["y"])
    )
    thread.start()
    busy.wait(10)
    stopper = threading.Thread(target=server.stop)
    stopper.start()
    end = time.monotonic() + 5
    refusal = ""
    while refusal != "UNAVAILABLE" and time.monotonic() < end:
        refusal, _ = refused(client, {"x": ONE}, timeout=0.1)
    go.set()
    thread.join()
    stopper.join()
    assert refusal == "UNAVAILABLE"
    assert answers == [[101]]
