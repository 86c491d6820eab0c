"""A typed client of TF Serving's gRPC interface; it needs no TensorFlow."""

import random
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any

import grpc
import numpy as np

from tfctr.serving.errors import ServingError
from tfctr.serving.signatures import (
    ModelMetadata,
    VersionStatus,
    parse_metadata,
    parse_status,
)
from tfctr.serving.tensors import decode, encode, to_array
from tfctr.serving.wire import message

__all__ = ["PredictClient"]

PREDICTION_SERVICE = "/tensorflow.serving.PredictionService"
MODEL_SERVICE = "/tensorflow.serving.ModelService"
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 1.0


class PredictClient:
    """Calls one model of a model server over gRPC.

    Calls raise `ServingError` with the gRPC code. Those that find no server
    (`UNAVAILABLE`) are repeated with growing pauses until the timeout; others never.
    Safe to share between threads. Closes its connection at the end of a `with` block.

    Args:
        address: `host:port` of the server.
        model_name: Name of the model on it.
        timeout: Seconds until a call is given up, repetitions included.
        max_message_bytes: Largest message to send or take.
        credentials: For a TLS connection; plain text without.
    """

    def __init__(
        self,
        address: str,
        model_name: str,
        *,
        timeout: float = 10.0,
        max_message_bytes: int = 64 << 20,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        self.address = address
        self.model_name = model_name
        self.timeout = timeout
        options = [
            ("grpc.max_send_message_length", max_message_bytes),
            ("grpc.max_receive_message_length", max_message_bytes),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
        ]
        self._channel = (
            grpc.insecure_channel(address, options)
            if credentials is None
            else grpc.secure_channel(address, credentials, options)
        )
        self._predict = self._method(PREDICTION_SERVICE, "Predict", "Predict")
        self._metadata = self._method(
            PREDICTION_SERVICE, "GetModelMetadata", "GetModelMetadata"
        )
        self._status = self._method(MODEL_SERVICE, "GetModelStatus", "GetModelStatus")

    def predict(
        self,
        inputs: Mapping[str, Any],
        signature_name: str = "serving_default",
        *,
        version: int | None = None,
        output_filter: Iterable[str] = (),
        timeout: float | None = None,
    ) -> dict[str, np.ndarray]:
        """Runs a signature.

        Args:
            inputs: Arrays or nested lists by name. Arrays keep their dtype; numbers
                in lists become int64 or float32, text becomes bytes.
            signature_name: The signature to run.
            version: Version to run; the latest without.
            output_filter: Names of the outputs to return; all without.
            timeout: Seconds for this call, in place of the client's.

        Returns:
            Arrays by name; strings as object arrays of `bytes`.

        Raises:
            InputError: An input that no tensor can be made of.
            ServingError: The server refused or did not answer in time.
        """
        request = message("PredictRequest")(
            model_spec=self._spec(version), output_filter=list(output_filter)
        )
        request.model_spec.signature_name = signature_name
        for name, value in inputs.items():
            encode(to_array(name, value), request.inputs[name])
        response = self._call(self._predict, request, timeout)
        return {
            name: decode(name, response.outputs[name])
            for name in sorted(response.outputs)
        }

    def metadata(self, version: int | None = None) -> ModelMetadata:
        """Version and signatures of the model."""
        request = message("GetModelMetadataRequest")(
            model_spec=self._spec(version), metadata_field=["signature_def"]
        )
        return parse_metadata(self._call(self._metadata, request, None))

    def status(self) -> list[VersionStatus]:
        """State of every version that the server knows, the newest first."""
        return self._read_status(None)

    def wait_until_ready(self, timeout: float = 60.0) -> None:
        """Returns as soon as a version of the model answers.

        Args:
            timeout: Seconds to wait at most.

        Raises:
            ServingError: `DEADLINE_EXCEEDED`, with the last state that was seen.
        """
        deadline, seen = time.monotonic() + timeout, "no answer yet"
        while (left := deadline - time.monotonic()) > 0:
            try:
                statuses = self._read_status(min(left, 1.0))
                if any(status.state == "AVAILABLE" for status in statuses):
                    return
                seen = ", ".join(
                    f"version {s.version} {s.state} {s.error_message}".rstrip()
                    for s in statuses
                )
            except ServingError as error:
                seen = str(error)
            time.sleep(FIRST_PAUSE_SECONDS)
        raise ServingError(
            "DEADLINE_EXCEEDED",
            f"model {self.model_name!r} at {self.address} was not ready after"
            f" {timeout:g} s. Last seen: {seen}",
        )

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def __enter__(self) -> "PredictClient":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read_status(self, timeout: float | None) -> list[VersionStatus]:
        request = message("GetModelStatusRequest")(model_spec=self._spec(None))
        response = self._call(self._status, request, timeout)
        statuses = map(parse_status, response.model_version_status)
        return sorted(statuses, key=lambda status: -status.version)

    def _spec(self, version: int | None) -> Any:
        spec = message("ModelSpec")(name=self.model_name)
        if version is not None:
            spec.version.value = version
        return spec

    def _method(self, service: str, method: str, stem: str) -> Callable[..., Any]:
        called: Callable[..., Any] = self._channel.unary_unary(
            f"{service}/{method}",
            request_serializer=message(f"{stem}Request").SerializeToString,
            response_deserializer=message(f"{stem}Response").FromString,
        )
        return called

    def _call(
        self, method: Callable[..., Any], request: Any, timeout: float | None
    ) -> Any:
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return method(request, timeout=max(deadline - time.monotonic(), 0))
            except grpc.RpcError as error:
                left = deadline - time.monotonic()
                unavailable = error.code() == grpc.StatusCode.UNAVAILABLE
                if not unavailable or left <= pause:
                    raise ServingError(error.code().name, error.details()) from None
            time.sleep(pause * random.uniform(0.5, 1.0))  # calls must not march in step
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
