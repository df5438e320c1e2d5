"""Known issues in Redis: their records, keys and projects, and issues hidden from us."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import asdict
from typing import Any

import redis

from dejabug.index import text_of
from dejabug.records.rows import SOME, fields_of
from dejabug.records.types import IssueRecord

# Sets of the ids of all known issues, and of the keys of all projects that ever had one.
ISSUES = "dejabug:issues"
PROJECTS = "dejabug:projects"
# How long a hidden issue is remembered, and its verdicts are kept.
HIDDEN_MEMORY = 365 * 24 * 3600  # seconds
# The issues that became hidden from us → when (Unix seconds).
HIDDEN = "dejabug:hidden"
# The field of an issue's fingerprint, with the name that an earlier version used.
FINGERPRINT = "face"


class Issues:
    """The records of issues, which don't depend on the encoder."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection

    def put_issue(self, issue: IssueRecord) -> None:
        """Store an issue; an old key is removed. A watched issue stays watched."""
        old = self.issue(issue.id)
        watched = issue.watched or (old is not None and old.watched)
        flags = {"watched": int(watched), "restricted": int(issue.restricted)}
        mapping: dict[Any, Any] = {**asdict(issue), **flags}
        mapping[FINGERPRINT] = mapping.pop("fingerprint")
        with self._redis.pipeline(transaction=True) as pipe:
            if old is not None and old.key != issue.key:
                pipe.delete(key_key(old.key))
            pipe.hset(issue_key(issue.id), mapping=mapping)
            pipe.set(key_key(issue.key), issue.id)
            pipe.sadd(ISSUES, issue.id)
            pipe.sadd(PROJECTS, issue.project)
            pipe.execute()

    def issue(self, issue_id: str) -> IssueRecord | None:
        """The issue with this numeric id, if known."""
        row = self._redis.hgetall(issue_key(issue_id))
        if not row:
            return None
        found = fields_of(IssueRecord, row)
        found["fingerprint"] = text_of(row.get(FINGERPRINT.encode()))
        flags = {name: found.get(name) == "1" for name in ("watched", "restricted")}
        return IssueRecord(**{**found, **flags})

    def keys_of(self, issue_ids: Collection[str]) -> dict[str, str]:
        """The keys of the known ones of these issues, by id; one round trip."""
        with self._redis.pipeline(transaction=False) as pipe:
            for issue_id in issue_ids:
                pipe.hget(issue_key(issue_id), "key")
            found = zip(issue_ids, pipe.execute(), strict=True)
            return {issue_id: text_of(key) for issue_id, key in found if key}

    def issue_by_key(self, key: str) -> IssueRecord | None:
        """The issue that has this key now, if known."""
        issue_id = self._redis.get(key_key(key.upper()))
        return self.issue(text_of(issue_id)) if issue_id else None

    def put_hidden(self, issue_id: str) -> None:
        """Mark an issue as hidden from us or deleted without an event; it may come back."""
        self._redis.zadd(HIDDEN, {issue_id: time.time()})

    def came_back(self, issue_id: str) -> bool:
        """Whether this issue was marked as hidden; removes the mark."""
        return bool(self._redis.zrem(HIDDEN, issue_id))

    def hidden_for_long(self) -> list[str]:
        """The issues that have been hidden for so long that they won't come back."""
        oldest = time.time() - HIDDEN_MEMORY
        return [text_of(member) for member in self._redis.zrangebyscore(HIDDEN, 0, oldest)]

    def issues_of(self, project: str) -> Iterator[IssueRecord]:
        """The known issues of a project."""
        for issue_id in self._redis.sscan_iter(ISSUES, count=1000):
            issue = self.issue(text_of(issue_id))
            if issue is not None and issue.project == project:
                yield issue

    def some_issue_ids(self, cursor: int, size: int) -> tuple[int, list[str]]:
        """About `size` ids of known issues from a cursor (0: the start), and the next cursor (0:
        the end)."""
        following, members = self._redis.sscan(ISSUES, cursor, count=size)
        return int(following), [text_of(member) for member in members]

    def every_issue_id(self) -> Iterator[str]:
        """The ids of all known issues; may miss one that is added or removed meanwhile."""
        for member in self._redis.sscan_iter(ISSUES, count=SOME):
            yield text_of(member)

    def issue_count(self) -> int:
        """The number of known issues."""
        return int(self._redis.scard(ISSUES))

    def put_project(self, project: str) -> None:
        """Add a project to the known ones."""
        self._redis.sadd(PROJECTS, project)

    def projects(self) -> list[str]:
        """The keys of all projects that ever had a known issue, in alphabetical order."""
        return sorted(text_of(member) for member in self._redis.smembers(PROJECTS))


def issue_key(issue_id: str) -> str:
    """The Redis key of an issue's record."""
    return f"dejabug:issue:{issue_id}"


def key_key(key: str) -> str:
    """The Redis key of the id of the issue with this key."""
    return f"dejabug:key:{key}"
