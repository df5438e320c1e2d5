"""Rankings of issues, cached for a minute.

A panel that waits for a preview asks every two seconds, and ranking among 100,000 frames takes
about half a second for each clip of twelve frames.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import redis

from dejabug.index import text_of
from dejabug.infra.refused_writes import optional
from dejabug.ranking import Moment
from dejabug.records.collections import Collections
from dejabug.retrieval.pairs import PairMatch

# Seconds that a ranking is kept.
RANKED_LATELY = 60


class RankingCache:
    """The ranked pairs of an issue's clips, best first, under the active encoder."""

    def __init__(self, connection: redis.Redis, collections: Collections) -> None:
        self._redis = connection
        self._collections = collections

    def get(self, issue_id: str) -> list[PairMatch] | None:
        """An issue's ranking, at most RANKED_LATELY old; None if there is none."""
        written = self._redis.get(self._key(issue_id))
        if written is None:
            return None
        rows: list[dict[str, Any]] = json.loads(text_of(written))
        return [
            PairMatch(**{**row, "moments": tuple(Moment(**moment) for moment in row["moments"])})
            for row in rows
        ]

    def put(self, issue_id: str, pairs: Sequence[PairMatch]) -> None:
        """Cache an issue's ranking, if Redis accepts writes."""
        written = json.dumps([asdict(pair) for pair in pairs])
        with optional():
            self._redis.set(self._key(issue_id), written, ex=RANKED_LATELY)

    def forget(self, issue_id: str) -> None:
        """Drop an issue's ranking after its clips, words or feedback changed."""
        self._redis.delete(self._key(issue_id))

    def _key(self, issue_id: str) -> str:
        return f"dejabug:ranked:{self._collections.active.slug}:{issue_id}"
