"""The load test: bounded, honest, and on this machine only."""

import numpy as np
import pytest

from tfctr.errors import InputError
from tfctr.serving import ServingError, load_test

ONE = {"x": [1.0]}


def run(address, inputs=ONE, signature="plus", **options):
    return load_test.run(address, "small", inputs, signature, **options)


def test_stops_at_the_number_of_requests(served):
    report = run(served.address, max_requests=20, duration_seconds=30, concurrency=4)
    assert report.requests == 20
    assert report.errors == {}
    assert len(report.latency_ms) == 20
    assert report.qps == pytest.approx(20 / report.seconds)


def test_stops_at_the_duration(served):
    report = run(served.address, duration_seconds=0.3, max_requests=100_000)
    assert 0.3 <= report.seconds < 10
    assert report.requests > 0


def test_percentiles_are_those_of_numpy():
    latency = np.array([1.0, 2.0, 3.0, 4.0])
    report = load_test.LoadReport(4, {"NOT_FOUND": 2}, 0.5, latency)
    assert report.percentile_ms(50) == 2.5
    assert str(report) == (
        "requests 4  errors 2  seconds 0.50  qps 8.0\n"
        "p50 2.50 ms  p95 3.85 ms  p99 3.97 ms"
    )


def test_errors_are_counted_by_code(served, monkeypatch):
    calls = iter(range(100))

    def predict(self, inputs, signature_name):
        if next(calls) % 2:
            raise ServingError("RESOURCE_EXHAUSTED", "full")
        return {}

    monkeypatch.setattr(load_test.PredictClient, "predict", predict)
    report = run(served.address, max_requests=4, concurrency=1)
    assert (report.requests, report.errors) == (2, {"RESOURCE_EXHAUSTED": 2})


def test_a_wrong_request_is_told_at_once(served):
    with pytest.raises(ServingError, match="INVALID_ARGUMENT"):
        run(served.address, {"z": [1.0]})


@pytest.mark.parametrize(
    "address", ["10.0.0.1:80", "example.com:80", ":80", "0.0.0.0:1"]
)
def test_other_machines_are_refused(address):
    with pytest.raises(InputError, match="`address`: received"):
        run(address)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"duration_seconds": 61}, "duration_seconds"),
        ({"max_requests": 0}, "max_requests"),
        ({"max_requests": 100_001}, "max_requests"),
        ({"concurrency": 65}, "concurrency"),
    ],
)
def test_the_bounds_are_bounded(options, name):
    with pytest.raises(InputError, match=f"`{name}`: received"):
        run("[::1]:1", **options)


def test_the_command_line_makes_its_own_request(served, capsys):
    arguments = [served.address, "--model-name=small", "--signature=ranking"]
    arguments += ["--candidates=5", "--seconds=0.1"]
    assert load_test.main(arguments) == 0
    assert "p50" in capsys.readouterr().out
