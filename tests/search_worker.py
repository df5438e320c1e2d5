"""A worker of the queue `search` in threads, for tests of those who wait for one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rq.timeouts import TimerDeathPenalty

from dejabug.questions import Answerer
from dejabug.rooms import Rooms
from dejabug.worker import WarmWorker


class ThreadWorker(WarmWorker):
    """A worker that takes no signals: those are the main thread's."""

    death_penalty_class = TimerDeathPenalty

    def _install_signal_handlers(self) -> None:
        pass


@contextmanager
def searching(place: Rooms) -> Iterator[None]:
    """Questions are answered, for as long as this lasts."""
    done = threading.Event()

    def run() -> None:
        while not done.wait(0.01):
            ThreadWorker([place.queue("search")], place.redis).work(
                burst=True, logging_level="CRITICAL"
            )

    thread = threading.Thread(target=run, daemon=True)
    answerer = Answerer(place)
    answerer.start()
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        answerer.stop()
