"""A bounded load test of a model server on this machine."""

import argparse
import ipaddress
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfctr.errors import InputError
from tfctr.serving.client import PredictClient
from tfctr.serving.errors import ServingError
from tfctr.serving.feature_values import missing_value

__all__ = ["LoadReport", "run"]

MAX_SECONDS, MAX_REQUESTS, MAX_CONCURRENCY = 60.0, 100_000, 64


@dataclass(frozen=True)
class LoadReport:
    """What a load test measured; printing it gives a table.

    Args:
        requests: Answered requests, refused ones not among them.
        errors: Refused requests by gRPC code.
        seconds: Duration of the test.
        latency_ms: Sorted durations of the answered requests.
    """

    requests: int
    errors: dict[str, int]
    seconds: float
    latency_ms: np.ndarray = field(repr=False)

    @property
    def qps(self) -> float:
        """Answered requests per second."""
        return self.requests / self.seconds

    def percentile_ms(self, percent: float) -> float:
        """Latency that `percent` of the answered requests stay within; NaN for none."""
        if not self.requests:
            return float("nan")
        return float(np.percentile(self.latency_ms, percent))

    def __str__(self) -> str:
        p50, p95, p99 = (self.percentile_ms(p) for p in (50, 95, 99))
        return (
            f"requests {self.requests}  errors {sum(self.errors.values())}"
            f"  seconds {self.seconds:.2f}  qps {self.qps:.1f}\n"
            f"p50 {p50:.2f} ms  p95 {p95:.2f} ms  p99 {p99:.2f} ms"
        )


def run(
    address: str,
    model_name: str,
    inputs: Mapping[str, Any],
    signature_name: str = "serving_default",
    *,
    duration_seconds: float = 5.0,
    max_requests: int = 10_000,
    concurrency: int = 2,
    timeout: float = 10.0,
) -> LoadReport:
    """Sends one request again and again from several threads, and measures.

    The loop is closed: a thread sends its next request when it has the answer. One
    request before the clock starts is not counted.

    Args:
        address: `host:port` on this machine; others are refused.
        model_name: Name of the model.
        inputs: Inputs of the request.
        signature_name: The signature to call.
        duration_seconds: When to stop, at most 60.
        max_requests: After how many requests to stop, at most 100,000.
        concurrency: Threads, at most 64.
        timeout: Seconds for one request.

    Raises:
        InputError: An address elsewhere, or a bound that is out of range.
        ServingError: The first request failed.
    """
    _check_loopback(address)
    _check_range("duration_seconds", duration_seconds, MAX_SECONDS)
    _check_range("max_requests", max_requests, MAX_REQUESTS)
    _check_range("concurrency", concurrency, MAX_CONCURRENCY)
    with PredictClient(address, model_name, timeout=timeout) as client:
        loop = _Loop(client, inputs, signature_name, duration_seconds, max_requests)
        return loop.run(concurrency)


class _Loop:
    """Threads that each send a request when they have the answer to the last one."""

    def __init__(
        self,
        client: PredictClient,
        inputs: Mapping[str, Any],
        signature_name: str,
        seconds: float,
        max_requests: int,
    ) -> None:
        self._request = (inputs, signature_name)
        self._client = client
        self._seconds = seconds
        self._tickets = iter(range(max_requests))
        self._lock = threading.Lock()
        self._latencies: list[float] = []
        self._errors: Counter[str] = Counter()

    def run(self, concurrency: int) -> LoadReport:
        self._client.predict(*self._request)
        started = time.monotonic()
        end = started + self._seconds
        threads = [
            threading.Thread(target=self._work, args=(end,)) for _ in range(concurrency)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - started
        latency_ms = np.sort(self._latencies)
        return LoadReport(len(latency_ms), dict(self._errors), seconds, latency_ms)

    def _work(self, end: float) -> None:
        while time.monotonic() < end and self._take_ticket():
            begin = time.perf_counter()
            try:
                self._client.predict(*self._request)
            except ServingError as error:
                with self._lock:
                    self._errors[error.code] += 1
            else:
                with self._lock:
                    self._latencies.append(1000 * (time.perf_counter() - begin))

    def _take_ticket(self) -> bool:
        with self._lock:
            return next(self._tickets, None) is not None


def _check_loopback(address: str) -> None:
    host = address.rpartition(":")[0].strip("[]")
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise InputError(
            "address",
            received=repr(address),
            expected="127.0.0.1:port, [::1]:port or localhost:port",
            hint="This load test is for servers on this machine.",
        )


def _check_range(name: str, value: float, largest: float) -> None:
    if not 0 < value <= largest:
        raise InputError(name, received=value, expected=f"over 0, at most {largest:g}")


def _missing_inputs(
    client: PredictClient, signature_name: str, candidates: int
) -> dict[str, np.ndarray]:
    """A request of missing values: one user, `candidates` items, lists of length 1."""
    inputs = {}
    for name, spec in client.metadata().signature(signature_name).inputs.items():
        shape = [1 if size is None else size for size in spec.shape or ()]
        if spec.shape is not None and spec.shape[:2] == (None, None):
            shape[1] = candidates
        dtype = object if spec.dtype == "string" else spec.dtype
        inputs[name] = np.full(shape, missing_value(spec.dtype), dtype)
    return inputs


def main(arguments: list[str] | None = None) -> int:
    """`python -m tfctr.serving.load_test`: a request of missing values."""
    parser = argparse.ArgumentParser("python -m tfctr.serving.load_test")
    parser.add_argument("address", help="127.0.0.1:<gRPC port>")
    parser.add_argument("--model-name", required=True)
    parser.add_argument("--signature", default="pre_ranking")
    parser.add_argument("--candidates", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--concurrency", type=int, default=2)
    settings = parser.parse_args(arguments)
    _check_loopback(settings.address)
    with PredictClient(settings.address, settings.model_name) as client:
        inputs = _missing_inputs(client, settings.signature, settings.candidates)
    print(
        run(
            settings.address,
            settings.model_name,
            inputs,
            settings.signature,
            duration_seconds=settings.seconds,
            concurrency=settings.concurrency,
        )
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
