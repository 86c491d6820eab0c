"""Joining concurrent requests in their leading dimension."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import grpc
import numpy as np

from tfctr.serving.server.options import BatchingOptions
from tfctr.serving.server.refusals import Refusal

__all__ = ["Batcher"]

Arrays = dict[str, np.ndarray]
Run = Callable[[str, Arrays], Arrays]
Key = tuple[object, ...]


@dataclass(eq=False)
class _Request:
    arrays: Arrays
    rows: int
    deadline: float
    outputs: Arrays | None = None
    error: BaseException | None = None
    done: threading.Event = field(default_factory=threading.Event)


@dataclass(eq=False)
class _Batch:
    requests: list[_Request]
    rows: int
    full: threading.Event = field(default_factory=threading.Event)


class Batcher:
    """Runs requests of one signature and equal non-leading shapes together.

    The first request of a batch leads it: it waits for others up to the timeout, runs
    the batch in its own thread and hands out the rows. If a joint run fails, each
    request runs alone, so that one bad request fails alone. What has no common
    leading dimension runs alone from the start.

    Args:
        run: Runs a signature on arrays.
        options: Size and waiting time.
        observe: Called with the number of rows of each joint run.
    """

    def __init__(
        self, run: Run, options: BatchingOptions, observe: Callable[[int], None]
    ) -> None:
        self._run = run
        self._options = options
        self._observe = observe
        self._lock = threading.Lock()
        self._open: dict[Key, _Batch] = {}

    def run(self, signature_name: str, arrays: Arrays, deadline: float) -> Arrays:
        """Outputs of a signature for `arrays`, perhaps from a joint run.

        Args:
            signature_name: The signature to run.
            arrays: Inputs.
            deadline: On the clock of `time.monotonic`, when the caller gives up.

        Raises:
            Refusal: `DEADLINE_EXCEEDED`; other errors are those of the run.
        """
        rows = _rows(arrays)
        if rows is None or rows >= self._options.max_batch_size:
            return self._run(signature_name, arrays)
        shapes = sorted((k, str(v.dtype), v.shape[1:]) for k, v in arrays.items())
        key: Key = (signature_name, *shapes)
        request = _Request(arrays, rows, deadline)
        batch, leads = self._join(key, request)
        if leads:
            wait = min(self._options.timeout_seconds, deadline - time.monotonic())
            batch.full.wait(max(wait, 0))
            self._close(key, batch)
            self._run_batch(signature_name, batch)
        elif not request.done.wait(max(deadline - time.monotonic(), 0)):
            raise _late()
        if request.error is not None:
            raise request.error
        return request.outputs or {}

    def _join(self, key: Key, request: _Request) -> tuple[_Batch, bool]:
        with self._lock:
            batch = self._open.get(key)
            if batch and batch.rows + request.rows <= self._options.max_batch_size:
                batch.requests.append(request)
                batch.rows += request.rows
                if batch.rows == self._options.max_batch_size:
                    batch.full.set()
                    del self._open[key]
                return batch, False
            if batch:
                batch.full.set()
            self._open[key] = opened = _Batch([request], request.rows)
            return opened, True

    def _close(self, key: Key, batch: _Batch) -> None:
        with self._lock:
            if self._open.get(key) is batch:
                del self._open[key]

    def _run_batch(self, signature_name: str, batch: _Batch) -> None:
        try:
            now = time.monotonic()
            waiting = [r for r in batch.requests if r.deadline > now]
            for request in batch.requests:
                if request.deadline <= now:
                    request.error = _late()
            if not self._run_jointly(signature_name, waiting):
                for request in waiting:
                    self._run_alone(signature_name, request)
        finally:  # whatever happens here, nobody waits for ever
            for request in batch.requests:
                if request.outputs is None and request.error is None:
                    request.error = _broken_off()
                request.done.set()

    def _run_alone(self, signature_name: str, request: _Request) -> None:
        try:
            request.outputs = self._run(signature_name, request.arrays)
        except Exception as error:  # it belongs to that request's caller
            request.error = error

    def _run_jointly(self, signature_name: str, requests: list[_Request]) -> bool:
        if len(requests) < 2:
            return False
        names = requests[0].arrays
        rows = [request.rows for request in requests]
        try:
            joint = self._run(
                signature_name,
                {k: np.concatenate([r.arrays[k] for r in requests]) for k in names},
            )
        except Exception:  # each request runs alone and gets its own error
            return False
        if any(v.shape[:1] != (sum(rows),) for v in joint.values()):
            return False
        self._observe(sum(rows))
        ends = np.cumsum(rows)
        for request, end in zip(requests, ends, strict=True):
            part = slice(end - request.rows, end)
            request.outputs = {k: v[part] for k, v in joint.items()}
        return True


def _rows(arrays: Arrays) -> int | None:
    """The common leading dimension, if there is one that is not zero."""
    sizes = {array.shape[:1] for array in arrays.values()}
    if len(sizes) != 1 or () in sizes:
        return None
    return sizes.pop()[0] or None


def _broken_off() -> Refusal:
    text = "The joint run that this request was part of broke off."
    return Refusal(grpc.StatusCode.INTERNAL, text)


def _late() -> Refusal:
    return Refusal(
        grpc.StatusCode.DEADLINE_EXCEEDED, "The deadline passed before the model ran."
    )
