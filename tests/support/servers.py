"""HTTP servers in threads of the test's process."""

from __future__ import annotations

import threading
from socketserver import BaseServer


def serve_in_a_thread(server: BaseServer) -> None:
    """Serve until `shutdown`, which then waits for a moment and not for half a second."""
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    ).start()
