"""The demo's child processes: each has a log file, and all are stopped at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from dejabug.infra.redis_server import end_with_parent

# Seconds that a process has to stop before it is killed.
END_TIMEOUT = 15.0
# Seconds between two checks of a condition.
POLL = 0.05
# Lines of a log that are shown when its process dies.
TAIL = 25


class ProcessError(Exception):
    """A part of the demo didn't start, or died; the message ends with its log's last lines."""


class Stop:
    """A context manager in which Ctrl-C and SIGTERM alike raise KeyboardInterrupt, and are kept.

    SIGINT gets its own handler, because a shell starts its background jobs with SIGINT ignored. A
    signal is kept because Python drops an exception that is raised in a fork's hooks.
    """

    def __init__(self) -> None:
        self._asked = False
        self._old: dict[int, Any] = {}

    def check(self) -> None:
        """Raises KeyboardInterrupt when a signal came, even if its own exception was dropped."""
        if self._asked:
            raise KeyboardInterrupt

    def __enter__(self) -> Stop:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._old[number] = signal.signal(number, self._interrupt)
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True
        raise KeyboardInterrupt


class Processes:
    """A context manager around child processes; leaving it ends them all, the newest first."""

    def __init__(self, logs: Path, stop: Stop) -> None:
        self._logs = logs
        self._stop = stop
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, arguments: list[str], environment: Mapping[str, str]) -> None:
        """Start `python -m …` in a separate process group; its output goes to `name`.log."""
        self._logs.mkdir(parents=True, exist_ok=True)
        with self._path(name).open("wb") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **environment},
                start_new_session=True,
                preexec_fn=end_with_parent,
            )

    def wait_for(self, name: str, ready: Callable[[], bool], timeout: float) -> None:
        """Wait until `ready`, at most `timeout` seconds. Raises ProcessError."""
        deadline = time.monotonic() + timeout
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise ProcessError(
                    f"{name} was not ready within {timeout:.0f} s.{self._tail(name)}"
                )
            time.sleep(POLL)

    def check(self) -> None:
        """Raises ProcessError when a process has died, KeyboardInterrupt when asked to stop."""
        self._stop.check()
        for name, process in self._running.items():
            if process.poll() is not None:
                raise ProcessError(
                    f"{name} ended with status {process.returncode}.{self._tail(name)}"
                )

    def pids(self, names: Iterable[str]) -> dict[str, int]:
        """The process ids of those of these names."""
        return {name: self._running[name].pid for name in names}

    def end(self) -> None:
        """Ask every process to end, then kill what is left of their groups."""
        for process in reversed(self._running.values()):
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + END_TIMEOUT
        for process in self._running.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass
            finally:
                _kill_group(process.pid)
                process.wait()
        self._running.clear()

    def _path(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def _tail(self, name: str) -> str:
        path = self._path(name)
        if not path.exists():
            return ""
        lines = path.read_text("utf-8", "replace").splitlines()[-TAIL:]
        return "\n".join([f" The end of {path}:", *lines])

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_error: object) -> None:
        self.end()


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
