"""Ticket texts in Redis: one vector per issue, and its terms; finds the tickets nearest to a text,
or with the same words.

The vectors are the encoder's own text vectors, so like the frames' index this index belongs to one
encoder. A flat index is enough: a backlog has a hundredth as many tickets as frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import redis
from redis.client import Pipeline

from dejabug.index.neighbours import Neighbours
from dejabug.index.queries import (
    BadVectorsError,
    Query,
    Searcher,
    add_words_field,
    create_index,
    fail_on_timeout,
    slug_of,
    text_of,
)
from dejabug.ranking import Floats, terms_of

# The field with a ticket's terms (`ranking.terms_of`): as text, in their order, for comparing them,
# and as tags for the index. If terms are ever made in another way, they need another field:
# `without_terms` finds the tickets that lack it.
TERMS = "terms"
TERMS_BYTES = TERMS.encode()
# Number of a query's terms that tickets are searched by; the vector covers the rest.
MOST_TERMS = 20
# Of the tickets with any of several terms, this share is read: each row costs time, and a single
# common word rarely makes a result.
PARTLY = 4


@dataclass(frozen=True)
class Said:
    """How a ticket's text compares: the cosine of its vector with the query's, and its terms."""

    cosine: float
    terms: tuple[str, ...]


class TicketIndex:
    """The tickets of one encoder; made like `FrameIndex`, with the same errors."""

    def __init__(self, connection: redis.Redis, encoder: str, dimensions: int) -> None:
        self._redis = connection
        self._dimensions = dimensions
        slug = slug_of(encoder)
        self._tickets = f"dejabug:ticket:{slug}:"
        name = f"dejabug:tickets:{slug}"
        self._name = name
        self.neighbours = Neighbours(connection, "ticket", slug)
        self._searcher = Searcher(connection, name)
        fail_on_timeout(connection)
        create_index(connection, name, self._tickets, ("issue", "project"), dimensions, "FLAT")
        add_words_field(connection, name, TERMS)

    def write(
        self,
        issue_id: str,
        project: str,
        vector: Floats,
        words: str,
        *,
        restricted: bool = False,
    ) -> None:
        """Write a ticket's vector, float32 [dimensions], and its words, replacing earlier ones.

        Raises BadVectorsError and writes nothing if the vector is not valid.
        """
        if vector.shape != (self._dimensions,) or not np.isfinite(vector).all():
            raise BadVectorsError(
                f"expected a finite vector [{self._dimensions}], got {vector.shape}"
            )
        about: dict[Any, Any] = {
            "issue": issue_id,
            "project": project,
            "restricted": int(restricted),
            "vector": vector.astype(np.float16).tobytes(),
            TERMS: " ".join(terms_of(words)),
        }

        def write(pipe: Pipeline) -> None:
            old = text_of(pipe.hget(self._tickets + issue_id, "project"))
            pipe.multi()
            self.neighbours.leave(pipe, issue_id, old)
            pipe.hset(self._tickets + issue_id, mapping=about)
            self.neighbours.join(pipe, issue_id, project, restricted=restricted)

        self._redis.transaction(write, self._tickets + issue_id)

    def put_words(self, issue_id: str, words: str) -> None:
        """Write the words of a ticket that has a vector."""
        key = self._tickets + issue_id
        if self._redis.exists(key):
            self._redis.hset(key, TERMS, " ".join(terms_of(words)))

    def without_terms(self, limit: int) -> list[str]:
        """Up to `limit` issues whose tickets were written by a version without terms."""
        answer: list[Any] | dict[Any, Any] = self._redis.execute_command(  # type: ignore[no-untyped-call]
            *("FT.SEARCH", self._name, f"ismissing(@{TERMS})", "RETURN", "1", "issue"),
            *("LIMIT", "0", str(limit), "DIALECT", "2"),
        )
        return [text_of(row[b"extra_attributes"][b"issue"]) for row in answer[b"results"]]  # type: ignore[call-overload]

    def move(self, issue_id: str, project: str, *, restricted: bool = False) -> None:
        """Change the project of an issue's ticket after it moved, or record that the issue now has
        or no longer has a security level."""
        key = self._tickets + issue_id

        def move(pipe: Pipeline) -> None:
            old, was = pipe.hmget(key, "project", "restricted")
            pipe.multi()
            if old is None or (text_of(old), was == b"1") == (project, restricted):
                return
            self.neighbours.leave(pipe, issue_id, text_of(old))
            about: dict[Any, Any] = {"project": project, "restricted": int(restricted)}
            pipe.hset(key, mapping=about)
            self.neighbours.join(pipe, issue_id, project, restricted=restricted)

        self._redis.transaction(move, key)

    def forget(self, issue_id: str) -> None:
        """Remove a ticket. Forgetting a ticket that is not indexed is no error."""
        key = self._tickets + issue_id

        def forget(pipe: Pipeline) -> None:
            project = text_of(pipe.hget(key, "project"))
            pipe.multi()
            self.neighbours.leave(pipe, issue_id, project)
            pipe.delete(key)

        self._redis.transaction(forget, key)

    def places(self, issue_ids: Sequence[str]) -> dict[str, tuple[str, bool]]:
        """The project of each issue's ticket, and whether it has a security level. Issues without a
        ticket are left out."""
        with self._redis.pipeline(transaction=False) as pipe:
            for issue_id in issue_ids:
                pipe.hmget(self._tickets + issue_id, "project", "restricted")
            rows = zip(issue_ids, pipe.execute(), strict=True)
        return {
            issue_id: (text_of(project), restricted == b"1")
            for issue_id, (project, restricted) in rows
            if project is not None
        }

    def vectors(self, issue_ids: Iterable[str]) -> dict[str, Floats]:
        """Vectors float32 [dimensions] by issue. Issues without one are left out."""
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

    def term_counts(self, issue_ids: Sequence[str]) -> dict[str, int]:
        """How many different terms these issues' tickets have; 0 if unknown."""
        with self._redis.pipeline(transaction=False) as pipe:
            for issue_id in issue_ids:
                pipe.hget(self._tickets + issue_id, TERMS)
            rows = zip(issue_ids, pipe.execute(), strict=True)
        return {issue_id: len(set(text_of(terms).split())) for issue_id, terms in rows}

    def candidates(
        self, vector: Floats, asked: Sequence[str], k: int, projects: Sequence[str]
    ) -> dict[str, Said]:
        """The tickets of these projects that may answer a query, by issue: the k nearest to its
        vector [dimensions], the k nearest of those with all of its terms, and some of those with
        one of several."""
        some = list(dict.fromkeys(asked))[:MOST_TERMS]
        queries = [_query(k, {"project": projects})]
        if some:
            queries.append(_query(k, {"project": projects}, every={TERMS: some}))
        if len(some) > 1:
            few = max(1, k // PARTLY)
            queries.append(_query(few, {"project": projects, TERMS: some}))
        return self._said(vector, queries)

    def said(
        self, issue_ids: Iterable[str], vector: Floats, projects: Sequence[str]
    ) -> dict[str, Said]:
        """How these issues' tickets compare with a query, by issue, in these projects. Issues
        without a ticket are left out."""
        wanted = list(dict.fromkeys(issue_ids))
        return self._said(vector, [_query(len(wanted), {"project": projects, "issue": wanted})])

    def nearest(self, vector: Floats, k: int, projects: Sequence[str]) -> list[tuple[str, float]]:
        """The k tickets of these projects nearest to a text's vector [dimensions], nearest first,
        with their cosines."""
        said = self._said(vector, [_query(k, {"project": projects})])
        return [(issue, each.cosine) for issue, each in said.items()]

    def _said(self, vector: Floats, queries: Sequence[Query]) -> dict[str, Said]:
        """How the tickets compare that the queries find, in their order."""
        if vector.shape != (self._dimensions,):
            raise BadVectorsError(f"expected a vector [{self._dimensions}], got {vector.shape}")
        answers = self._searcher.ask([(query, vector) for query in queries])
        return {
            row[b"issue"].decode(): Said(
                1 - float(row[b"distance"]), tuple(text_of(row.get(TERMS_BYTES)).split())
            )
            for rows in answers
            for row in rows
        }


def _query(
    k: int, tags: Mapping[str, Sequence[str]], every: Mapping[str, Sequence[str]] | None = None
) -> Query:
    tail = ("RETURN", "3", "issue", "distance", TERMS, "SORTBY", "distance")
    return Query("FT.SEARCH", k, tags, tail, every=every or {})
