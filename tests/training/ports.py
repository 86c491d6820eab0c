"""Ports for workers on this machine."""

import socket


def free_ports(count) -> list[int]:
    """As many ports that nobody listens on now."""
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [server.getsockname()[1] for server in servers]
    finally:
        for server in servers:
            server.close()
