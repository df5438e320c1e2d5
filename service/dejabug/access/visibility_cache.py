"""A cache in Redis of which principal may see which issue, for a minute."""

from __future__ import annotations

import time
from collections.abc import Iterable

import redis

from dejabug.index import text_of
from dejabug.infra.refused_writes import optional

# Seconds that Jira's answer is cached. For this long, an issue that Jira now hides may be shown.
ANSWER_TTL_SECONDS = 60


class VisibilityCache:
    """Jira's answers by principal and issue, for at most a minute or until the issue changes.

    `name`: the principal's name, and anything else that the answer depends on.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection

    def known(self, name: str, issue_ids: Iterable[str]) -> tuple[set[str], set[str]]:
        """The ids of issues that this principal may see, and of those that are not cached."""
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
        """Cache Jira's answer: it was asked about the issues `asked`, and shows `seen`."""
        until, visible = time.time() + ANSWER_TTL_SECONDS, set(seen)
        with optional(), self._redis.pipeline(transaction=True) as pipe:
            for issue_id in asked:
                pipe.hset(_key(issue_id), name, f"{int(issue_id in visible)}:{until}")
                pipe.expire(_key(issue_id), ANSWER_TTL_SECONDS)
            pipe.execute()

    def forget_issue(self, issue_id: str) -> None:
        """Remove an issue from the cache, after it changed or was deleted."""
        self._redis.delete(_key(issue_id))


def _key(issue_id: str) -> str:
    return f"dejabug:sight:{issue_id}"
