"""A request while it is received: what its head allows, and until when it must be complete."""

from __future__ import annotations

import copy
import re
import time
from dataclasses import dataclass
from typing import Any

import structlog
from flask import Flask
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.receiver import ChunkedReceiver
from waitress.utilities import BadRequest, Error

from dejabug.settings import Settings
from dejabug.web.api.auth import COOKIE, recognised
from dejabug.web.api.errors import PREFIX

log = structlog.get_logger()

UPLOAD_PATH = f"{PREFIX}/search/clip"
WEBHOOK_PATHS = ("/webhooks/jira", "/slack/events")
# Headers without which a webhook is refused unread, and what they look like (WebSub 8; Slack,
# Verifying requests).
SIGNATURES = {
    "/webhooks/jira": ("X_HUB_SIGNATURE", re.compile(r"sha256=[0-9a-fA-F]{64}")),
    "/slack/events": ("X_SLACK_SIGNATURE", re.compile(r"v0=[0-9a-fA-F]{64}")),
}
# Bytes of any other body: JSON questions, forms, the panel's verdicts.
SMALL_BODY_BYTES = 1 << 20
# Bytes of a head; browsers' cookies and our tokens fit well.
HEAD_BYTES = 32 << 10
# Seconds until a head, and until a body must be there. An upload may take longer: it must come with
# a mean rate that a poor home connection has.
HEAD_SECONDS = 10.0
BODY_SECONDS = 30.0
UPLOAD_BYTES_PER_SECOND = 50_000
LONGEST_BODY_SECONDS = 900.0
# Bytes of a chunk's size line and of the fields after the last chunk, which waitress holds in
# memory and reads again with each packet.
CHUNK_LINE_BYTES = 1 << 10
TRAILER_BYTES = 8 << 10
# Chunks must be mostly data, beyond the first bytes: many tiny ones keep the loop busy.
TINY_CHUNKS_BYTES = 64 << 10
LEAST_DATA_SHARE = 0.5


class RequestTimeout(Error):  # type: ignore[misc]  # noqa: N818 (waitress names its errors so)
    """The request wasn't complete in time (RFC 9110, 15.5.9)."""

    code = 408
    reason = "Request Timeout"


class Unavailable(Error):  # type: ignore[misc]  # noqa: N818
    """The request can't be taken now (RFC 9110, 15.6.4)."""

    code = 503
    reason = "Service Unavailable"


@dataclass(frozen=True)
class Bodies:
    """How long bodies may be, and whether one of an upload is read at all."""

    app: Flask

    @property
    def settings(self) -> Settings:
        """The app's settings."""
        settings: Settings = self.app.extensions["dejabug"].settings
        return settings

    def longest(self, path: str) -> int:
        """Bytes that a body for this path may have."""
        if path == UPLOAD_PATH:
            return self.settings.upload_max_bytes
        if path in WEBHOOK_PATHS:
            return self.settings.webhook_max_bytes
        return min(SMALL_BODY_BYTES, self.settings.webhook_max_bytes)

    def caller_of(self, request: Request) -> str | None:
        """The name of the upload's caller, None if unknown. Asks Redis, so not for the loop that
        receives."""
        environ = {
            "REQUEST_METHOD": request.command,
            "PATH_INFO": request.path,
            "SERVER_NAME": "",
            "SERVER_PORT": "",
            "wsgi.url_scheme": request.url_scheme,
            **{f"HTTP_{name}": value for name, value in request.headers.items()},
        }
        with self.app.request_context(environ):
            return recognised()


class Request(HTTPRequestParser):  # type: ignore[misc]
    """A request that is being received, with a deadline for all of it.

    One that is refused by its head is passed on without a body, for the app to say why: it checks
    length and signature before it reads, and its answer closes the connection.
    """

    bodies: Bodies
    # waitress' own
    adj: Any
    chunked: bool
    content_length: int
    body_rcv: Any
    # Whether an upload's caller must be recognised before more of the body is read.
    unchecked = False
    # Whether the client waits for "100 Continue" meanwhile.
    expects = False
    # Name of the upload's caller, once known.
    caller: str | None = None

    def __init__(self, adj: Any) -> None:
        super().__init__(adj)
        self.deadline = time.monotonic() + HEAD_SECONDS

    def received(self, data: bytes) -> int:
        """Take bytes; returns how many belong to this request."""
        try:
            taken: int = super().received(data)
        except OSError as error:  # the body's temporary file
            log.error("body_not_stored", error=error.strerror or type(error).__name__)
            self.fail(Unavailable("The body can't be stored. Try again in a minute."))
            return len(data)
        if not self.completed and self._abuses_chunks():
            self.fail(BadRequest("The chunks of the body are malformed."))
            return len(data)
        return taken

    def _abuses_chunks(self) -> bool:
        body = self.body_rcv
        if not isinstance(body, ChunkedReceiver):
            return False
        if len(body.control_line) > CHUNK_LINE_BYTES or len(body.trailer) > TRAILER_BYTES:
            return True
        wire = self.body_bytes_received
        few = len(body) < LEAST_DATA_SHARE * wire
        return bool(wire > TINY_CHUNKS_BYTES and few)

    def parse_header(self, header_plus: bytes) -> None:
        """Parse the head, and decide about the body. Raises waitress' ParsingError."""
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # a number with too many digits for int()
            raise ParsingError("A number in the head is too long") from error
        if self.body_rcv is None:
            self.expect_continue = False  # there is nothing to continue with
            return
        longest = self.bodies.longest(self.path)
        seconds = BODY_SECONDS
        if self.path == UPLOAD_PATH:
            seconds += (self.content_length or longest) / UPLOAD_BYTES_PER_SECOND
        self.deadline = time.monotonic() + min(seconds, LONGEST_BODY_SECONDS)
        if self.content_length > longest or not self._may_be_signed():
            self.refuse_body()
            return
        self.unchecked = self.path == UPLOAD_PATH
        if self.unchecked:
            self.expects, self.expect_continue = self.expect_continue, False
        # waitress refuses what has as many bytes as this, and counts those of chunks.
        self.adj = copy.copy(self.adj)
        self.adj.max_request_body_size = longest + 1

    def refuse_body(self) -> None:
        """Don't read the body: the request is complete without, and the connection ends with it."""
        if self.chunked:
            self.headers["CONTENT_LENGTH"] = "0"
        self.body_rcv, self.content_length, self.chunked = None, 0, False
        self.expect_continue = self.unchecked = False
        self.connection_close = True
        self.headers["CONNECTION"] = "close"

    def run_out_of_time(self) -> None:
        """Complete the request with the error 408."""
        if not self.headers_finished:
            super().parse_header(b"GET / HTTP/1.0\r\n")
        self.fail(RequestTimeout("The request was not complete in time."))

    def fail(self, error: Error) -> None:
        """Complete the request with an error."""
        self.error = error
        self.unchecked = self.expect_continue = False
        self.completed = True

    def _may_be_signed(self) -> bool:
        """Whether a webhook has the header with its signature; True for all else."""
        if self.path not in SIGNATURES:
            return self.path != UPLOAD_PATH or self._names_a_caller()
        name, pattern = SIGNATURES[self.path]
        return pattern.fullmatch(self.headers.get(name, "")) is not None

    def _names_a_caller(self) -> bool:
        return "AUTHORIZATION" in self.headers or COOKIE in self.headers.get("COOKIE", "")
