"""The client against a real server over loopback."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest

from tfctr.errors import InputError, UnknownName
from tfctr.serving import PredictClient, ServingError, TensorSpec, VersionStatus
from tfctr.serving.wire import message


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


class Answers(grpc.GenericRpcHandler):
    """Answers GetModelStatus with the codes given, then with version 1."""

    def __init__(self, codes):
        self.codes = list(codes)
        self.calls = 0

    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(self.answer)

    def answer(self, request, context):
        self.calls += 1
        if self.codes:
            context.abort(self.codes.pop(0), "not now")
        response = message("GetModelStatusResponse")()
        response.model_version_status.add(version=1, state=30)
        return response.SerializeToString()


@pytest.fixture
def scripted():
    """Starts a server with scripted answers; gives a client and the script."""
    stops = []

    def start(*codes, **options):
        answers = Answers(codes)
        server = grpc.server(ThreadPoolExecutor(2), handlers=[answers])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        client = PredictClient(f"127.0.0.1:{port}", "m", **options)
        stops.extend([client.close, lambda: server.stop(0).wait()])
        return client, answers

    yield start
    for stop in stops:
        stop()


def test_predicts_from_arrays_and_lists(client):
    outputs = client.predict({"x": [1.0, 2.5]}, "plus")
    assert sorted(outputs) == ["text", "y"]
    np.testing.assert_array_equal(outputs["y"], np.array([101, 102.5], "float32"))
    assert outputs["text"].tolist() == [b"1.000000", b"2.500000"]


def test_the_output_filter_picks_outputs(client):
    assert list(client.predict({"x": [1.0]}, "plus", output_filter=["y"])) == ["y"]


def test_a_version_can_be_named(client):
    assert client.predict({"x": [1.0]}, "plus", version=7)["y"] == [101]


def test_metadata_has_the_signatures_with_dtypes_and_shapes(client):
    metadata = client.metadata()
    assert (metadata.name, metadata.version) == ("small", 7)
    assert sorted(metadata.signatures) == [
        "plus",
        "pre_ranking",
        "ranking",
        "ranking_by_id",
        "serving_default",
        "total",
    ]
    signature = metadata.signature("pre_ranking")
    assert signature.inputs["history_item_id"] == TensorSpec(
        "history_item_id", "string", (None, 3)
    )
    assert signature.outputs["top_index"].dtype == "int32"
    assert metadata.signature("total").outputs["sum"].shape == ()
    with pytest.raises(UnknownName, match="Did you mean 'ranking'"):
        metadata.signature("rankin")


def test_status_lists_versions(client):
    assert client.status() == [VersionStatus(7, "AVAILABLE")]


def test_calls_are_repeated_while_there_is_no_server(scripted):
    client, answers = scripted(*2 * [grpc.StatusCode.UNAVAILABLE])
    assert client.status() == [VersionStatus(1, "AVAILABLE")]
    assert answers.calls == 3


def test_other_errors_are_not_repeated(scripted):
    client, answers = scripted(grpc.StatusCode.RESOURCE_EXHAUSTED)
    with pytest.raises(ServingError, match="RESOURCE_EXHAUSTED: not now") as caught:
        client.status()
    assert caught.value.code == "RESOURCE_EXHAUSTED"
    assert answers.calls == 1


def test_repetition_ends_with_the_timeout(scripted):
    client, answers = scripted(*100 * [grpc.StatusCode.UNAVAILABLE], timeout=0.4)
    started = time.monotonic()
    with pytest.raises(ServingError) as caught:
        client.status()
    assert caught.value.code == "UNAVAILABLE"
    assert 2 <= answers.calls < 10
    assert time.monotonic() - started < 5


def test_waits_until_the_server_is_there():
    port = free_port()
    server = grpc.server(ThreadPoolExecutor(1), handlers=[Answers([])])
    server.add_insecure_port(f"127.0.0.1:{port}")
    timer = threading.Timer(0.4, server.start)
    with PredictClient(f"127.0.0.1:{port}", "m") as client:
        timer.start()
        client.wait_until_ready(timeout=20)
        assert timer.finished.is_set()
    timer.join()
    server.stop(0).wait()


def test_waiting_ends_with_what_was_seen_last(scripted):
    client, _ = scripted(*100 * [grpc.StatusCode.NOT_FOUND])
    with pytest.raises(ServingError) as caught:
        client.wait_until_ready(timeout=0.3)
    assert caught.value.code == "DEADLINE_EXCEEDED"
    assert "Last seen: NOT_FOUND: not now" in caught.value.text


def test_inputs_that_are_no_tensors_are_refused_before_sending(client):
    with pytest.raises(InputError, match="`x`: received nested lists"):
        client.predict({"x": [[1], [1, 2]]}, "plus")


def test_large_messages_beyond_the_limit_are_refused(served):
    small = PredictClient(served.address, "small", max_message_bytes=1000)
    with small as client, pytest.raises(ServingError, match="RESOURCE_EXHAUSTED"):
        client.predict({"x": np.zeros(1000, "float32")}, "plus")
