"""Starts the best model server there is: what `tfctr serve` does."""

import json
import queue
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tfctr.serving.backends import choose, command
from tfctr.serving.errors import ServingError
from tfctr.serving.process import ServerProcess
from tfctr.serving.versions import require_versions

__all__ = ["launch"]


def launch(
    model_folder: str | Path,
    name: str,
    grpc_port: int = 0,
    rest_port: int = 0,
    backend: str = "auto",
    *,
    ready_timeout: float = 120.0,
    log_file: str | Path | None = None,
    report: Callable[[str], None] = print,
) -> ServerProcess:
    """Starts a model server on this machine and waits until it answers.

    `"auto"` takes `tensorflow_model_server` if it is on the PATH, else a
    `tensorflow/serving` container if a Docker engine answers, else the embedded server.

    Args:
        model_folder: Folder with `<version>/saved_model.pb`.
        name: Name of the model in requests.
        grpc_port: Port of gRPC; 0 picks a free one.
        rest_port: Port of REST; 0 picks a free one.
        backend: `"auto"`, `"tensorflow_model_server"`, `"docker"` or `"embedded"`.
        ready_timeout: Seconds until the start is given up.
        log_file: Where the server's stderr goes; a temporary file without.
        report: Called with a line that says which server runs, where, and why.

    Returns:
        The running server; stop it, or use it in a `with` block.

    Raises:
        InputError: A folder without a version, or a backend that is not there.
        ServingError: The server ended or was not ready in time, with its last words.
    """
    folder = Path(model_folder).resolve()
    require_versions(folder)
    chosen, reason = choose(backend)
    if chosen != "embedded":
        grpc_port, rest_port = _free_ports(grpc_port, rest_port)
    server = _start(chosen, reason, folder, name, grpc_port, rest_port, log_file)
    try:
        deadline = time.monotonic() + ready_timeout
        if chosen == "embedded":
            ports = _read_ports(server, deadline)
            server.grpc_port, server.rest_port = ports
        server.wait_until_ready(deadline - time.monotonic())
    except BaseException:
        server.stop(0.5)
        raise
    report(
        f"Serving {name!r} from {folder} with {chosen}: gRPC {server.address},"
        f" REST {server.rest_url}/v1/models/{name}. Why: {reason}"
    )
    return server


def _start(
    backend: str,
    reason: str,
    folder: Path,
    name: str,
    grpc_port: int,
    rest_port: int,
    log_file: str | Path | None,
) -> ServerProcess:
    line = command(backend, folder, name, grpc_port, rest_port)
    if log_file is None:
        with tempfile.NamedTemporaryFile(
            prefix="tfctr-serve-", suffix=".log", delete=False
        ) as temporary:
            log = Path(temporary.name)
    else:
        log = Path(log_file)
    embedded = backend == "embedded"
    with log.open("ab") as stderr:
        process = subprocess.Popen(
            line.start,
            stdin=subprocess.PIPE if embedded else subprocess.DEVNULL,
            stdout=subprocess.PIPE if embedded else stderr,
            stderr=stderr,
        )
    return ServerProcess(
        backend,
        reason,
        name,
        grpc_port,
        rest_port,
        process,
        log,
        delete_log=log_file is None,
        stop_command=line.stop,
    )


def _read_ports(server: ServerProcess, deadline: float) -> tuple[int, int]:
    """Ports from the line that the embedded server prints when it is ready."""
    stdout = server.process.stdout
    lines: queue.Queue[bytes] = queue.Queue()
    if stdout is not None:
        # A pipe cannot be read with a time limit; a thread that waits can be left.
        reader = threading.Thread(
            target=lambda: lines.put(stdout.readline()), daemon=True
        )
        reader.start()
    try:
        line = lines.get(timeout=max(deadline - time.monotonic(), 0))
    except queue.Empty:
        raise ServingError(
            "DEADLINE_EXCEEDED", f"it was not ready in time. {server.log_tail()}"
        ) from None
    if not line:
        server.process.wait()
        server.require_running()
    ports = json.loads(line)
    return ports["grpc_port"], ports["rest_port"]


def _free_ports(*wanted: int) -> list[int]:
    """Replaces zeros by ports that are free at this moment."""
    ports, sockets = [], []
    for port in wanted:
        if port == 0:
            held = socket.socket()
            sockets.append(held)
            held.bind(("127.0.0.1", 0))
            port = int(held.getsockname()[1])
        ports.append(port)
    for held in sockets:
        held.close()
    return ports
