"""Clients that send slowly, and how long others wait: `python -m tools.bench.slow_clients`.

Starts the web service with its own Redis, then times webhooks and health checks, first alone and
then beside 50 connections whose heads and bodies never end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import ssl
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import requests
from h2.config import H2Configuration
from h2.connection import H2Connection
from rich.console import Console
from rich.table import Table

from dejabug.demo.processes import Processes, Stop
from dejabug.infra.redis_server import RedisServer, free_port
from dejabug.jira.webhook_events import sign

CONNECTIONS = 50
STREAMS = 100
# The look of a signature, so that the body is waited for.
LOOKS_SIGNED = f"sha256={'0' * 64}"
BODY_BYTES = 1000
SECRET = "bench"  # noqa: S105 (of a service that lives as long as the benchmark)
TIMEOUT = 30.0


@contextlib.contextmanager
def slow_connections(
    host: str, port: int, count: int = CONNECTIONS
) -> Iterator[list[socket.socket]]:
    """Open connections: half have sent a part of a head, half a head and a byte of the body."""
    body = (
        f"POST /webhooks/jira HTTP/1.1\r\nHost: {host}\r\nX-Hub-Signature: {LOOKS_SIGNED}\r\n"
        f"Content-Length: {BODY_BYTES}\r\n\r\nx"
    ).encode()
    with contextlib.ExitStack() as held:
        opened = []
        for number in range(count):
            connection = held.enter_context(socket.create_connection((host, port), TIMEOUT))
            connection.sendall(body if number % 2 else b"GET /healthz HT")
            opened.append(connection)
        yield opened


@contextlib.contextmanager
def slow_streams(
    host: str, port: int, trust: ssl.SSLContext, count: int = STREAMS
) -> Iterator[H2Connection]:
    """One HTTP/2 connection with many POSTs that have each sent a byte of their body."""
    trust.set_alpn_protocols(["h2"])
    raw = socket.create_connection((host, port), TIMEOUT)
    with trust.wrap_socket(raw, server_hostname=host) as connection:
        if connection.selected_alpn_protocol() != "h2":
            raise ConnectionError("the proxy does not speak HTTP/2")
        client = H2Connection(config=H2Configuration(client_side=True))
        client.initiate_connection()
        connection.sendall(client.data_to_send())
        client.receive_data(connection.recv(65536))  # the server's settings
        for _ in range(count):
            stream = client.get_next_available_stream_id()
            client.send_headers(
                stream,
                [
                    (":method", "POST"), (":scheme", "https"), (":path", "/webhooks/jira"),
                    (":authority", f"{host}:{port}"), ("x-hub-signature", LOOKS_SIGNED),
                    ("content-length", str(BODY_BYTES)),
                ],
            )  # fmt: skip
            client.send_data(stream, b"x")
            connection.sendall(client.data_to_send())
        yield client


def answer_times(url: str, count: int) -> dict[str, list[float]]:
    """Seconds that a signed webhook and a health check take, each `count` times."""
    event = {"webhookEvent": "jira:issue_updated", "issue": {"id": "1", "key": "GAME-1"}}
    times: dict[str, list[float]] = {"webhook": [], "health check": []}
    for number in range(count):
        body = json.dumps({**event, "timestamp": number + time.time()}).encode()
        begun = time.perf_counter()
        answer = requests.post(
            f"{url}/webhooks/jira",
            data=body,
            headers={"X-Hub-Signature": sign(SECRET, body)},
            timeout=TIMEOUT,
        )
        answer.raise_for_status()
        times["webhook"].append(time.perf_counter() - begun)
        begun = time.perf_counter()
        requests.get(f"{url}/healthz", timeout=TIMEOUT).raise_for_status()
        times["health check"].append(time.perf_counter() - begun)
    return times


def main() -> None:
    """Time both, alone and beside slow clients, and print a table."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench.slow_clients", description=__doc__.split("\n", 1)[0]
    )
    parser.add_argument("--requests", type=int, default=100, help="of each kind (default: 100)")
    count = parser.parse_args().requests
    table = Table("request", "slow clients", "p50", "p99", "longest")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as parts:
        server = parts.enter_context(RedisServer(Path(folder) / "redis"))
        processes = parts.enter_context(Processes(Path(folder), parts.enter_context(Stop())))
        port = free_port()
        environment = {
            **os.environ, "DEJABUG_REDIS_URL": server.url, "DEJABUG_DATA_DIR": folder,
            "DEJABUG_WEBHOOK_SECRET": SECRET,
        }  # fmt: skip
        processes.start("web", ["dejabug", "serve", "--port", str(port)], environment)
        url = f"http://127.0.0.1:{port}"
        _wait_for(url)
        for number in (0, CONNECTIONS):
            with slow_connections("127.0.0.1", port, number):
                for name, seconds in answer_times(url, count).items():
                    cuts = statistics.quantiles(seconds, n=100)
                    shown = [f"{1000 * each:.1f} ms" for each in (cuts[49], cuts[98], max(seconds))]
                    table.add_row(name, str(number), *shown)
    Console(width=100).print(table)


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        with contextlib.suppress(requests.ConnectionError):
            requests.get(f"{url}/healthz", timeout=TIMEOUT)
            return
        time.sleep(0.1)
    raise TimeoutError("the web service did not start")


if __name__ == "__main__":
    main()
