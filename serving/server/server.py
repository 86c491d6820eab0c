"""The embedded server: gRPC and REST over one model folder, in this process."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import grpc
from tensorflow_serving.apis import (
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

from tfctr.errors import InputError
from tfctr.serving.server.grpc_services import ModelService, PredictionService
from tfctr.serving.server.manager import ModelManager
from tfctr.serving.server.metrics import Metrics
from tfctr.serving.server.options import ServerOptions
from tfctr.serving.server.predictor import Predictor
from tfctr.serving.server.rest import RestServer

__all__ = ["EmbeddedServer"]

EXTRA_THREADS = 4  # so that status and metadata answer while all slots are taken


class EmbeddedServer:
    """Serves the newest version of a model over gRPC and REST.

    For development and tests. Use as a context manager, or `start` and `stop`.

    Args:
        model_name: Name of the model in requests.
        model_folder: Folder with `<version>/saved_model.pb`.
        options: Ports, limits, batching.

    Attributes:
        grpc_port: The port of gRPC, known after `start`.
        rest_port: The port of REST, known after `start`.
        manager: The versions.
    """

    def __init__(
        self,
        model_name: str,
        model_folder: str | Path,
        options: ServerOptions | None = None,
    ) -> None:
        self.model_name = model_name
        self.options = options or ServerOptions()
        self.grpc_port = 0
        self.rest_port = 0
        metrics = Metrics(model_name)
        self.manager = ModelManager(
            model_name, Path(model_folder), self.options, metrics
        )
        self._metrics = metrics
        self._predictor = Predictor(self.manager, metrics, self.options.max_concurrent)
        self._grpc: grpc.Server | None = None
        self._rest: RestServer | None = None

    @property
    def address(self) -> str:
        """`host:port` for gRPC clients."""
        return f"{self.options.host}:{self.grpc_port}"

    @property
    def rest_url(self) -> str:
        """Where REST is served, without a slash at the end."""
        return f"http://{self.options.host}:{self.rest_port}"

    def start(self) -> None:
        """Loads the model, then opens the ports.

        Raises:
            InputError: No version that loads, or a port that is taken.
        """
        try:
            self.manager.start()
            self._grpc = self._make_grpc()
            self._rest = RestServer(
                self._predictor,
                self._metrics,
                self.options.host,
                self.options.rest_port,
                self.options.max_message_bytes,
            )
        except BaseException:
            self.stop(0)
            raise
        self.rest_port = self._rest.port
        self._grpc.start()
        self._rest.start()

    def stop(self, grace_seconds: float | None = None) -> None:
        """Refuses new requests and lets running ones finish.

        Args:
            grace_seconds: How long they may take; as in the options without.
        """
        grace = self.options.grace_seconds if grace_seconds is None else grace_seconds
        stopping = self._grpc.stop(grace) if self._grpc else None
        if self._rest:
            self._rest.stop(grace)
        if stopping:
            stopping.wait()
        self.manager.stop()
        self._grpc = self._rest = None

    def __enter__(self) -> "EmbeddedServer":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _make_grpc(self) -> grpc.Server:
        threads = self.options.max_concurrent + EXTRA_THREADS
        size = self.options.max_message_bytes
        server = grpc.server(
            ThreadPoolExecutor(threads, thread_name_prefix="tfctr-grpc"),
            maximum_concurrent_rpcs=threads,
            options=[
                ("grpc.max_receive_message_length", size),
                ("grpc.max_send_message_length", size),
                ("grpc.so_reuseport", 0),
            ],
        )
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            PredictionService(self._predictor), server
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(
            ModelService(self._predictor), server
        )
        wanted = self.options.grpc_port
        try:
            self.grpc_port = server.add_insecure_port(f"{self.options.host}:{wanted}")
        except RuntimeError as error:
            raise InputError(
                "grpc_port", received=f"{wanted} ({error})", expected="a free port"
            ) from error
        return server
