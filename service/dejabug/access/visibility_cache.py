"""What Jira said of principals and issues within the last minute, in Redis."""

from __future__ import annotations

import time
from collections.abc import Iterable

import redis

from dejabug.index import text_of
from dejabug.infra.refused_writes import optional

# Seconds that Jira's answer about a principal counts: how late we may be to hide what it hides.
ANSWER_TTL_SECONDS = 60


class VisibilityCache:
    """Answers by principal and issue, each for a minute at most, or until the issue changes.

    `name` is the principal's, and whatever else the answer depends on.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection

    def known(self, name: str, issue_ids: Iterable[str]) -> tuple[set[str], set[str]]:
        """The issues that this principal is known to see, and those of which nothing is known."""
        now = time.time()
        seen, unknown = set(), set()
        for issue_id in set(issue_ids):
            found = self._redis.hget(_key(issue_id), name)
            verdict, _, until = text_of(found).partition(":")
            if found is None or float(until) <= now:
                unknown.add(issue_id)
            elif verdict == "1":
                seen.add(issue_id)
        return seen, unknown

    def remember(self, name: str, asked: Iterable[str], seen: Iterable[str]) -> None:
        """Jira was asked about these issues, and shows the principal those."""
        until, visible = time.time() + ANSWER_TTL_SECONDS, set(seen)
        with optional(), self._redis.pipeline(transaction=True) as pipe:
            for issue_id in asked:
                pipe.hset(_key(issue_id), name, f"{int(issue_id in visible)}:{until}")
                pipe.expire(_key(issue_id), ANSWER_TTL_SECONDS)
            pipe.execute()

    def forget_issue(self, issue_id: str) -> None:
        """Ask again who may see an issue: it changed, or is gone."""
        self._redis.delete(_key(issue_id))


def _key(issue_id: str) -> str:
    return f"dejabug:sight:{issue_id}"
