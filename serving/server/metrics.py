"""Counts and durations of the server, in Prometheus' text format."""

import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator

from tfctr.serving.signatures import VersionStatus

__all__ = ["Metrics"]

LATENCY_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
BATCH_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Metrics:
    """What the server counts; safe to use from many threads.

    Args:
        model_name: Value of the label `model`.
    """

    def __init__(self, model_name: str) -> None:
        self._model = model_name
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, str], int] = defaultdict(int)
        self._latency: dict[str, _Histogram] = defaultdict(
            lambda: _Histogram(LATENCY_SECONDS)
        )
        self._batches = _Histogram(BATCH_ROWS)
        self._in_flight = 0

    def begin(self) -> None:
        """Notes that a request runs."""
        with self._lock:
            self._in_flight += 1

    def end(self, signature_name: str, code: str, seconds: float) -> None:
        """Notes that a request ended.

        Args:
            signature_name: One of the model's, so that clients cannot add labels.
            code: Name of the gRPC code, `"OK"` among them.
            seconds: How long it took.
        """
        with self._lock:
            self._in_flight -= 1
            self._requests[signature_name, code] += 1
            self._latency[signature_name].add(seconds)

    def batch(self, rows: int) -> None:
        """Notes a joint run of several requests."""
        with self._lock:
            self._batches.add(rows)

    def render(self, statuses: list[VersionStatus]) -> str:
        """All of it as Prometheus text.

        Args:
            statuses: States of the model's versions.
        """
        with self._lock:
            lines = list(self._lines(statuses))
        return "\n".join(lines) + "\n"

    def _lines(self, statuses: list[VersionStatus]) -> Iterator[str]:
        model = f'model="{_escape(self._model)}"'
        yield "# HELP tfctr_requests_total Predict requests by signature and code."
        yield "# TYPE tfctr_requests_total counter"
        for (signature, code), count in sorted(self._requests.items()):
            labels = f'{model},signature="{_escape(signature)}",code="{code}"'
            yield f"tfctr_requests_total{{{labels}}} {count}"
        yield "# HELP tfctr_requests_in_flight Predict requests that run now."
        yield "# TYPE tfctr_requests_in_flight gauge"
        yield f"tfctr_requests_in_flight{{{model}}} {self._in_flight}"
        yield "# HELP tfctr_request_seconds Duration of predict requests."
        yield "# TYPE tfctr_request_seconds histogram"
        for signature, histogram in sorted(self._latency.items()):
            labels = f'{model},signature="{_escape(signature)}"'
            yield from histogram.lines("tfctr_request_seconds", labels)
        yield "# HELP tfctr_batch_rows Rows of joint runs of several requests."
        yield "# TYPE tfctr_batch_rows histogram"
        yield from self._batches.lines("tfctr_batch_rows", model)
        yield "# HELP tfctr_model_version_state 1 for the state a version is in."
        yield "# TYPE tfctr_model_version_state gauge"
        for status in statuses:
            labels = f'{model},version="{status.version}",state="{status.state}"'
            yield f"tfctr_model_version_state{{{labels}}} 1"


class _Histogram:
    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self, name: str, labels: str) -> Iterator[str]:
        total = 0
        for bound, count in zip((*self._bounds, "+Inf"), self._counts, strict=True):
            total += count
            yield f'{name}_bucket{{{labels},le="{bound}"}} {total}'
        yield f"{name}_sum{{{labels}}} {self._sum}"
        yield f"{name}_count{{{labels}}} {total}"


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
