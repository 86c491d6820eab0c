"""TF Serving's REST interface, with health and metrics."""

import json
import re
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2

from tfctr.errors import InputError
from tfctr.serving.server.grpc_services import metadata_response, status_response
from tfctr.serving.server.metrics import Metrics
from tfctr.serving.server.predictor import Predictor, Target
from tfctr.serving.server.refusals import Refusal, refusal_from
from tfctr.serving.server.rest_json import JsonRequest

__all__ = ["RestServer"]

HTTP_STATUS = {
    "INVALID_ARGUMENT": HTTPStatus.BAD_REQUEST,
    "NOT_FOUND": HTTPStatus.NOT_FOUND,
    "RESOURCE_EXHAUSTED": HTTPStatus.TOO_MANY_REQUESTS,
    "UNIMPLEMENTED": HTTPStatus.NOT_IMPLEMENTED,
    "UNAVAILABLE": HTTPStatus.SERVICE_UNAVAILABLE,
    "DEADLINE_EXCEEDED": HTTPStatus.GATEWAY_TIMEOUT,
}
REQUEST_SECONDS = 30.0  # as `--rest_api_timeout_in_ms` of TF Serving
MODEL_PATH = re.compile(
    r"/v1/models/(?P<name>[^/:]+)(/versions/(?P<version>\d{1,18}))?(?P<what>/metadata|:\w+)?"
)
METRICS_PATHS = ("/metrics", "/monitoring/prometheus/metrics")


class RestServer:
    """Answers HTTP requests in threads of its own.

    Args:
        predictor: Answers predictions.
        metrics: Rendered at `/metrics`.
        host: Address to listen on.
        port: Port; 0 picks a free one.
        max_bytes: Largest body.

    Raises:
        InputError: The port is taken.
    """

    def __init__(
        self,
        predictor: Predictor,
        metrics: Metrics,
        host: str,
        port: int,
        max_bytes: int,
    ) -> None:
        self.predictor = predictor
        self.metrics = metrics
        self.max_bytes = max_bytes
        self._idle = threading.Condition()
        self._running = 0
        rest = self

        class Handler(_Handler):
            server_side = rest

        try:
            self._http = _HttpServer((host, port), Handler)
        except OSError as error:
            raise InputError(
                "rest_port", received=f"{port} ({error})", expected="a free port"
            ) from error
        self.port: int = self._http.server_address[1]
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.05,), daemon=True
        )

    def start(self) -> None:
        """Begins to answer."""
        self._thread.start()

    def stop(self, grace_seconds: float) -> None:
        """Takes no more connections and waits for running requests."""
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        with self._idle:
            self._idle.wait_for(lambda: self._running == 0, grace_seconds)
        self._http.server_close()

    def count(self, change: int) -> None:
        """Notes that a request begins (1) or ends (-1)."""
        with self._idle:
            self._running += change
            self._idle.notify_all()


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of the server's."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = REQUEST_SECONDS
    server_side: RestServer

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are counted in the metrics, not printed."""

    def _answer(self, call: Callable[[], tuple[bytes, str]]) -> None:
        self.server_side.count(1)
        status = HTTPStatus.OK
        try:
            try:
                body, kind = call()
            except _HttpError as error:
                status, kind = error.status, "application/json"
                body = _error_body(error.text)
            except Exception as error:  # every error gets a status and a text
                refusal = refusal_from(error)
                kind = "application/json"
                status = HTTP_STATUS.get(refusal.name, HTTPStatus.INTERNAL_SERVER_ERROR)
                body = _error_body(refusal.text)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)
        finally:
            self.server_side.count(-1)

    def _get(self) -> tuple[bytes, str]:
        rest = self.server_side
        path = self.path.split("?", 1)[0]
        if path == "/healthz":
            return b"ok\n", "text/plain"
        if path in METRICS_PATHS:
            text = rest.metrics.render(rest.predictor.manager.states())
            return text.encode(), "text/plain; version=0.0.4"
        target, what = self._model(path)
        if what == "":
            return _json(status_response(rest.predictor, target))
        if what == "/metadata":
            return _json(_metadata(rest.predictor, target))
        raise _HttpError(HTTPStatus.METHOD_NOT_ALLOWED, f"GET {path}: use POST")

    def _post(self) -> tuple[bytes, str]:
        body = self._body()
        target, what = self._model(self.path)
        if what != ":predict":
            raise _HttpError(
                HTTPStatus.NOT_IMPLEMENTED if what else HTTPStatus.METHOD_NOT_ALLOWED,
                f"POST {self.path}: only :predict is served",
            )
        request = JsonRequest(body)
        answer = self.server_side.predictor.predict(
            Target(target.model_name, target.version, request.signature_name),
            lambda servable, name: request.arrays(servable.model.inputs_of(name)),
            seconds_left=REQUEST_SECONDS,
        )
        return request.response(answer.outputs), "application/json"

    def _model(self, path: str) -> tuple[Target, str]:
        match = MODEL_PATH.fullmatch(path)
        if match is None:
            raise Refusal(
                grpc.StatusCode.NOT_FOUND,
                f"{path}: no such page. There are /v1/models/<name>[/versions/<number>]"
                "[:predict|/metadata], /healthz and /metrics.",
            )
        version = match["version"]
        return Target(match["name"], int(version) if version else None), match[
            "what"
        ] or ""

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            self.close_connection = True
            raise _HttpError(HTTPStatus.LENGTH_REQUIRED, "Content-Length is missing")
        if int(length) > self.server_side.max_bytes:
            self.close_connection = True
            raise _HttpError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"received {length} bytes, expected at most"
                f" {self.server_side.max_bytes}",
            )
        return self.rfile.read(int(length))


class _HttpError(Exception):
    def __init__(self, status: HTTPStatus, text: str) -> None:
        self.status = status
        self.text = text
        super().__init__(text)


def _metadata(predictor: Predictor, target: Target) -> dict[str, Any]:
    request = get_model_metadata_pb2.GetModelMetadataRequest(
        metadata_field=["signature_def"]
    )
    request.model_spec.name = target.model_name
    if target.version is not None:
        request.model_spec.version.value = target.version
    response = metadata_response(predictor, request)
    table = get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(table)
    signatures = {"signature_def": _plain(table)}
    return {"model_spec": _plain(response.model_spec), "metadata": signatures}


def _plain(message: Any) -> Any:
    return json_format.MessageToDict(
        message,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
    )


def _json(data: Any) -> tuple[bytes, str]:
    plain = data if isinstance(data, dict) else _plain(data)
    return json.dumps(plain, indent=1).encode(), "application/json"


def _error_body(text: str) -> bytes:
    return json.dumps({"error": text}).encode()
