"""Verdicts on pairs of issues: the same bug, or not. They are kept permanently."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import redis

from dejabug.index import text_of
from dejabug.infra.errors import UserError
from dejabug.infra.metrics import VERDICTS

# One hash with a field per pair: a verdict has about 100 bytes, and a studio has some thousands.
KEY = "dejabug:verdicts"
Source = Literal["person", "link"]


@dataclass(frozen=True)
class Verdict:
    """Two issues' ids, and whether they are the same bug.

    `source`: a `person`, or a duplicate `link` in Jira. `at`: Unix seconds.
    """

    first: str
    second: str
    same: bool
    source: Source
    at: float = 0.0


class Verdicts:
    """The verdicts in Redis. The order of a pair does not matter."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection

    def put(self, verdict: Verdict, *, by: str = "") -> None:
        """Store a verdict, replacing an older one on the same pair.

        Raises UserError for an issue and itself. A link in Jira doesn't replace a person's verdict;
        only another verdict by a person does. `by`: where the person gave it, for the metrics.
        """
        if verdict.first == verdict.second:
            raise UserError("an issue can't be a duplicate of itself: name two different issues")
        old = self.of_pair(verdict.first, verdict.second)
        if old is not None and old.source == "person" and verdict.source == "link":
            return
        if old is not None and (old.same, old.source) == (verdict.same, verdict.source):
            return
        kept = {**asdict(verdict), "at": verdict.at or time.time()}
        self._redis.hset(KEY, _field(verdict.first, verdict.second), json.dumps(kept))
        VERDICTS.labels("accepted" if verdict.same else "rejected", by or verdict.source).inc()

    def of_pair(self, first: str, second: str) -> Verdict | None:
        """The verdict on a pair, if there is one."""
        found = self._redis.hget(KEY, _field(first, second))
        return _read(found) if found else None

    def rejected(self, issue_id: str, others: Iterable[str]) -> set[str]:
        """Those of the other issues that were marked as not the same bug as this one."""
        wanted = list(dict.fromkeys(others))
        if not wanted:
            return set()
        rows = self._redis.hmget(KEY, [_field(issue_id, other) for other in wanted])
        said = zip(wanted, rows, strict=True)
        return {other for other, row in said if row is not None and not _read(row).same}

    def links_of(self, issue_id: str) -> set[str]:
        """The issues that were linked to this one as duplicates when it was last read."""
        return {text_of(member) for member in self._redis.smembers(_links_key(issue_id))}

    def linked(self, issue_id: str, duplicates: Iterable[str]) -> None:
        """Update an issue's verdicts to match its current duplicate links."""
        now = set(duplicates) - {issue_id}
        for other in now:
            self.put(Verdict(issue_id, other, True, "link"))
        before = self.links_of(issue_id)
        for other in before - now:
            old = self.of_pair(issue_id, other)
            if old is not None and old.source == "link":
                self._redis.hdel(KEY, _field(issue_id, other))
        self.put_links(issue_id, now)

    def put_links(self, issue_id: str, others: Collection[str]) -> None:
        """Store an issue's duplicate links without changing verdicts."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(_links_key(issue_id))
            if others:
                pipe.sadd(_links_key(issue_id), *others)
            pipe.execute()

    def all(self) -> Iterator[Verdict]:
        """Every verdict."""
        for _, row in self._redis.hscan_iter(KEY):
            yield _read(row)

    def forget_issue(self, issue_id: str) -> None:
        """Delete all verdicts on a deleted issue."""
        for verdict in list(self.all()):
            if issue_id in (verdict.first, verdict.second):
                self._redis.hdel(KEY, _field(verdict.first, verdict.second))
        self._redis.delete(_links_key(issue_id))


def _field(first: str, second: str) -> str:
    return ":".join(sorted((first, second)))


def _links_key(issue_id: str) -> str:
    return f"dejabug:links:{issue_id}"


def _read(row: Any) -> Verdict:
    found: Mapping[str, Any] = json.loads(row)
    return Verdict(**found)
