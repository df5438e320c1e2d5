"""The socket that is listened on and its connections."""

from __future__ import annotations

import time
from typing import Any

import structlog
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer

from dejabug.web.server.request import (
    HEAD_BYTES,
    HEAD_SECONDS,
    UPLOAD_PATH,
    Bodies,
    Request,
    Unavailable,
)
from dejabug.web.server.threads import Threads

log = structlog.get_logger()

# Connections at once; each costs some 20 KB. Under the 1,024 open files that systems often allow.
MOST_CONNECTIONS = 900
# Seconds without a byte after which an idle connection, or an answer nobody reads, is closed.
IDLE_SECONDS = 75
# Seconds between two looks at the deadlines, and one turn of the loop at most.
LOOK_SECONDS = 1
# Seconds that requests which have begun have to end after SIGTERM. Kubernetes' and Compose's own
# patience is longer (`terminationGracePeriodSeconds`).
GRACE_SECONDS = 30.0
# Uploads whose bodies are read at once: in all, and of one person or token.
MOST_UPLOADS = 16
MOST_UPLOADS_EACH = 4
# Bytes of an answer that wait for a slow reader before the thread does. Previews fit in; what is
# over 1 MiB waits in a temporary file.
WAITING_ANSWER_BYTES = 64 << 20
WAITING_IN_MEMORY_BYTES = 1 << 20


def adjustments(host: str, port: int) -> Adjustments:
    """waitress' settings."""
    return Adjustments(
        host=host,
        port=port,
        ident=None,
        backlog=1024,
        connection_limit=MOST_CONNECTIONS,
        channel_timeout=IDLE_SECONDS,
        cleanup_interval=LOOK_SECONDS,
        asyncore_loop_timeout=LOOK_SECONDS,
        asyncore_use_poll=True,
        outbuf_high_watermark=WAITING_ANSWER_BYTES,
        outbuf_overflow=WAITING_IN_MEMORY_BYTES,
        max_request_header_size=HEAD_BYTES,
        # A proxy on this machine may say that a browser came by https.
        trusted_proxy="127.0.0.1",
        trusted_proxy_headers={"x-forwarded-proto"},
        clear_untrusted_proxy_headers=True,
    )


class Connection(HTTPChannel):  # type: ignore[misc]
    """A client's connection."""

    parser_class = Request
    request: Request | None
    # Whether a thread is asking who sends an upload; nothing more is read until it knows.
    asking = False
    # Whether anything has come since the connection was opened.
    heard = False

    def readable(self) -> bool:
        """Whether more is read from the client now."""
        return not self.asking and bool(super().readable())

    def received(self, data: bytes) -> bool:
        """Take bytes that came. Called by the loop alone."""
        self.heard = True
        taken: bool = super().received(data)
        with self.requests_lock:
            if self.request is not None and self.request.unchecked and not self.asking:
                self.asking = True
                self.server.threads.call(self._ask)
        return taken

    def _ask(self) -> None:
        """Recognise an upload's caller, in a thread; then read on, or answer without its body."""
        request = self.request
        assert request is not None
        try:
            caller = self.server.bodies.caller_of(request)
            error = self.server.upload_error(caller) if caller else None
        except Exception as failed:  # noqa: BLE001 (Redis is down: this upload can't be taken)
            log.warning("upload_not_checked", error=type(failed).__name__)
            caller, error = None, Unavailable("Try again in a minute.")
        with self.requests_lock:
            if self.request is request:
                request.unchecked = False
                if error is not None:
                    request.fail(error)
                    self._complete(request)
                elif caller is None:
                    request.refuse_body()
                    self._complete(request)
                else:
                    request.caller = caller
                    self._let_go_on(request)
            self.asking = False
        self.server.pull_trigger()

    def _let_go_on(self, request: Request) -> None:
        """Send "100 Continue" if the client waits for it and no other answer is due first."""
        request.expect_continue = request.expects
        if request.expects and not self.requests:
            self.send_continue()

    def check_deadline(self, now: float) -> None:
        """End a request that is not complete in time with 408. Called by the loop alone."""
        with self.requests_lock:
            request = self.request
            if request is None or self.asking:
                return
            if self.requests:  # not read meanwhile
                request.deadline = max(request.deadline, now + HEAD_SECONDS)
            if now < request.deadline:
                return
            request.run_out_of_time()
            self._complete(request)

    def _complete(self, request: Request) -> None:
        request.completed = True
        self.request = None
        self.requests.append(request)
        if len(self.requests) == 1:
            self.server.add_task(self)

    @property
    def idle(self) -> bool:
        """Whether nothing is being received, answered or sent."""
        return not (self.requests or self.request or self.total_outbufs_len)


class Listener(TcpWSGIServer):  # type: ignore[misc]
    """The listening socket. `serve` runs until `stop`."""

    def __init__(self, app: Any, adj: Adjustments, bodies: Bodies, threads: Threads) -> None:
        self.bodies, self.threads = bodies, threads
        self.channel_class = type(
            "Connection",
            (Connection,),
            {"parser_class": type("Request", (Request,), {"bodies": bodies})},
        )
        self._stopping = False
        super().__init__(app, dispatcher=threads, adj=adj)

    def serve(self) -> None:
        """Answer requests until `stop` is called, then finish those that have begun."""
        log.info("listening", host=self.effective_host, port=int(self.effective_port))
        while not self._stopping:
            self._turn()
        self.accepting = False
        wasyncore.dispatcher.close(self)  # no new connections
        end = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < end:
            for connection in list(self.active_channels.values()):
                if connection.idle:
                    connection.will_close = True
            if not self.active_channels:
                break
            self._turn(0.1)
            self.maintenance(time.time())
        log.info("stopped", unfinished=len(self.active_channels))
        self.threads.shutdown(timeout=1)
        wasyncore.close_all(self._map)

    def stop(self) -> None:
        """Have `serve` end. May be called by a signal's handler or another thread, and twice."""
        if not self._stopping:
            self._stopping = True
            self.pull_trigger()

    def upload_error(self, caller: str) -> Unavailable | None:
        """Why one more upload of a caller can't be read now; None if it can."""
        read = [each.request for each in list(self.active_channels.values()) if each.request]
        callers = [each.caller for each in read if each.caller and each.path == UPLOAD_PATH]
        if len(callers) >= MOST_UPLOADS or callers.count(caller) >= MOST_UPLOADS_EACH:
            return Unavailable("Too many uploads at once. Try again in a minute.")
        return None

    def maintenance(self, now: float) -> None:
        """Close connections that are idle or whose reader has gone, and check deadlines.

        Called by waitress about once in LOOK_SECONDS, in place of its own.
        """
        monotonic = time.monotonic()
        for connection in list(self.active_channels.values()):
            connection.check_deadline(monotonic)
            silent = connection.last_activity < now - IDLE_SECONDS
            if (not connection.heard and connection.creation_time < now - HEAD_SECONDS) or (
                silent and not connection.requests
            ):
                connection.will_close = True
            if silent and connection.total_outbufs_len:
                # At once: waitress would wait until the reader takes more.
                connection.handle_close()

    def _turn(self, seconds: float = LOOK_SECONDS) -> None:
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._map, count=1)
