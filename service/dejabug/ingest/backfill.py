"""Reads a backlog: every issue that a JQL finds, page by page. Safe to interrupt and resume.

An interruption loses nothing: a page's clips are recorded and queued before its cursor moves on,
and reading a page twice queues nothing twice. Issues read this way get no comment.

Issues come oldest first. Jira's own cursor (a page's token) leads from page to page. If Jira has
forgotten it, reading continues from the creation date of the last issue read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from time import sleep, time
from typing import Any

import redis
import structlog

from dejabug.index import text_of
from dejabug.infra.tracing import traced
from dejabug.ingest.issue_sync import IssueSync
from dejabug.jira.client import JiraClient, Page
from dejabug.jira.errors import JiraRefusedError
from dejabug.jira.jql import oldest_first, unix_time, without_order
from dejabug.jira.models import Issue
from dejabug.jira.patient_requests import patiently
from dejabug.records.collections import Collections
from dejabug.records.work_queues import WorkQueues

log = structlog.get_logger()

# Seconds that a page's token is used. Jira keeps tokens for days, but does not document how many.
TOKEN_LIFE = 6 * 3600
# Reading pauses when this many jobs wait in the queue `clips`: enough that no worker is ever idle,
# and Redis does not fill up with jobs for 100,000 issues. A page of 100 issues adds a few hundred.
MOST_WAITING = 2_000
# Seconds between two checks of a full queue.
DRAIN_POLL = 2


@dataclass(frozen=True)
class Progress:
    """How far a backfill is: issues read and clips queued since its first start, of about `total`
    issues. `pause` says why it is waiting now; `stuck`: until a worker is started."""

    issues: int
    clips: int
    total: int = 0
    resumed: bool = False
    pause: str = ""
    stuck: bool = False


@dataclass(frozen=True)
class Cursor:
    """Where a backfill is. `token` is Jira's, received at `asked`, for issues created from `since`
    on (both Unix seconds; 0: no limit); `created` and `last_id` belong to the newest issue read.
    """

    token: str | None = None
    asked: float = 0.0
    since: float = 0.0
    created: float = 0.0
    last_id: int = 0
    issues: int = 0
    clips: int = 0

    @property
    def position(self) -> tuple[float, int]:
        """The newest issue read; each issue beyond it counts once."""
        return self.created, self.last_id

    def fresh(self) -> Cursor:
        """The same with its token if that is recent enough to be used, else as a new window."""
        return self.window() if self.token and time() - self.asked > TOKEN_LIFE else self

    def window(self) -> Cursor:
        """The same place without Jira's token: from the creation of the last issue read on."""
        return replace(self, token=None, since=self.created)

    def after(self, page: Page, queued: list[int]) -> Cursor:
        """Beyond a page; `queued`: how many clips were queued for each of its issues."""
        places = [(unix_time(each.created) or self.created, int(each.id)) for each in page.issues]
        created, last_id = max([self.position, *places])
        read = zip(places, queued, strict=True)
        new = [clips for where, clips in read if where > self.position]
        return replace(
            self,
            token=page.next_token,
            asked=time(),
            created=created,
            last_id=last_id,
            issues=self.issues + len(new),
            clips=self.clips + sum(new),
        )

    def progress(self, total: int, **more: Any) -> Progress:
        """The progress so far, of about `total` issues."""
        return Progress(self.issues, self.clips, max(total, self.issues), **more)


# A cursor's fields, as read from Redis.
KEPT: dict[str, Any] = {
    "token": str, "asked": float, "since": float, "created": float, "last_id": int, "issues": int,
    "clips": int,
}  # fmt: skip


class Backfill:
    """Reads a backlog into the index."""

    def __init__(
        self,
        connection: redis.Redis,
        jira: JiraClient,
        collections: Collections,
        issue_sync: IssueSync,
        queues: WorkQueues,
    ) -> None:
        self._redis = connection
        self._jira = jira
        self._collections = collections
        self._issue_sync = issue_sync
        self._queues = queues

    def run(self, jql: str, *, restart: bool = False) -> Iterator[Progress]:
        """Read the issues that `jql` finds and queue their clips, oldest first; yields page by
        page, and before each pause.

        Continues where an earlier run of the same JQL was interrupted, unless `restart`. Pauses
        when Jira asks for it, and while MOST_WAITING jobs wait for workers. Raises JiraRefusedError
        for a JQL that Jira rejects, JiraUnavailableError when Jira stays unavailable."""
        key = _cursor_key(jql)
        if restart:
            self._redis.delete(key)
        cursor, resumed = self._load(key)
        counted = partial(self._jira.count, without_order(jql))
        total = yield from patiently(counted, lambda why: cursor.progress(0, pause=why))
        if resumed:
            yield cursor.progress(total, resumed=True)
        refused_at = None
        while True:
            yield from self._until_drained(cursor, total)
            cursor = cursor.fresh()
            window = oldest_first(jql, cursor.since or None)
            ask = partial(self._jira.search, window, cursor.token, overlapping=True)
            try:
                page = yield from patiently(ask, partial(_paused, cursor, total))
            except JiraRefusedError as error:
                if cursor.token is None or cursor.position == refused_at:
                    raise
                # Jira has forgotten its cursor. Reading a page twice costs little.
                log.warning("backfill_cursor_refused", why=str(error), goes_on_from=cursor.created)
                refused_at = cursor.position
                cursor = cursor.window()
                continue
            queued = [self._take_in(issue) for issue in page.issues]
            cursor = cursor.after(page, queued)
            if cursor.token is None:
                self._redis.delete(key)
                yield cursor.progress(total)
                return
            self._redis.hset(
                key, mapping={k: v for k, v in asdict(cursor).items() if v is not None}
            )
            yield cursor.progress(total)

    def _take_in(self, issue: Issue) -> int:
        with traced():
            return self._issue_sync.take_in(issue, watch=False)

    def _until_drained(self, cursor: Cursor, total: int) -> Iterator[Progress]:
        """Yields once per check while too many jobs wait."""
        queues = [self._queues.of(collection) for collection in self._collections.receiving]
        while (waiting := max(queue.count for queue in queues)) > MOST_WAITING:
            workers = self._queues.workers()["clips"]
            why = f"{waiting:,} jobs wait for {workers} {'worker' if workers == 1 else 'workers'}"
            if not workers:
                why = f"{waiting:,} jobs wait, but no worker runs: start `dejabug worker clips`"
            yield cursor.progress(total, pause=why, stuck=not workers)
            sleep(DRAIN_POLL)

    def _load(self, key: str) -> tuple[Cursor, bool]:
        """The cursor of an earlier run, and whether there is one."""
        found = {text_of(name): text_of(value) for name, value in self._redis.hgetall(key).items()}
        if not KEPT.keys() <= found.keys():
            return Cursor(), False
        return Cursor(**{name: kind(found[name]) for name, kind in KEPT.items()}), True


def _paused(cursor: Cursor, total: int, why: str) -> Progress:
    return cursor.progress(total, pause=why)


def _cursor_key(jql: str) -> str:
    return f"dejabug:backfill:{hashlib.sha256(jql.encode()).hexdigest()[:16]}"
