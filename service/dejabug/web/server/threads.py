"""Groups of threads, so that searches that wait never hold up webhooks and health checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from waitress.task import ThreadedTaskDispatcher

# What must be answered whatever else goes on: Jira gives a webhook seconds, Kubernetes a probe one.
URGENT_PATHS = ("/webhooks/", "/slack/", "/readyz")
URGENT_THREADS = 4
# It needs nothing but this process, so it is answered even while Redis hangs.
HEALTH_PATH = "/healthz"
# Threads that ask Redis who sends an upload.
ASKING_THREADS = 2


class Task(Protocol):
    """What waitress gives a thread: a connection whose first request is complete."""

    def service(self) -> None: ...
    def cancel(self) -> None: ...


class Call:
    """A function that a thread calls once."""

    def __init__(self, function: Callable[[], None]) -> None:
        self.service = function

    def cancel(self) -> None:
        """Nothing to undo."""


class Threads:
    """The threads that run the app: `count` for people and programs, a few for what is urgent."""

    def __init__(self, count: int) -> None:
        self._common, self._urgent = _group(count), _group(URGENT_THREADS)
        self._health, self._asking = _group(1), _group(ASKING_THREADS)

    def add_task(self, task: Any) -> None:
        """Queue a connection's first request."""
        request = task.requests[0]
        group = self._common
        if request.error or request.path == HEALTH_PATH:
            group = self._health
        elif request.path.startswith(URGENT_PATHS):
            group = self._urgent
        group.add_task(task)

    def call(self, function: Callable[[], None]) -> None:
        """Have a thread call a function that may wait for Redis."""
        self._asking.add_task(Call(function))

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> None:
        """Stop all threads; waits `timeout` seconds for each group."""
        for group in (self._common, self._urgent, self._health, self._asking):
            group.shutdown(cancel_pending, timeout)


def _group(count: int) -> ThreadedTaskDispatcher:
    group = ThreadedTaskDispatcher()
    group.set_thread_count(count)
    return group
