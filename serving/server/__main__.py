"""`python -m tfctr.serving.server`: the embedded server as a process.

Prints one line of JSON with the ports when it is ready, and stops on SIGTERM and
SIGINT after running requests have finished.
"""

import argparse
import json
import signal
import sys
import threading
from typing import Any

from tfctr.errors import InputError
from tfctr.serving.server import BatchingOptions, EmbeddedServer, ServerOptions

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Runs until a signal; returns the exit code, 2 for wrong input."""
    settings = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        server = EmbeddedServer(
            settings.model_name, settings.model_base_path, _options(settings)
        )
        server.start()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return 2
    print(json.dumps(_report(server)), flush=True)
    if settings.watch_stdin:
        threading.Thread(target=_wait_for_end, args=(stop,), daemon=True).start()
    stop.wait()
    server.stop()
    return 0


def _wait_for_end(stop: threading.Event) -> None:
    """Stops when the process that started this one is gone, however it ended."""
    sys.stdin.read()
    stop.set()


def _report(server: EmbeddedServer) -> dict[str, Any]:
    return {
        "model_name": server.model_name,
        "grpc_port": server.grpc_port,
        "rest_port": server.rest_port,
        "versions": [s.version for s in server.manager.states()],
    }


def _options(settings: argparse.Namespace) -> ServerOptions:
    batching = None
    if settings.max_batch_size:
        batching = BatchingOptions(
            settings.max_batch_size, settings.batch_timeout_seconds
        )
    return ServerOptions(
        host=settings.host,
        grpc_port=settings.grpc_port,
        rest_port=settings.rest_port,
        num_versions=settings.num_versions,
        poll_seconds=settings.poll_seconds,
        max_concurrent=settings.max_concurrent,
        batching=batching,
    )


def _parser() -> argparse.ArgumentParser:
    base = ServerOptions()
    parser = argparse.ArgumentParser(
        "python -m tfctr.serving.server", description=__doc__
    )
    add = parser.add_argument
    add("--model-name", required=True)
    add("--model-base-path", required=True, help="folder with <version>/saved_model.pb")
    add("--host", default=base.host)
    add("--grpc-port", type=int, default=0, help="0 picks a free one")
    add("--rest-port", type=int, default=0, help="0 picks a free one")
    add("--num-versions", type=int, default=base.num_versions)
    add("--poll-seconds", type=float, default=base.poll_seconds)
    add("--max-concurrent", type=int, default=base.max_concurrent)
    add("--max-batch-size", type=int, default=0, help="rows; 0 runs requests singly")
    add("--batch-timeout-seconds", type=float, default=0.002)
    add("--watch-stdin", action="store_true", help="stop when stdin is closed")
    return parser


if __name__ == "__main__":
    sys.exit(main())
