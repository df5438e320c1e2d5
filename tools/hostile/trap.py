"""A server that nothing should ever call, by TCP and by UDP, on this machine."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from typing import Self

# Our own message, to recognise it among all others.
OURS = b"the trap's own call"


class Trap:
    """Listens at `address` (host:port) while it is open; `visits` has the first bytes of each
    visitor."""

    def __init__(self) -> None:
        self.visits: list[bytes] = []
        self._tcp = socket.create_server(("127.0.0.1", 0))
        port = self._tcp.getsockname()[1]
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", port))
        self.address = f"127.0.0.1:{port}"
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._tcp.close()
        self._udp.close()

    def settle(self) -> None:
        """Wait until all calls before this moment are in `visits`: they are handled in order, and
        our own call comes last."""
        host, port = self.address.split(":")
        with socket.create_connection((host, int(port))) as call:
            call.sendall(OURS)
        while OURS not in self.visits:
            time.sleep(0.01)
        self.visits.remove(OURS)

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._tcp, selectors.EVENT_READ)
            selector.register(self._udp, selectors.EVENT_READ)
            while not self._done.is_set():
                for key, _ in selector.select(0.05):
                    self.visits.append(self._take(key.fileobj))

    def _take(self, server: object) -> bytes:
        if server is self._udp:
            return self._udp.recv(1000)
        caller, _ = self._tcp.accept()
        with caller:
            caller.settimeout(0.5)
            try:
                return caller.recv(1000)
            except OSError:
                return b"said nothing"
