"""A worker of the queue `search` in threads, for tests of code that waits for one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from rq.timeouts import TimerDeathPenalty

from dejabug.services import Services
from dejabug.worker.warm_worker import WarmWorker

# Seconds of one blocking read: what its end waits for at most.
READ = 0.05


class ThreadWorker(WarmWorker):
    """A worker that takes no signals: those are the main thread's."""

    death_penalty_class = TimerDeathPenalty

    def _install_signal_handlers(self) -> None:
        pass


@contextmanager
def searching(services: Services) -> Iterator[None]:
    """Questions are answered, for as long as this lasts."""
    done = threading.Event()
    queue = services.queues.get("search")

    def run() -> None:
        while not done.wait(0.01):
            if queue.count:
                ThreadWorker([queue], services.redis).work(burst=True, logging_level="CRITICAL")

    thread = threading.Thread(target=run, daemon=True)
    answerer = services.answerer(read=READ)
    answerer.start()
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        answerer.stop()


@pytest.fixture
def worker(services: Services) -> Iterator[None]:
    """Questions are answered, for as long as the test lasts."""
    with searching(services):
        yield
