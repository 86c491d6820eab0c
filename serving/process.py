"""A model server in a process of its own."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from tfctr.serving.client import PredictClient
from tfctr.serving.errors import ServingError

__all__ = ["ServerProcess"]

LOG_LINES = 15


@dataclass
class ServerProcess:
    """A running model server; stops it at the end of a `with` block.

    Args:
        backend: `"tensorflow_model_server"`, `"docker"` or `"embedded"`.
        reason: Why this one was chosen.
        model_name: Name of the model in requests.
        grpc_port: Port of gRPC on this machine.
        rest_port: Port of REST on this machine.
        process: The process.
        log_file: What it prints to stderr.
        delete_log: Whether `stop` deletes that file.
        stop_command: What to run to stop it, before the signal.
    """

    backend: str
    reason: str
    model_name: str
    grpc_port: int
    rest_port: int
    process: subprocess.Popen[bytes]
    log_file: Path
    delete_log: bool = False
    stop_command: Sequence[str] = ()

    @property
    def address(self) -> str:
        """`host:port` for gRPC clients."""
        return f"127.0.0.1:{self.grpc_port}"

    @property
    def rest_url(self) -> str:
        """Where REST is served, without a slash at the end."""
        return f"http://127.0.0.1:{self.rest_port}"

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return self.process.poll() is None

    def wait_until_ready(self, timeout: float) -> None:
        """Returns when the model answers.

        Args:
            timeout: Seconds to wait at most.

        Raises:
            ServingError: The process ended, or was not ready in time.
        """
        deadline = time.monotonic() + timeout
        with PredictClient(self.address, self.model_name) as client:
            while True:
                self.require_running()
                try:
                    client.wait_until_ready(min(0.5, timeout))
                except ServingError as error:
                    if time.monotonic() > deadline:
                        text = f"{error.text} {self.log_tail()}"
                        raise ServingError(error.code, text) from None
                else:
                    return

    def require_running(self) -> None:
        """Checks that the process has not ended.

        Raises:
            ServingError: `UNAVAILABLE`, with the last lines of its log.
        """
        if not self.running:
            raise ServingError(
                "UNAVAILABLE",
                f"the {self.backend} server ended with code {self.process.returncode}."
                f" {self.log_tail()}",
            )

    def log_tail(self) -> str:
        """The last lines of the log."""
        if not self.log_file.exists():
            return ""
        lines = self.log_file.read_text(errors="replace").splitlines()
        return "Its last words:\n" + "\n".join(lines[-LOG_LINES:])

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the process to end and returns its exit code."""
        return self.process.wait(timeout)

    def stop(self, grace_seconds: float = 10.0) -> int:
        """Asks the process to end, ends it if it does not; returns its exit code.

        Args:
            grace_seconds: How long running requests may take.
        """
        if self.running and self.stop_command:
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(
                    self.stop_command,
                    timeout=grace_seconds,
                    capture_output=True,
                    check=False,
                )
        if self.running:
            self.process.terminate()
        try:
            code = self.process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        if self.delete_log:
            self.log_file.unlink(missing_ok=True)
        return code

    def serve_until_stopped(self) -> int:
        """Waits for the process, passing SIGTERM and SIGINT on (main thread only).

        Returns:
            The exit code of the process.
        """

        def forward(*_: Any) -> None:
            self.process.terminate()

        numbers = (signal.SIGTERM, signal.SIGINT)
        previous = {number: signal.signal(number, forward) for number in numbers}
        try:
            return self.process.wait()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            self.stop()

    def __enter__(self) -> "ServerProcess":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
