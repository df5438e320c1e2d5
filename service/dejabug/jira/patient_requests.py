"""Retrying requests to Jira while a person watches: it is unavailable or requests a pause."""

from __future__ import annotations

from collections.abc import Callable, Generator
from time import sleep
from typing import TypeVar

import structlog

from dejabug.infra.metrics import JIRA_PAUSES
from dejabug.jira.errors import JiraUnavailableError

log = structlog.get_logger()

# Pauses in seconds before retries while Jira is unavailable. If Jira requests a pause, that one is
# used instead, as often as Jira requests it.
PAUSES = (2, 5, 15, 60, 120)
SHORTEST_PAUSE = 1

S = TypeVar("S")
T = TypeVar("T")


def patiently(ask: Callable[[], T], paused: Callable[[str], S]) -> Generator[S, None, T]:
    """Return Jira's answer after as many pauses as needed. Before each pause, yields
    `paused(reason)`. Raises JiraUnavailableError if Jira stays unavailable, and `ask`'s errors."""
    pauses = iter(PAUSES)
    while True:
        try:
            return ask()
        except JiraUnavailableError as error:
            named = error.retry_after
            seconds = next(pauses, None) if named is None else max(named, SHORTEST_PAUSE)
            if seconds is None:
                raise
            JIRA_PAUSES.inc(seconds)
            log.warning("jira_waited_for", why=str(error), reason=error.reason, seconds=seconds)
            limit = f" ({error.reason})" if error.reason else ""
            who = "Jira is unavailable" if named is None else "Jira requests a pause"
            yield paused(f"{who}{limit}: waiting {seconds:.0f} s")
            sleep(seconds)
