"""Which server is started, and a real one in a process of its own."""

import os
import signal
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from tfctr.errors import InputError, UnknownName
from tfctr.serving import PredictClient, ServingError, backends, launch

FAKE_SERVER = """
#!{python}
# Stands in for tensorflow_model_server: answers GetModelStatus, logs its arguments.
import signal, sys, threading
from concurrent.futures import ThreadPoolExecutor
import grpc
from tfctr.serving.wire import message

class Status(grpc.GenericRpcHandler):
    def service(self, details):
        response = message("GetModelStatusResponse")()
        response.model_version_status.add(version=1, state=30)
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: response.SerializeToString())

print("arguments", *sys.argv[1:], file=sys.stderr, flush=True)
if any("broken" in argument for argument in sys.argv):
    sys.exit("cannot serve this")
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
flags = dict(argument.lstrip("-").split("=", 1) for argument in sys.argv[1:])
server = grpc.server(ThreadPoolExecutor(2), handlers=[Status()])
server.add_insecure_port("127.0.0.1:" + flags["port"])
server.start()
stop.wait()
server.stop(0).wait()
print("stopped by SIGTERM", file=sys.stderr, flush=True)
"""


def program(folder: Path, name: str, text: str) -> None:
    file = folder / name
    file.write_text(textwrap.dedent(text).lstrip().format(python=sys.executable))
    file.chmod(0o755)


@pytest.fixture
def path(tmp_path, monkeypatch):
    """An empty folder that is the whole PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def folder(tmp_path):
    """A model folder that only looks like one."""
    (tmp_path / "model" / "1").mkdir(parents=True)
    (tmp_path / "model" / "1" / "saved_model.pb").touch()
    return tmp_path / "model"


def test_the_binary_comes_first(path):
    program(path, "tensorflow_model_server", "#!/bin/sh\n")
    program(path, "docker", "#!/bin/sh\necho 27.0\n")
    chosen, reason = backends.choose("auto")
    assert chosen == "tensorflow_model_server"
    assert reason == f"tensorflow_model_server is at {path}/tensorflow_model_server."


def test_docker_comes_second_if_its_engine_answers(path):
    program(path, "docker", "#!/bin/sh\necho 27.0\n")
    assert backends.choose("auto") == (
        "docker",
        "tensorflow_model_server is not on the PATH; Docker engine 27.0 answers.",
    )


def test_a_docker_client_without_an_engine_does_not_count(path):
    program(path, "docker", "#!/bin/sh\necho Cannot connect >&2\nexit 1\n")
    chosen, reason = backends.choose("auto")
    assert chosen == "embedded"
    assert "no Docker engine answers (Cannot connect)" in reason


def test_a_docker_client_that_hangs_does_not_count(path, monkeypatch):
    monkeypatch.setattr(backends, "DOCKER_INFO_SECONDS", 0.1)
    program(path, "docker", "#!/bin/sh\nexec /bin/sleep 20\n")
    chosen, reason = backends.choose("auto")
    assert chosen == "embedded"
    assert "no Docker engine answers within 0.1 s" in reason


def test_the_embedded_server_is_always_there(path):
    assert backends.choose("auto") == (
        "embedded",
        "tensorflow_model_server is not on the PATH; docker is not on the PATH;"
        " the embedded server is always there.",
    )


def test_a_backend_that_is_not_there_is_refused_with_the_reason(path):
    with pytest.raises(InputError, match="docker is not on the PATH"):
        backends.choose("docker")


def test_an_unknown_backend_is_refused_with_near_names():
    with pytest.raises(UnknownName, match="Did you mean 'embedded'"):
        backends.choose("embeded")


def test_the_container_mounts_the_folder_and_listens_on_this_machine_only():
    command = backends.command("docker", Path("/models/m"), "m", 85, 86)
    line = " ".join(command.start)
    assert "source=/models/m,target=/models/m,readonly" in line
    assert "--publish 127.0.0.1:85:8500 --publish 127.0.0.1:86:8501" in line
    assert line.endswith("--env MODEL_NAME=m tensorflow/serving:2.19.1")
    assert command.stop == ("docker", "stop", "tfctr-85")


def test_a_folder_without_a_version_is_refused_before_anything_starts(tmp_path):
    with pytest.raises(InputError, match="expected a model folder with <number>"):
        launch(tmp_path, "m")


def test_the_binary_gets_its_flags_and_is_stopped(path, folder, tmp_path):
    program(path, "tensorflow_model_server", FAKE_SERVER)
    log, said = tmp_path / "log", []
    server = launch(folder, "m", log_file=log, report=said.append)
    assert server.running
    assert server.stop() == 0
    assert not server.running
    assert log.read_text().splitlines() == [
        f"arguments --port={server.grpc_port} --rest_api_port={server.rest_port}"
        f" --model_name=m --model_base_path={folder}",
        "stopped by SIGTERM",
    ]
    assert f"with tensorflow_model_server: gRPC {server.address}" in said[0]
    assert f"Why: tensorflow_model_server is at {path}" in said[0]


def test_a_server_that_ends_at_once_is_an_error_with_its_last_words(path, tmp_path):
    program(path, "tensorflow_model_server", FAKE_SERVER)
    (tmp_path / "broken" / "1").mkdir(parents=True)
    (tmp_path / "broken" / "1" / "saved_model.pb").touch()
    with pytest.raises(ServingError, match="ended with code 1") as caught:
        launch(tmp_path / "broken", "m")
    assert "cannot serve this" in caught.value.text


def test_a_server_that_is_not_ready_in_time_is_stopped(path, folder, tmp_path):
    program(path, "tensorflow_model_server", "#!/bin/sh\necho $$ >&2\nexec sleep 20\n")
    program(path, "sleep", "#!/bin/sh\nexec /bin/sleep 20\n")
    log = tmp_path / "log"
    with pytest.raises(ServingError, match="was not ready"):
        launch(folder, "m", ready_timeout=1.5, log_file=log)
    with pytest.raises(ProcessLookupError):
        os.kill(int(log.read_text()), 0)


def test_signals_reach_the_server(path, folder, tmp_path):
    program(path, "tensorflow_model_server", FAKE_SERVER)
    log = tmp_path / "log"
    server = launch(folder, "m", log_file=log)
    before = signal.getsignal(signal.SIGTERM)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    assert server.serve_until_stopped() == 0
    timer.join()
    assert "stopped by SIGTERM" in log.read_text()
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.slow
def test_the_embedded_server_serves_from_a_process_of_its_own(base):
    said = []
    with launch(base, "small", backend="embedded", report=said.append) as server:
        with PredictClient(server.address, "small") as client:
            assert client.predict({"x": [1.0]}, "plus")["y"] == [101]
        assert server.process.pid != os.getpid()
        assert "with embedded" in said[0]
        assert server.stop(grace_seconds=60) == 0
    assert not server.log_file.exists()
