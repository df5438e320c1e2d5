"""The proxy in deploy/compose.yaml: Caddy itself, with our Caddyfile, in front of a small
service."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask, Response, request
from werkzeug.serving import make_server

from dejabug.infra.redis_server import free_port
from dejabug.jira.webhook_events import sign
from dejabug.services import Services
from dejabug.web import create_app
from dejabug.web.server import make_listener
from support.repository import ROOT
from support.servers import serve_in_a_thread
from support.waiting import answers, wait_until
from support.webhooks import SECRET, body
from tools.bench.slow_clients import LOOKS_SIGNED, slow_connections, slow_streams

CADDYFILE = ROOT / "deploy" / "proxy" / "Caddyfile"
CADDY = shutil.which("caddy", path=f"{os.environ['PATH']}:{Path(sys.executable).parent}")
UPLOAD, WEBHOOK = 3000, 1000  # bytes

pytestmark = pytest.mark.skipif(CADDY is None, reason="no Caddy here: sh tools/caddy.sh")
go_on = threading.Event()


@dataclass(frozen=True)
class Addresses:
    """Where the proxy is, with and without TLS, and whom to trust."""

    secure: str
    plain: str
    authority: Path

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """A request with TLS, whose certificate is looked at."""
        trust = str(self.authority)
        return requests.request(method, self.secure + path, verify=trust, timeout=20, **options)

    def answer(self) -> bool:
        return self.authority.exists() and answers(
            f"{self.secure}/healthz", timeout=20, verify=str(self.authority)
        )


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """The proxy in work; its certificate is one of Caddy's own authority."""
    service = make_server("127.0.0.1", 0, small_service(), threaded=True)
    serve_in_a_thread(service)
    with caddy_before(service.port, tmp_path_factory.mktemp("proxy")) as here:
        yield here
    service.shutdown()


@contextmanager
def caddy_before(port: int, folder: Path) -> Iterator[Addresses]:
    """Caddy with our Caddyfile, before a service on this port of the loopback."""
    plain, secure = free_port(), free_port()
    text = CADDYFILE.read_text("utf-8")
    for ours, here in (
        ("web:8000", f"127.0.0.1:{port}"),
        ("http_port 8080", f"http_port {plain}"),
        ("https_port 8443", f"https_port {secure}"),
        (":8081", f":{free_port()}"),
    ):
        assert text.count(ours) == 1
        text = text.replace(ours, here)
    (folder / "Caddyfile").write_text(text, "utf-8")
    settings = {
        "SITE": "localhost",
        "TLS": "tls internal",
        "UPLOAD_MAX_BYTES": str(UPLOAD),
        "WEBHOOK_MAX_BYTES": str(WEBHOOK),
    }
    homes = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "log").open("wb") as log:
        caddy = subprocess.Popen(
            [str(CADDY), "run", "--config", str(folder / "Caddyfile")],
            env={**os.environ, **settings, **homes},
            stdout=log,
            stderr=log,
        )
    try:
        authority = folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"
        addresses = Addresses(f"https://localhost:{secure}", f"http://localhost:{plain}", authority)
        wait_until(addresses.answer)
        yield addresses
    finally:
        caddy.terminate()
        caddy.wait()


def small_service() -> Flask:
    """What stands behind the proxy: it tells the path, how much came, and events one by one."""
    app = Flask(__name__)

    @app.route("/", defaults={"path": ""}, methods=["GET", "POST"])
    @app.route("/<path:path>", methods=["GET", "POST"])
    def tell(path: str) -> str:
        return f"{path} {len(request.get_data())} {request.headers['X-Forwarded-Proto']}"

    @app.get("/api/v1/jobs/1")
    def events() -> Response:
        def one_by_one() -> Iterator[str]:
            yield "data: first\n\n"
            go_on.wait(20)
            yield "data: last\n\n"

        return Response(one_by_one(), mimetype="text/event-stream")

    return app


def test_what_goes_out_is_encrypted_and_says_so(proxy: Addresses) -> None:
    answer = proxy.call("GET", "/")
    assert answer.text == " 0 https"
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Server" not in answer.headers
    redirect = requests.get(f"{proxy.plain}/status", allow_redirects=False, timeout=20)
    assert redirect.status_code == 308
    assert redirect.headers["Location"] == "https://localhost/status"


@pytest.mark.parametrize(
    "path", ["/metrics", "/readyz", "/readyz/webhooks", "/%6detrics", "//metrics"]
)
def test_what_is_for_those_inside_stays_there(proxy: Addresses, path: str) -> None:
    answer = proxy.call("GET", path)
    assert (answer.status_code, answer.text) == (404, "")


@pytest.mark.parametrize(
    ("path", "most"), [("/webhooks/jira", WEBHOOK), ("/api/v1/search/clip", UPLOAD)]
)
def test_a_body_may_be_as_long_as_the_service_takes_it(
    proxy: Addresses, path: str, most: int
) -> None:
    assert proxy.call("POST", path, data=b"x" * most).text == f"{path[1:]} {most} https"
    # The service refuses what says that it is longer; one that is all the same is cut off, which
    # newer Caddys call 413.
    assert proxy.call("POST", path, data=b"x" * (most + 1)).status_code in (413, 502)


def test_events_are_passed_on_at_once(proxy: Addresses) -> None:
    go_on.clear()
    stream = proxy.call("GET", "/api/v1/jobs/1", stream=True)
    lines = stream.iter_lines()
    assert next(lines) == b"data: first"
    go_on.set()
    assert b"data: last" in list(lines)


def test_slow_clients_hold_up_neither_webhooks_nor_health_checks(
    cold_services: Services, tmp_path: Path
) -> None:
    """Fifty slow connections, and one of HTTP/2 with a hundred slow streams, through Caddy."""
    listener = make_listener(create_app(cold_services), "127.0.0.1", 0, threads=2)
    served = threading.Thread(target=listener.serve, daemon=True)
    served.start()
    try:
        with caddy_before(int(listener.effective_port), tmp_path) as here, ExitStack() as held:
            trust = ssl.create_default_context(cafile=str(here.authority))
            port = int(here.secure.rpartition(":")[2])
            streams = held.enter_context(slow_streams("localhost", port, trust))
            assert streams.open_outbound_streams == 100
            for _ in range(25):
                slow = socket.create_connection(("localhost", port), 20)
                secure = held.enter_context(
                    trust_http_1(here).wrap_socket(slow, server_hostname="localhost")
                )
                secure.sendall(SLOW_BODY)
            held.enter_context(slow_connections("127.0.0.1", int(listener.effective_port), 25))
            for number in range(5):
                event = body(timestamp=number)
                answer = here.call(
                    "POST",
                    "/webhooks/jira",
                    data=event,
                    headers={"X-Hub-Signature": sign(SECRET, event)},
                )
                assert answer.status_code == 202, answer.text
                assert here.call("GET", "/healthz").status_code == 200
    finally:
        listener.stop()
        served.join(60)
        assert not served.is_alive()


SLOW_BODY = (
    f"POST /webhooks/jira HTTP/1.1\r\nHost: localhost\r\nX-Hub-Signature: {LOOKS_SIGNED}\r\n"
    "Content-Length: 900\r\n\r\nx"
).encode()


def trust_http_1(here: Addresses) -> ssl.SSLContext:
    """TLS to the proxy that speaks HTTP/1.1."""
    context = ssl.create_default_context(cafile=str(here.authority))
    context.set_alpn_protocols(["http/1.1"])
    return context
