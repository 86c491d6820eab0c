"""Settings of the embedded server."""

from dataclasses import dataclass

from tfctr.errors import InputError

__all__ = ["BatchingOptions", "ServerOptions"]


@dataclass(frozen=True)
class BatchingOptions:
    """How concurrent requests are joined in their leading dimension.

    Args:
        max_batch_size: Most rows in one run of the model.
        timeout_seconds: How long the first request waits for others.
    """

    max_batch_size: int = 64
    timeout_seconds: float = 0.002

    def __post_init__(self) -> None:
        _check_at_least("max_batch_size", self.max_batch_size, 1)
        _check_at_least("timeout_seconds", self.timeout_seconds, 0)


@dataclass(frozen=True)
class ServerOptions:
    """Settings of the embedded server.

    Args:
        host: Address to listen on.
        grpc_port: Port of gRPC; 0 picks a free one.
        rest_port: Port of REST; 0 picks a free one.
        num_versions: How many of the highest versions are served at once.
        poll_seconds: Time between two looks into the model folder; 0 never looks.
        max_concurrent: Requests that run at once; more get RESOURCE_EXHAUSTED.
        max_message_bytes: Largest request or answer.
        batching: Joining of requests; off without.
        grace_seconds: How long running requests may take when the server stops.
    """

    host: str = "127.0.0.1"
    grpc_port: int = 0
    rest_port: int = 0
    num_versions: int = 1
    poll_seconds: float = 1.0
    max_concurrent: int = 32
    max_message_bytes: int = 64 << 20
    batching: BatchingOptions | None = None
    grace_seconds: float = 5.0

    def __post_init__(self) -> None:
        for name in ("num_versions", "max_concurrent", "max_message_bytes"):
            _check_at_least(name, getattr(self, name), 1)
        for name in ("grpc_port", "rest_port", "poll_seconds", "grace_seconds"):
            _check_at_least(name, getattr(self, name), 0)


def _check_at_least(name: str, value: float, least: float) -> None:
    if value < least:
        raise InputError(name, received=value, expected=f"at least {least}")
