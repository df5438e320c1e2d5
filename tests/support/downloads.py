"""A Jira whose attachments are not what they claim."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from support.servers import serve_in_a_thread

MEBIBYTE = 2**20
FOUR_GB = 4 * 2**30


@contextmanager
def sending(**headers: str) -> Iterator[tuple[str, list[Any]]]:
    """A Jira that sends an attachment in pieces of a mebibyte, without an end, under such headers;
    its address, and what was asked of it."""
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(self.headers)
            self.send_response(200)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            piece = bytes(MEBIBYTE)
            if "Transfer_Encoding" in headers:
                piece = b"%x\r\n%s\r\n" % (len(piece), piece)
            try:
                while len(asked) < 2:
                    self.wfile.write(piece)
            except OSError:
                pass  # the reader has had enough
            self.close_connection = True

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serve_in_a_thread(server)
    yield f"http://127.0.0.1:{server.server_port}", asked
    asked += [None, None]
    server.shutdown()
    server.server_close()
