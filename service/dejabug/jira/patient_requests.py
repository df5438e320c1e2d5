"""Asking a Jira again that is away or wants a pause, while a person looks on."""

from __future__ import annotations

from collections.abc import Callable, Generator
from time import sleep
from typing import TypeVar

import structlog

from dejabug.infra.metrics import JIRA_PAUSES
from dejabug.jira.errors import JiraUnavailableError

log = structlog.get_logger()

# Pauses in seconds before asking a Jira again that is away; one that names its pause gets that, as
# often as it asks for it.
PAUSES = (2, 5, 15, 60, 120)
SHORTEST_PAUSE = 1

S = TypeVar("S")
T = TypeVar("T")


def patiently(ask: Callable[[], T], paused: Callable[[str], S]) -> Generator[S, None, T]:
    """Jira's answer, after as many pauses as it takes; yields before each what `paused` makes of
    its reason. Raises JiraUnavailableError when Jira stays away, and what else `ask` raises."""
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
            who = "Jira is away" if named is None else "Jira asks for a pause"
            yield paused(f"{who}{limit}: {seconds:.0f} s")
            sleep(seconds)
