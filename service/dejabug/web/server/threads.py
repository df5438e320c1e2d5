"""Two groups of threads, so that searches that wait never hold up webhooks and health checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from waitress.task import ThreadedTaskDispatcher

# What must be answered whatever else goes on: Jira gives a webhook seconds, Kubernetes a probe one.
URGENT_PATHS = ("/webhooks/", "/slack/", "/healthz", "/readyz")
URGENT_THREADS = 4


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
        self._common, self._urgent = ThreadedTaskDispatcher(), ThreadedTaskDispatcher()
        self._common.set_thread_count(count)
        self._urgent.set_thread_count(URGENT_THREADS)

    def add_task(self, task: Any) -> None:
        """Queue a connection's first request."""
        request = task.requests[0]
        urgent = request.error or request.path.startswith(URGENT_PATHS)
        (self._urgent if urgent else self._common).add_task(task)

    def call(self, function: Callable[[], None]) -> None:
        """Have an urgent thread call a function."""
        self._urgent.add_task(Call(function))

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> None:
        """Stop all threads; waits `timeout` seconds for each group."""
        self._common.shutdown(cancel_pending, timeout)
        self._urgent.shutdown(cancel_pending, timeout)
