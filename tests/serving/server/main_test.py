"""The command line of the embedded server, run in a thread of this process."""

import json
import os
import signal
import threading
import time

import pytest

from tfctr.serving import PredictClient
from tfctr.serving.server.__main__ import main


@pytest.fixture
def handlers(monkeypatch):
    """Signal handlers that `main` sets; only the main thread could really set them."""
    found = {}
    monkeypatch.setattr(signal, "signal", found.__setitem__)
    return found


class Running(threading.Thread):
    """`main` in a thread; its exit code in the end."""

    def __init__(self, *arguments):
        super().__init__()
        self.arguments = arguments
        self.code = None
        self.start()

    def run(self):
        self.code = main(["--model-name=m", *self.arguments])

    def ended(self):
        self.join(20)
        return self.code


@pytest.fixture
def run(handlers):
    """Starts `main`; whatever a test does, it has ended after it."""
    started = []
    yield lambda *arguments: started.append(Running(*arguments)) or started[-1]
    for thread in started:
        while thread.is_alive():
            for handler in [*handlers.values()]:
                handler(0, None)
            thread.join(0.1)


def ports(capsys):
    """The line that the server prints when it is ready."""
    end, text = time.monotonic() + 20, ""
    while "\n" not in text and time.monotonic() < end:
        time.sleep(0.02)
        text += capsys.readouterr().out
    return json.loads(text)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_prints_its_ports_and_stops_on_a_signal(base, capsys, handlers, run, number):
    running = run(f"--model-base-path={base}", "--max-batch-size=4")
    report = ports(capsys)
    assert report["model_name"] == "m"
    assert report["versions"] == [1]
    with PredictClient(f"127.0.0.1:{report['grpc_port']}", "m") as client:
        assert client.predict({"x": [1.0]}, "plus")["y"] == [101]
    handlers[number](number, None)
    assert running.ended() == 0


def test_stops_when_its_stdin_is_closed(base, capsys, run, monkeypatch):
    ours, theirs = os.pipe()
    with os.fdopen(ours) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        running = run(f"--model-base-path={base}", "--watch-stdin")
        ports(capsys)
        assert running.is_alive()
        os.close(theirs)
        assert running.ended() == 0


def test_wrong_settings_end_with_a_text_on_stderr(tmp_path, capsys, handlers):
    assert main(["--model-name=m", f"--model-base-path={tmp_path / 'no'}"]) == 2
    assert capsys.readouterr().err.startswith(
        f"error: `{tmp_path / 'no'}`: received no folder of that name"
    )
    folder = f"--model-base-path={tmp_path}"
    assert main(["--model-name=m", folder, "--max-concurrent=0"]) == 2
    assert "`max_concurrent`: received 0, expected at least 1" in (
        capsys.readouterr().err
    )
