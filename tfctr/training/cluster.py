"""The workers of one training: who they are, and whether all of them are there."""

import socket
import time
from typing import Any

import tensorflow as tf

from tfctr.errors import InputError

__all__ = ["CONNECT_SECONDS", "read_cluster", "wait_for_workers"]

CONNECT_SECONDS = 300
SECONDS_BETWEEN_TRIES = 0.2
# A stranger who connects and says nothing holds the others up for so long.
GREETING_SECONDS = 5.0
READY = b"ready\n"
EXAMPLE = (
    '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


def read_cluster() -> Any:
    """TensorFlow's resolver of the environment variable `TF_CONFIG`, checked.

    Raises:
        InputError: It is missing, is not what TensorFlow reads, or does not list the
            task of this process.
    """
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    try:
        jobs = resolver.cluster_spec().as_dict()
        task, index = resolver.task_type, resolver.task_id
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _wrong(f"a text that TensorFlow cannot read ({error})") from error
    if not jobs:
        raise _wrong("no cluster")
    if set(jobs) - {"chief", "worker"}:
        raise _wrong(f"a cluster of {', '.join(sorted(jobs))}")
    if task is None or index is None:
        raise _wrong("a cluster without the task of this process")
    if not 0 <= index < len(jobs.get(task, ())):
        raise _wrong(f"task {task}:{index}, which the cluster does not list")
    for address in _addresses(resolver).values():
        if not address.rpartition(":")[2].isdigit():
            raise _wrong(f"the address {address!r}")
    return resolver


def wait_for_workers(resolver: Any, seconds: float = CONNECT_SECONDS) -> None:
    """Returns when all workers have called this; none starts TensorFlow before.

    TensorFlow itself waits for ever: the first worker for the others, silently. So the
    others first greet the first one here, on the port that TensorFlow uses next.

    Args:
        resolver: What `read_cluster` gave.
        seconds: How long to wait.

    Raises:
        InputError: Names who is missing.
    """
    addresses = _addresses(resolver)
    me = f"{resolver.task_type}:{resolver.task_id}"
    first, *others = addresses
    deadline = time.monotonic() + seconds
    if me != first:
        _greet(addresses[first], me, deadline, seconds)
        return
    missing = _gather(addresses[first], set(others), deadline)
    if missing:
        raise InputError(
            "strategy",
            received=f"no sign of {', '.join(missing)} within {seconds:g} s",
            expected="all workers of TF_CONFIG",
            hint="Start each with the same TF_CONFIG and its own task index.",
        )


def _gather(address: str, others: set[str], deadline: float) -> list[str]:
    """Waits for greetings and answers them together; names that did not come."""
    came: dict[str, socket.socket] = {}
    try:
        with socket.create_server(("", _port(address))) as server:
            while others - set(came):
                server.settimeout(_left(deadline))
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    return sorted(others - set(came))
                connection.settimeout(min(GREETING_SECONDS, _left(deadline)))
                name = _line(connection)
                if name in came or name not in others:  # a new start, or a stranger
                    came.pop(name, connection).close()
                if name in others:
                    came[name] = connection
        for connection in came.values():
            connection.sendall(READY)
    finally:
        for connection in came.values():
            connection.close()
    return []


def _greet(address: str, me: str, deadline: float, seconds: float) -> None:
    place = (address.rpartition(":")[0], _port(address))
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(place, _left(deadline)) as connection:
                connection.settimeout(_left(deadline))
                connection.sendall(f"{me}\n".encode())
                if connection.recv(len(READY)) == READY:
                    return
        except OSError:  # not there yet
            pass
        time.sleep(SECONDS_BETWEEN_TRIES)
    raise InputError(
        "strategy",
        received=f"no answer from {address}, the first worker, within {seconds:g} s",
        expected="all workers of TF_CONFIG",
        hint="Either it or another worker did not start, or it has gone on already.",
    )


def _line(connection: socket.socket) -> str:
    text = b""
    try:
        while not text.endswith(b"\n") and len(text) < 64:
            received = connection.recv(64 - len(text))
            if not received:
                break
            text += received
    except OSError:
        return ""
    return text.decode(errors="replace").strip()


def _addresses(resolver: Any) -> dict[str, str]:
    """Address by task, `chief:0` or else `worker:0` first, as TensorFlow counts."""
    jobs = resolver.cluster_spec().as_dict()
    return {
        f"{job}:{index}": address
        for job in ("chief", "worker")
        for index, address in enumerate(jobs.get(job, ()))
    }


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def _left(deadline: float) -> float:
    return max(deadline - time.monotonic(), 0.01)


def _wrong(received: str) -> InputError:
    return InputError(
        "TF_CONFIG", received=received, expected=f"JSON such as {EXAMPLE}"
    )
