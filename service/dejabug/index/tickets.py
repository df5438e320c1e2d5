"""The words of tickets in Redis: one vector an issue, and the nearest tickets to a text.

The vectors are the encoder's own text vectors, so that this index belongs to one encoder like the
frames' (promise 6). A flat index serves: a backlog has a hundredth as many tickets as frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import redis

from dejabug.index.queries import (
    BadVectorsError,
    Query,
    Searcher,
    create_index,
    fail_on_timeout,
    slug_of,
    text_of,
)
from dejabug.ranking import Floats


class TicketIndex:
    """The tickets of one encoder; made like `FrameIndex`, with the same errors."""

    def __init__(self, connection: redis.Redis, encoder: str, dimensions: int) -> None:
        self._redis = connection
        self._dimensions = dimensions
        slug = slug_of(encoder)
        self._tickets = f"dejabug:ticket:{slug}:"
        name = f"dejabug:tickets:{slug}"
        self._searcher = Searcher(connection, name)
        fail_on_timeout(connection)
        create_index(connection, name, self._tickets, ("issue", "project"), dimensions, "FLAT")

    def write(self, issue_id: str, project: str, vector: Floats) -> None:
        """Put a ticket's vector, float32 [dimensions], in, in place of an older one.

        Raises BadVectorsError, with nothing written.
        """
        if vector.shape != (self._dimensions,) or not np.isfinite(vector).all():
            raise BadVectorsError(f"want a finite vector [{self._dimensions}], got {vector.shape}")
        self._redis.hset(
            self._tickets + issue_id,
            mapping={
                "issue": issue_id,
                "project": project,
                "vector": vector.astype(np.float16).tobytes(),
            },
        )

    def move(self, issue_id: str, project: str) -> None:
        """Give an issue's ticket another project, after it moved there."""
        key = self._tickets + issue_id
        if self._redis.exists(key):
            self._redis.hset(key, "project", project)

    def forget(self, issue_id: str) -> None:
        """Take a ticket out. Forgetting what is not there is no error."""
        self._redis.delete(self._tickets + issue_id)

    def projects_of(self, issue_ids: Sequence[str]) -> dict[str, str]:
        """The projects that these issues' tickets are in; issues without one are left out."""
        with self._redis.pipeline(transaction=False) as pipe:
            for issue_id in issue_ids:
                pipe.hget(self._tickets + issue_id, "project")
            rows = zip(issue_ids, pipe.execute(), strict=True)
        return {issue_id: text_of(project) for issue_id, project in rows if project is not None}

    def vectors(self, issue_ids: Iterable[str]) -> dict[str, Floats]:
        """Vectors float32 [dimensions] by issue; issues without one are left out."""
        wanted = list(dict.fromkeys(issue_ids))
        with self._redis.pipeline(transaction=False) as pipe:
            for issue_id in wanted:
                pipe.hget(self._tickets + issue_id, "vector")
            rows = pipe.execute()
        return {
            issue_id: np.frombuffer(row, np.float16).astype(np.float32)
            for issue_id, row in zip(wanted, rows, strict=True)
            if row is not None
        }

    def nearest(self, vector: Floats, k: int, projects: Sequence[str]) -> list[tuple[str, float]]:
        """The k tickets of these projects that are nearest to a text's vector [dimensions], nearest
        first, with their cosines."""
        if vector.shape != (self._dimensions,):
            raise BadVectorsError(f"want a vector [{self._dimensions}], got {vector.shape}")
        tail = ("RETURN", "2", "issue", "distance", "SORTBY", "distance")
        query = Query("FT.SEARCH", k, {"project": projects}, tail)
        (rows,) = self._searcher.nearest(query, vector[None])
        return [(row[b"issue"].decode(), 1 - float(row[b"distance"])) for row in rows]
