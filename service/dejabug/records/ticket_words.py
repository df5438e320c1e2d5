"""Ticket texts in Redis: the text, whether it is in an encoder's index, the kinds of bug."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator

import redis

from dejabug.index import text_of
from dejabug.records.rows import SOME


class TicketWords:
    """The texts of tickets, and their state and tags with the encoder `slug` (its name in keys)."""

    def __init__(self, connection: redis.Redis, slug: str) -> None:
        self._redis = connection
        # The set of issues whose text is still to be embedded.
        self.words_waiting = f"dejabug:words-waiting:{slug}"
        self._tags = f"dejabug:tags:{slug}"
        self._done_words = f"dejabug:words-done:{slug}"

    def put_words(self, issue_id: str, words: str) -> bool:
        """Store a ticket's text; returns whether this encoder must embed it again."""
        digest = digest_of(words)
        done = self._redis.hget(self._done_words, issue_id)
        stale = done is None or text_of(done) != digest
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(words_key(issue_id), words)
            if stale:
                pipe.sadd(self.words_waiting, issue_id)
            pipe.execute()
        return stale

    def want_words(self, issue_ids: Collection[str]) -> list[str]:
        """Those of these issues whose current text is not embedded with this encoder; they are
        marked as waiting."""
        if not issue_ids:
            return []
        wanted = list(issue_ids)
        known = self._redis.mget([words_key(issue_id) for issue_id in wanted])
        done = self._redis.hmget(self._done_words, wanted)
        stale = [
            issue_id
            for issue_id, words, digest in zip(wanted, known, done, strict=True)
            if words is not None and text_of(digest) != digest_of(text_of(words))
        ]
        if stale:
            self._redis.sadd(self.words_waiting, *stale)
        return stale

    def words(self, issue_id: str) -> str:
        """A ticket's text, or an empty string."""
        found = self._redis.get(words_key(issue_id))
        return text_of(found) if found else ""

    def words_embedded(self, issue_id: str, words: str) -> None:
        """Record that this text is in the index. The ticket keeps waiting only if its text has
        changed since."""
        self._redis.hset(self._done_words, issue_id, digest_of(words))
        if self.words(issue_id) == words:
            self._redis.srem(self.words_waiting, issue_id)

    def embedded_words(self, issue_id: str) -> str:
        """The digest of the ticket's text in the index, or an empty string."""
        return text_of(self._redis.hget(self._done_words, issue_id))

    def words_done(self) -> Iterator[str]:
        """The issues whose text, even if empty, is recorded as indexed."""
        for issue_id, _ in self._redis.hscan_iter(self._done_words, count=SOME):
            yield text_of(issue_id)

    def words_lost(self, issue_id: str) -> None:
        """Record that a ticket's text is missing in the index."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hdel(self._done_words, issue_id)
            pipe.sadd(self.words_waiting, issue_id)
            pipe.execute()

    def words_wait(self, issue_id: str) -> bool:
        """Whether a ticket's text is still to be embedded."""
        return bool(self._redis.sismember(self.words_waiting, issue_id))

    def all_words_waiting(self) -> list[str]:
        """The issues whose text is still to be embedded."""
        return sorted(text_of(member) for member in self._redis.smembers(self.words_waiting))

    def put_tags(self, issue_id: str, titles: list[str]) -> None:
        """Store the kinds of bug that a ticket is tagged with, as titles for people."""
        if titles:
            self._redis.hset(self._tags, issue_id, json.dumps(titles))
        else:
            self._redis.hdel(self._tags, issue_id)

    def tags(self, issue_id: str) -> list[str]:
        """The kinds of bug that a ticket is tagged with."""
        return self.tags_of([issue_id])[issue_id]

    def tags_of(self, issue_ids: Collection[str]) -> dict[str, list[str]]:
        """The kinds of bug that each of these tickets is tagged with; one round trip."""
        if not issue_ids:
            return {}
        wanted = list(issue_ids)
        rows = self._redis.hmget(self._tags, wanted)
        return {
            issue_id: [str(title) for title in json.loads(row)] if row else []
            for issue_id, row in zip(wanted, rows, strict=True)
        }


def words_key(issue_id: str) -> str:
    """The Redis key of a ticket's text."""
    return f"dejabug:words:{issue_id}"


def digest_of(words: str) -> str:
    """A digest of a ticket's text, to notice changes."""
    return hashlib.sha256(words.encode()).hexdigest()[:16]
