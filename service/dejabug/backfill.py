"""Reading a backlog in: every issue that a JQL finds, page by page, to be broken off and resumed.

Nothing is lost by breaking off: a page's clips are remembered and queued before its cursor moves
on, and reading a page twice queues nothing twice. Issues read this way get no comment.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

import structlog

from dejabug.jira.client import Page
from dejabug.jira.errors import JiraRefusedError, JiraUnavailableError
from dejabug.jobs import take_in
from dejabug.rooms import Rooms

log = structlog.get_logger()

# Pauses in seconds before asking a Jira again that is away; one that names its pause gets that.
PAUSES = (2, 5, 15, 60, 120)


@dataclass(frozen=True)
class Progress:
    """How far a backfill is: issues read, clips queued by it, all since its first start."""

    issues: int
    clips: int
    resumed: bool = False


def read_backlog(place: Rooms, jql: str, *, restart: bool = False) -> Iterator[Progress]:
    """Read the issues that `jql` finds and queue their clips, oldest first; yields page by page.

    Goes on where an earlier run of the same JQL was broken off, unless `restart`. Raises
    JiraRefusedError for a JQL that Jira does not take, JiraUnavailableError when it stays away.
    """
    key = _cursor_key(jql)
    if restart:
        place.redis.delete(key)
    token, progress = _cursor(place, key)
    ordered = jql if "order by" in jql.lower() else f"{jql} ORDER BY created ASC"
    if progress.resumed:
        yield progress
    while True:
        try:
            page = _patiently(place, ordered, token)
        except JiraRefusedError:
            if token is None:
                raise
            # Jira forgets cursors after some days. What was read is known and costs little again.
            log.warning("backfill_cursor_refused", starts="from the beginning")
            token, progress = None, Progress(0, 0)
            continue
        queued = sum(take_in(place, issue, watch=False) for issue in page.issues)
        progress = Progress(progress.issues + len(page.issues), progress.clips + queued)
        token = page.next_token
        if token is None:
            place.redis.delete(key)
            yield progress
            return
        place.redis.hset(
            key, mapping={"token": token, "issues": progress.issues, "clips": progress.clips}
        )
        yield progress


def _patiently(place: Rooms, jql: str, token: str | None) -> Page:
    for pause in PAUSES:
        try:
            return place.jira.search(jql, token)
        except JiraUnavailableError as error:
            seconds = pause if error.retry_after is None else error.retry_after
            log.warning("backfill_waits", why=str(error), seconds=seconds)
            time.sleep(seconds)
    return place.jira.search(jql, token)


def _cursor(place: Rooms, key: str) -> tuple[str | None, Progress]:
    token, issues, clips = place.redis.hmget(key, ["token", "issues", "clips"])
    if token is None:
        return None, Progress(0, 0)
    text = token.decode() if isinstance(token, bytes) else str(token)
    return text, Progress(int(issues or 0), int(clips or 0), resumed=True)


def _cursor_key(jql: str) -> str:
    return f"dejabug:backfill:{hashlib.sha256(jql.encode()).hexdigest()[:16]}"
