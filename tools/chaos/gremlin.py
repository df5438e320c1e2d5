"""A proxy between Déjà Bug and Jira that makes some of the answers fail.

When an answer is lost, Jira has still done what it was asked. This is the case in which comments
could be duplicated.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

# How each of the failed answers fails. `lost`: Jira does what it was asked, but the answer is lost.
KINDS = ("429", "500", "half", "lost", "nothing")
# Seconds of a pause that Jira asks for, and of silence before a connection ends without an answer.
PAUSE, SILENCE = 1, 3
TIMEOUT = 60


class Gremlin:
    """Serves in threads on a free loopback port, until `close`."""

    def __init__(self, jira: str, share: float, seed: int = 0) -> None:
        self.jira = jira
        self.share = share
        self.spoiled: Counter[str] = Counter()
        self.passed = 0
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._session = threading.local()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def fate(self) -> str:
        """What happens to the next answer; empty: it passes."""
        with self._lock:
            if self._chance.random() >= self.share:
                self.passed += 1
                return ""
            kind = self._chance.choice(KINDS)
            self.spoiled[kind] += 1
            return kind

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> requests.Response:
        """Jira's own answer."""
        if not hasattr(self._session, "it"):
            self._session.it = requests.Session()
            self._session.it.trust_env = False
        return self._session.it.request(
            method,
            self.jira + path,
            headers=headers,
            data=body,
            timeout=TIMEOUT,
            allow_redirects=False,
        )

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


def _handler(gremlin: Gremlin) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def serve(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(size)
            fate = gremlin.fate()
            if fate in ("429", "500"):
                self._send(int(fate), {"Retry-After": str(PAUSE)} if fate == "429" else {}, b"{}")
                return
            if fate == "nothing":
                time.sleep(SILENCE)
                self.close_connection = True
                return
            headers = {
                name: value for name, value in self.headers.items() if name.lower() != "host"
            }
            answer = gremlin.ask(self.command, self.path, headers, body)
            if fate == "lost":
                self.close_connection = True
                return
            kept = ("Content-Type", "Location", "Retry-After")
            told = {name: answer.headers[name] for name in kept if name in answer.headers}
            self._send(answer.status_code, told, answer.content, half=fate == "half")

        do_GET = do_POST = do_PUT = do_DELETE = serve  # noqa: N815 (http.server's names)

        def _send(
            self, status: int, headers: dict[str, str], body: bytes, *, half: bool = False
        ) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if half else body)
            self.close_connection = half or self.close_connection

        def log_message(self, *_arguments: object) -> None:
            pass

        def handle(self) -> None:
            try:
                super().handle()
            except (ConnectionError, requests.RequestException):
                self.close_connection = True

    return Handler
