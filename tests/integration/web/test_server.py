"""The web server with slow, silent, too talkative and unknown clients, over real sockets."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from flask import Flask, Response, request

from dejabug.jira.webhook_events import sign
from dejabug.services import Services
from dejabug.web import create_app
from dejabug.web.server import listener, make_listener
from dejabug.web.server import request as requests_limits
from support.waiting import wait_until
from support.webhooks import SECRET, body

SOON = 30  # seconds; for a busy machine


class Running:
    """A listener at work in a thread."""

    def __init__(self, app: Flask, threads: int) -> None:
        self.listener = make_listener(app, "127.0.0.1", 0, threads)
        self.port = int(self.listener.effective_port)
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self.listener.serve, daemon=True)
        self._thread.start()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), SOON)

    def head(self, path: str, length: int, *more: str) -> socket.socket:
        """A connection that has sent a POST's head and the first byte of its body."""
        connection = self.connect()
        lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {length}", *more]
        connection.sendall("\r\n".join([*lines, "", "x"]).encode())
        return connection

    def stop(self) -> None:
        self.listener.stop()
        self._thread.join(SOON)
        assert not self._thread.is_alive()


@pytest.fixture
def running(cold_services: Services) -> Iterator[Running]:
    """The web app behind the server, with two threads for all that is not urgent."""
    server = Running(create_app(cold_services), threads=2)
    yield server
    server.stop()


@contextlib.contextmanager
def serving(app: Flask, services: Services, threads: int = 1) -> Iterator[Running]:
    """A small app with the service's settings."""
    app.extensions["dejabug"] = services
    server = Running(app, threads)
    try:
        yield server
    finally:
        server.stop()


def status_of(connection: socket.socket) -> int:
    """The status of the answer that comes."""
    connection.settimeout(SOON)
    found = re.match(rb"HTTP/1\.[01] (\d+) ", connection.recv(1000))
    assert found is not None
    return int(found[1])


SIGNED = f"X-Hub-Signature: sha256={'0' * 64}"


def test_fifty_slow_clients_hold_up_nobody(running: Running) -> None:
    with contextlib.ExitStack() as held:
        for number in range(50):
            if number % 2:
                slow = running.head("/webhooks/jira", 1000, SIGNED)
            else:
                slow = running.connect()
                slow.sendall(b"GET /healthz HTTP")
            held.enter_context(slow)
        for _ in range(5):
            assert requests.get(f"{running.url}/healthz", timeout=SOON).status_code == 200
            event = body()
            signature = {"X-Hub-Signature": sign(SECRET, event)}
            answer = requests.post(
                f"{running.url}/webhooks/jira", data=event, headers=signature, timeout=SOON
            )
            assert answer.status_code == 202, answer.text
            assert requests.get(f"{running.url}/sign-in", timeout=SOON).status_code == 200


def test_what_does_not_come_in_time_ends_as_408(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests_limits, "HEAD_SECONDS", 1.0)
    monkeypatch.setattr(requests_limits, "BODY_SECONDS", 1.0)
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        """A byte now and then: the connection is never silent."""
        with contextlib.suppress(OSError):
            while not stop.wait(0.2):
                connection.sendall(b"x")

    with running.connect() as head, running.head("/webhooks/jira", 10_000, SIGNED) as slow:
        head.sendall(b"GET /healthz HTTP/1.1\r\nX-Long: ")
        for each in (head, slow):
            threading.Thread(target=drip, args=(each,), daemon=True).start()
        assert status_of(head) == 408
        assert status_of(slow) == 408
        stop.set()


@pytest.mark.parametrize(
    ("path", "more", "status"),
    [
        ("/webhooks/jira", [], 401),  # not signed
        ("/webhooks/jira", ["X-Hub-Signature: sha256=short"], 401),
        ("/api/v1/search/clip", [], 401),  # no token
        ("/api/v1/search/clip", ["Authorization: Bearer djb_wrong"], 401),
        ("/api/v1/search/clip", ["Cookie: dejabug_session=wrong"], 401),
        ("/api/v1/search/clip", ["Transfer-Encoding: chunked"], 401),
    ],
)
def test_a_body_that_will_be_refused_is_not_waited_for(
    running: Running, path: str, more: list[str], status: int
) -> None:
    # The head and one byte are all that comes, and the answer is there at once.
    with running.head(path, 900_000, *more) as connection:
        assert status_of(connection) == status


