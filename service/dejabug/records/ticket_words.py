"""Tickets' words in Redis: the words, whether they are in an encoder's index, the kinds of bug."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator

import redis

from dejabug.index import text_of
from dejabug.records.rows import SOME


class TicketWords:
    """The words of tickets, and what the encoder whose names in keys are `slug` made of them."""

    def __init__(self, connection: redis.Redis, slug: str) -> None:
        self._redis = connection
        # Where the issues are kept whose words are still to be embedded, a set.
        self.words_waiting = f"dejabug:words-waiting:{slug}"
        self._tags = f"dejabug:tags:{slug}"
        self._done_words = f"dejabug:words-done:{slug}"

    def put_words(self, issue_id: str, words: str) -> bool:
        """Remember a ticket's words; whether they must be embedded again under this encoder."""
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
        """Those of these issues whose words, as known, are not embedded under this encoder; they
        are remembered as such."""
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
        """A ticket's words, empty when none are known."""
        found = self._redis.get(words_key(issue_id))
        return text_of(found) if found else ""

    def words_embedded(self, issue_id: str, words: str) -> None:
        """These words of a ticket are in the index; it waits on only if they changed meanwhile."""
        self._redis.hset(self._done_words, issue_id, digest_of(words))
        if self.words(issue_id) == words:
            self._redis.srem(self.words_waiting, issue_id)

    def embedded_words(self, issue_id: str) -> str:
        """The digest of the words of a ticket that are in the index; empty for none."""
        return text_of(self._redis.hget(self._done_words, issue_id))

    def words_done(self) -> Iterator[str]:
        """The issues whose words, even none, are said to be in the index."""
        for issue_id, _ in self._redis.hscan_iter(self._done_words, count=SOME):
            yield text_of(issue_id)

    def words_lost(self, issue_id: str) -> None:
        """A ticket's words are not in the index, whatever was said of them."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hdel(self._done_words, issue_id)
            pipe.sadd(self.words_waiting, issue_id)
            pipe.execute()

    def words_wait(self, issue_id: str) -> bool:
        """Whether a ticket's words are still to be embedded."""
        return bool(self._redis.sismember(self.words_waiting, issue_id))

    def all_words_waiting(self) -> list[str]:
        """The issues whose words are still to be embedded."""
        return sorted(text_of(member) for member in self._redis.smembers(self.words_waiting))

    def put_tags(self, issue_id: str, titles: list[str]) -> None:
        """Remember the kinds of bug that a ticket is tagged with, as people read them."""
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
    """Where a ticket's words are kept."""
    return f"dejabug:words:{issue_id}"


def digest_of(words: str) -> str:
    """What a ticket's words are compared by."""
    return hashlib.sha256(words.encode()).hexdigest()[:16]
