"""Answers a predict request, whichever way it came."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import grpc
import numpy as np

from tfctr.serving.server.manager import ModelManager
from tfctr.serving.server.metrics import Metrics
from tfctr.serving.server.model import DEFAULT_SIGNATURE
from tfctr.serving.server.refusals import Refusal, refusal_from
from tfctr.serving.server.servable import Servable

__all__ = ["Answer", "Predictor", "Target"]

ReadInputs = Callable[[Servable, str], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Target:
    """What a request is addressed to; the empty signature is the default one."""

    model_name: str
    version: int | None = None
    signature_name: str = ""
    version_label: str = ""


@dataclass(frozen=True)
class Answer:
    """Outputs, and what made them."""

    outputs: dict[str, np.ndarray]
    version: int
    signature_name: str


class Predictor:
    """Runs predict requests, bounded in number, and counts them.

    Args:
        manager: Gives the version to run.
        metrics: Counts requests.
        max_concurrent: Requests at once; more are refused.
    """

    def __init__(
        self, manager: ModelManager, metrics: Metrics, max_concurrent: int
    ) -> None:
        self.manager = manager
        self._metrics = metrics
        self._max_concurrent = max_concurrent
        self._slots = threading.BoundedSemaphore(max_concurrent)

    def predict(
        self,
        target: Target,
        read_inputs: ReadInputs,
        output_filter: Iterable[str] = (),
        seconds_left: float | None = None,
    ) -> Answer:
        """Runs one request.

        Args:
            target: Model, version and signature.
            read_inputs: Makes arrays of the request, given version and signature.
            output_filter: Outputs to return; all if empty.
            seconds_left: Until the caller gives up; unbounded without.

        Raises:
            Refusal: Any reason why there is no answer.
        """
        started, label, code = time.monotonic(), "unknown", "OK"
        deadline = None if seconds_left is None else started + seconds_left
        signature_name = target.signature_name or DEFAULT_SIGNATURE
        self._metrics.begin()
        try:
            with self._slot(), self.lease(target) as servable:
                servable.model.inputs_of(signature_name)
                label = signature_name
                inputs = read_inputs(servable, signature_name)
                if deadline is not None and time.monotonic() >= deadline:
                    raise Refusal(
                        grpc.StatusCode.DEADLINE_EXCEEDED,
                        "The deadline passed before the model ran.",
                    )
                outputs = servable.predict(
                    signature_name, inputs, output_filter, deadline
                )
                return Answer(outputs, servable.version, signature_name)
        except Exception as error:
            refusal = refusal_from(error)
            code = refusal.name
            raise refusal from error
        finally:
            self._metrics.end(label, code, time.monotonic() - started)

    def lease(self, target: Target) -> AbstractContextManager[Servable]:
        """The version that `target` names, as `ModelManager.lease`."""
        if target.version_label:
            raise Refusal(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"Unrecognized servable version label: {target.version_label!r}. "
                "This server knows version numbers only.",
            )
        leased: AbstractContextManager[Servable] = self.manager.lease(
            target.model_name, target.version
        )
        return leased

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(blocking=False):
            raise Refusal(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"{self._max_concurrent} requests run already. Try again later.",
            )
        try:
            yield
        finally:
            self._slots.release()