@pytest.mark.parametrize("path", ["/webhooks/jira", "/sign-in", "/api/v1/search/clip"])
def test_a_body_that_is_too_long_is_not_waited_for(
    running: Running, cold_services: Services, path: str
) -> None:
    secret, _ = cold_services.tokens.create("tester", ["GAME"])
    length = 1 << 40
    known = f"Authorization: Bearer {secret}"
    origin = f"Origin: {running.url}"
    with running.head(path, length, SIGNED, known, origin) as connection:
        assert status_of(connection) in (400, 403, 413)


def test_chunks_are_counted(running: Running) -> None:
    most = requests_limits.SMALL_BODY_BYTES
    with running.connect() as connection:
        connection.sendall(
            b"POST /sign-in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        sent = 0
        with contextlib.suppress(OSError):
            while sent <= most + (64 << 10):
                connection.sendall(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
                sent += 0x8000
        assert status_of(connection) == 413


def test_an_upload_of_a_known_caller_is_read(
    running: Running, cold_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, _ = cold_services.tokens.create("tester", ["GAME"])
    answer = requests.post(
        f"{running.url}/api/v1/search/clip",
        files={"file": b"x" * 3_000_000},
        headers={"Authorization": f"Bearer {secret}", "Prefer": "respond-async"},
        timeout=SOON,
    )
    assert answer.status_code == 202, answer.text


def test_webhooks_and_health_checks_have_threads_of_their_own(cold_services: Services) -> None:
    app, release = Flask(__name__), threading.Event()

    @app.get("/slow")
    def slow() -> str:
        release.wait(SOON)
        return "slow"

    @app.get("/healthz")
    def healthz() -> str:
        return "well"

    @app.post("/webhooks/jira")
    def webhook() -> str:
        return str(len(request.get_data()))

    with serving(app, cold_services) as server, ThreadPoolExecutor(8) as people:
        waiting = [
            people.submit(requests.get, f"{server.url}/slow", timeout=SOON) for _ in range(8)
        ]
        assert requests.get(f"{server.url}/healthz", timeout=SOON).text == "well"
        sent = requests.post(
            f"{server.url}/webhooks/jira",
            data=b"12345",
            headers={"X-Hub-Signature": f"sha256={'0' * 64}"},
            timeout=SOON,
        )
        assert sent.text == "5"
        assert not any(each.done() for each in waiting)
        release.set()
        assert {each.result().text for each in waiting} == {"slow"}


def test_what_has_begun_is_finished_before_the_server_stops(cold_services: Services) -> None:
    app, begun, release = Flask(__name__), threading.Event(), threading.Event()

    @app.get("/slow")
    def slow() -> str:
        begun.set()
        release.wait(SOON)
        return "whole"

    with (
        ThreadPoolExecutor(2) as people,
        serving(app, cold_services) as server,
        server.connect(),  # an idle connection does not hold it up
    ):
        answer = people.submit(requests.get, f"{server.url}/slow", timeout=SOON)
        assert begun.wait(SOON)
        server.listener.stop()
        wait_until(lambda: refuses(server.port))
        release.set()
        assert answer.result().text == "whole"


def refuses(port: int) -> bool:
    """Whether nobody listens on a port any more."""
    try:
        socket.create_connection(("127.0.0.1", port), SOON).close()
    except ConnectionError:  # refused, or reset as the listener closed
        return True
    return False


def test_events_go_out_one_by_one(cold_services: Services) -> None:
    app, go_on = Flask(__name__), threading.Event()

    @app.get("/events")
    def events() -> Response:
        def one_by_one() -> Iterator[str]:
            yield "data: first\n\n"
            go_on.wait(SOON)
            yield "data: last\n\n"

        return Response(one_by_one(), mimetype="text/event-stream")

    with (
        serving(app, cold_services) as server,
        requests.get(f"{server.url}/events", stream=True, timeout=SOON) as stream,
    ):
        lines = stream.iter_lines()
        assert next(lines) == b"data: first"
        go_on.set()
        assert [line for line in lines if line] == [b"data: last"]


def test_a_slow_reader_holds_no_thread_and_is_dropped_when_it_stops(
    cold_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "IDLE_SECONDS", 1)
    app = Flask(__name__)

    @app.get("/large")
    def large() -> Any:
        return Response(b"x" * (32 << 20))

    @app.get("/small")
    def small() -> str:
        return "small"

    with serving(app, cold_services) as server, server.connect() as reader:
        reader.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        assert reader.recv(100).startswith(b"HTTP/1.1 200")
        assert requests.get(f"{server.url}/small", timeout=SOON).text == "small"
        wait_until(lambda: not server.listener.active_channels, SOON)
        got = 0
        with contextlib.suppress(ConnectionResetError):
            while block := reader.recv(1 << 20):
                got += len(block)
        assert got < 32 << 20


def test_a_proxy_on_this_machine_may_say_that_the_browser_came_by_https(
    cold_services: Services,
) -> None:
    app = Flask(__name__)

    @app.get("/")
    def scheme() -> str:
        return request.scheme

    with serving(app, cold_services) as server:
        assert requests.get(server.url, timeout=SOON).text == "http"
        told = requests.get(server.url, headers={"X-Forwarded-Proto": "https"}, timeout=SOON)
        assert told.text == "https"


CHUNKED = b"POST /webhooks/jira HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    "body",
    [
        b"x" * 4096,  # a size line that never ends
        b"1\r\nx\r\n" * 40_000,  # one byte each
        b"0\r\n" + b"x" * 20_000,  # fields after the last chunk that never end
    ],
    ids=["line", "tiny", "trailer"],
)
def test_chunks_that_only_cost_time_end_as_400(running: Running, body: bytes) -> None:
    with running.connect() as connection:
        connection.sendall(CHUNKED + f"{SIGNED}\r\n\r\n".encode())
        with contextlib.suppress(OSError):
            connection.sendall(body)
        assert status_of(connection) == 400


@pytest.mark.parametrize(
    "line", [f"Content-Length: {'9' * 5000}", "Content-Length: -1", "Content-Length: x"]
)
def test_a_length_that_is_none_ends_as_400(running: Running, line: str) -> None:
    with running.connect() as connection:
        connection.sendall(f"POST /sign-in HTTP/1.1\r\nHost: x\r\n{line}\r\n\r\n".encode())
        assert status_of(connection) == 400


def test_a_silent_connection_is_closed_soon(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "HEAD_SECONDS", 1.0)
    with running.connect() as silent:
        silent.settimeout(SOON)
        assert silent.recv(1) == b""


def test_uploads_are_counted_while_they_are_read(
    running: Running, cold_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "MOST_UPLOADS", 3)
    monkeypatch.setattr(listener, "MOST_UPLOADS_EACH", 2)
    secrets = [cold_services.tokens.create(name, ["GAME"])[0] for name in ("ann", "bo", "cy")]

    def begin(number: int, held: contextlib.ExitStack) -> socket.socket:
        known = f"Authorization: Bearer {secrets[number]}"
        return held.enter_context(
            running.head("/api/v1/search/clip", 900_000, known, "Expect: 100-continue")
        )

    with contextlib.ExitStack() as held:
        assert [status_of(begin(number, held)) for number in (0, 0, 0)] == [100, 100, 503]
        assert [status_of(begin(number, held)) for number in (1, 2)] == [100, 503]
    wait_until(lambda: not running.listener.active_channels)
    with contextlib.ExitStack() as held:
        assert status_of(begin(0, held)) == 100


def test_an_unknown_caller_is_not_told_to_send(running: Running) -> None:
    unknown = ("Authorization: Bearer djb_wrong", "Expect: 100-continue")
    with running.head("/api/v1/search/clip", 900_000, *unknown) as connection:
        assert status_of(connection) == 401


def test_health_is_answered_while_everything_else_waits(cold_services: Services) -> None:
    app, release = Flask(__name__), threading.Event()

    @app.post("/webhooks/jira")
    def hangs() -> str:
        release.wait(SOON)
        return "late"

    @app.get("/healthz")
    def healthz() -> str:
        return "well"

    signed = {"X-Hub-Signature": f"sha256={'0' * 64}"}
    with serving(app, cold_services) as server, ThreadPoolExecutor(8) as people:
        url = f"{server.url}/webhooks/jira"
        waiting = [
            people.submit(requests.post, url, data=b"1", headers=signed, timeout=SOON)
            for _ in range(8)
        ]
        assert requests.get(f"{server.url}/healthz", timeout=SOON).text == "well"
        assert not any(each.done() for each in waiting)
        release.set()
        assert {each.result().text for each in waiting} == {"late"}


def test_a_body_that_cannot_be_stored_ends_as_503(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("waitress.buffers.TempfileBasedBuffer.__init__", full)
    with running.head("/webhooks/jira", 2 << 20, SIGNED) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(b"x" * (2 << 20))
        assert status_of(connection) == 503
