"""How many frames there are in total and in some projects, for planning a query."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import redis

from dejabug.index.completeness import IndexUnavailableError
from dejabug.index.queries import tag_filter

# Maximum age of a count in seconds: it only affects how fast an answer is, never its content.
COUNTED = 60
# Sets of projects whose counts are cached.
KEPT = 1000


class FrameCounts:
    """Counts of an index, each refreshed once a minute at most."""

    def __init__(self, connection: redis.Redis, index: str) -> None:
        self._redis = connection
        self._index = index
        self._kept: dict[tuple[str, ...], tuple[float, int, int]] = {}

    def get(self, projects: Sequence[str]) -> tuple[int, int]:
        """How many frames there are in total, and in these projects. Raises
        IndexUnavailableError."""
        which = tuple(projects)
        now = time.monotonic()
        kept = self._kept.get(which)
        if kept is None or now - kept[0] > COUNTED:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            kept = now, self._count("*"), self._count(tag_filter({"project": which}))
            self._kept[which] = kept
        return kept[1], kept[2]

    def _count(self, query: str) -> int:
        try:
            answer: dict[bytes, Any] = self._redis.execute_command(  # type: ignore[no-untyped-call]
                "FT.SEARCH", self._index, query, "LIMIT", "0", "0", "DIALECT", "2"
            )
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise IndexUnavailableError(f"Redis did not answer: {error}") from error
        return int(answer[b"total_results"])
