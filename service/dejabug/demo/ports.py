"""Which ports of this machine are free."""

from __future__ import annotations

import socket


def is_free(port: int) -> bool:
    """Whether a server can use this port on 127.0.0.1."""
    with socket.socket() as probe:
        # As servers do it: a port whose last connections are just closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
