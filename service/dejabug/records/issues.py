"""Known issues in Redis: their records, their keys, their projects, those hidden from us."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import asdict
from typing import Any

import redis

from dejabug.index import text_of
from dejabug.records.rows import SOME, fields_of
from dejabug.records.types import IssueRecord

# The ids of all known issues, and the keys of all projects that one was ever known of: sets.
ISSUES = "dejabug:issues"
PROJECTS = "dejabug:projects"
# How long an issue that was hidden from us is remembered as such, and what was said of it is kept.
HIDDEN_MEMORY = 365 * 24 * 3600  # seconds
# The issues that were hidden from us → when (Unix seconds).
HIDDEN = "dejabug:hidden"
# The field of an issue's fingerprint, named as an earlier version named it.
FINGERPRINT = "face"


class Issues:
    """The records of issues, whatever the encoder."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection

    def put_issue(self, issue: IssueRecord) -> None:
        """Remember an issue; a changed key leaves no trace of the old one. Stays watched."""
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
        """The keys of those of these issues that are known, by id; one round trip."""
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
        """An issue was hidden from us, or deleted without a word: it may come back."""
        self._redis.zadd(HIDDEN, {issue_id: time.time()})

    def came_back(self, issue_id: str) -> bool:
        """Whether an issue is back that was hidden from us; told once."""
        return bool(self._redis.zrem(HIDDEN, issue_id))

    def hidden_for_long(self) -> list[str]:
        """The issues that were hidden from us too long ago to come back."""
        oldest = time.time() - HIDDEN_MEMORY
        return [text_of(member) for member in self._redis.zrangebyscore(HIDDEN, 0, oldest)]

    def issues_of(self, project: str) -> Iterator[IssueRecord]:
        """The known issues of a project."""
        for issue_id in self._redis.sscan_iter(ISSUES, count=1000):
            issue = self.issue(text_of(issue_id))
            if issue is not None and issue.project == project:
                yield issue

    def some_issue_ids(self, cursor: int, size: int) -> tuple[int, list[str]]:
        """About `size` known issues' ids from a cursor on (0: the first), and the next cursor, 0
        at the end."""
        following, members = self._redis.sscan(ISSUES, cursor, count=size)
        return int(following), [text_of(member) for member in members]

    def every_issue_id(self) -> Iterator[str]:
        """The ids of all known issues; one that comes or goes meanwhile may be missed."""
        for member in self._redis.sscan_iter(ISSUES, count=SOME):
            yield text_of(member)

    def issue_count(self) -> int:
        """How many issues are known."""
        return int(self._redis.scard(ISSUES))

    def put_project(self, project: str) -> None:
        """An issue of this project was known once."""
        self._redis.sadd(PROJECTS, project)

    def projects(self) -> list[str]:
        """The keys of all projects that an issue was ever known of, in alphabetical order."""
        return sorted(text_of(member) for member in self._redis.smembers(PROJECTS))


def issue_key(issue_id: str) -> str:
    """Where an issue's record is kept."""
    return f"dejabug:issue:{issue_id}"


def key_key(key: str) -> str:
    """Where the id of the issue with this key is kept."""
    return f"dejabug:key:{key}"
