"""Which model server there is on this machine, and how to start each kind."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tfctr.errors import InputError, UnknownName

__all__ = ["BACKENDS", "Command", "choose", "command"]

BINARY = "tensorflow_model_server"
IMAGE = "tensorflow/serving:2.19.1"
BACKENDS = (BINARY, "docker", "embedded")
DOCKER_INFO_SECONDS = 5.0


@dataclass(frozen=True)
class Command:
    """How to start a server, and how to stop it if a signal is not enough."""

    start: list[str]
    stop: tuple[str, ...] = ()


def choose(backend: str) -> tuple[str, str]:
    """The backend to use and the reason, as a sentence.

    Args:
        backend: One of `BACKENDS`, or `"auto"` for the first that is there.

    Raises:
        UnknownName: No such backend.
        InputError: It is not on this machine.
    """
    if backend not in ("auto", *BACKENDS):
        raise UnknownName("backend", backend, ["auto", *BACKENDS])
    reasons = []
    for name in BACKENDS if backend == "auto" else [backend]:
        found, reason = _PROBES[name]()
        reasons.append(reason)
        if found:
            return name, f"{'; '.join(reasons)}."
    raise InputError(
        "backend",
        received=f"{backend!r}, but {'; '.join(reasons)}",
        expected="one that is on this machine",
        hint="Use 'auto' to take the first that is.",
    )


def command(
    backend: str, folder: Path, name: str, grpc_port: int, rest_port: int
) -> Command:
    """The command line of a backend.

    Args:
        backend: One of `BACKENDS`.
        folder: Model folder with `<version>/saved_model.pb`.
        name: Name of the model in requests.
        grpc_port: Port of gRPC; only the embedded server takes 0 for a free one.
        rest_port: Port of REST, likewise.
    """
    if backend == BINARY:
        return Command(
            [
                BINARY,
                f"--port={grpc_port}",
                f"--rest_api_port={rest_port}",
                f"--model_name={name}",
                f"--model_base_path={folder}",
            ]
        )
    if backend == "docker":
        return _docker(folder, name, grpc_port, rest_port)
    server = [sys.executable, "-m", "tfctr.serving.server", "--watch-stdin"]
    ports = [f"--grpc-port={grpc_port}", f"--rest-port={rest_port}"]
    return Command(
        [*server, *ports, f"--model-name={name}", f"--model-base-path={folder}"]
    )


def _docker(folder: Path, name: str, grpc_port: int, rest_port: int) -> Command:
    container = f"tfctr-{grpc_port}"
    mount = f"type=bind,source={folder},target=/models/{name},readonly"
    publish = [f"127.0.0.1:{grpc_port}:8500", f"127.0.0.1:{rest_port}:8501"]
    run = ["docker", "run", "--rm", "--init", "--name", container, "--mount", mount]
    for ports in publish:
        run += ["--publish", ports]
    run += ["--env", f"MODEL_NAME={name}", IMAGE]
    return Command(run, ("docker", "stop", container))


def _probe_binary() -> tuple[bool, str]:
    path = shutil.which(BINARY)
    if path is None:
        return False, f"{BINARY} is not on the PATH"
    return True, f"{BINARY} is at {path}"


def _probe_docker() -> tuple[bool, str]:
    if shutil.which("docker") is None:
        return False, "docker is not on the PATH"
    try:
        done = subprocess.run(
            ["docker", "info", "--format", "{{.ServerVersion}}"],
            timeout=DOCKER_INFO_SECONDS,
            capture_output=True,
            text=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False, f"no Docker engine answers within {DOCKER_INFO_SECONDS:g} s"
    if done.returncode:
        words = " ".join(done.stderr.split())
        return False, f"no Docker engine answers ({words:.120})"
    return True, f"Docker engine {done.stdout.strip()} answers"


def _probe_embedded() -> tuple[bool, str]:
    return True, "the embedded server is always there"


_PROBES: dict[str, Callable[[], tuple[bool, str]]] = {
    BINARY: _probe_binary,
    "docker": _probe_docker,
    "embedded": _probe_embedded,
}
