"""What is known about issues and clips, in Redis: who belongs to whom, what became of each clip,
which comment is ours. Plain keys; the frames themselves are the index's."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

import redis

from dejabug.index import slug_of, text_of

# How long one event is remembered, so that its repeats change nothing. Jira Cloud's retries of one
# event span about 75 minutes.
EVENT_MEMORY = 24 * 3600  # seconds


class ClipStatus(StrEnum):
    """What became of a clip under one encoder."""

    QUEUED = "queued"
    INDEXED = "indexed"
    FAILED = "failed"


@dataclass(frozen=True)
class IssueRecord:
    """A known issue. `watched` is set once it may get a comment: never by a backfill alone."""

    id: str
    key: str
    project: str
    game: str
    watched: bool = False


@dataclass(frozen=True)
class ClipRecord:
    """A known clip; `reason` says why it failed, `frames` and `duration` (s) what was kept."""

    id: str
    issue_id: str
    filename: str
    size: int
    status: ClipStatus = ClipStatus.QUEUED
    reason: str = ""
    frames: int = 0
    duration: float = 0.0


@dataclass(frozen=True)
class CommentRecord:
    """Our one comment on an issue: its id, a digest of what it says, its picture's attachment."""

    id: str
    digest: str
    strip_id: str = ""


class Catalogue:
    """The records of issues, and of clips under the encoder of that name."""

    def __init__(self, connection: redis.Redis, encoder: str) -> None:
        self._redis = connection
        self._slug = slug_of(encoder)
        self._words_waiting = f"dejabug:words-waiting:{self._slug}"
        self._tags = f"dejabug:tags:{self._slug}"
        self._words_done = f"dejabug:words-done:{self._slug}"

    # Issues

    def put_issue(self, issue: IssueRecord) -> None:
        """Remember an issue; a changed key leaves no trace of the old one. Stays watched."""
        old = self.issue(issue.id)
        watched = issue.watched or (old is not None and old.watched)
        mapping: dict[Any, Any] = {**asdict(issue), "watched": int(watched)}
        with self._redis.pipeline(transaction=True) as pipe:
            if old is not None and old.key != issue.key:
                pipe.delete(_key_key(old.key))
            pipe.hset(_issue_key(issue.id), mapping=mapping)
            pipe.set(_key_key(issue.key), issue.id)
            pipe.sadd("dejabug:issues", issue.id)
            pipe.sadd("dejabug:projects", issue.project)
            pipe.execute()

    def issue(self, issue_id: str) -> IssueRecord | None:
        """The issue with this numeric id, if known."""
        found = self._hash(_issue_key(issue_id))
        return IssueRecord(**{**found, "watched": found["watched"] == "1"}) if found else None

    def issue_by_key(self, key: str) -> IssueRecord | None:
        """The issue that has this key now, if known."""
        issue_id = self._redis.get(_key_key(key.upper()))
        return self.issue(text_of(issue_id)) if issue_id else None

    def forget_issue(self, issue_id: str) -> None:
        """Take an issue's own record out; its clips are to be forgotten before."""
        old = self.issue(issue_id)
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(_issue_key(issue_id), _issue_clips_key(issue_id), _comment_key(issue_id))
            pipe.delete(_words_key(issue_id))
            pipe.srem(self._words_waiting, issue_id)
            pipe.hdel(self._words_done, issue_id)
            pipe.hdel(self._tags, issue_id)
            pipe.srem("dejabug:issues", issue_id)
            if old is not None:
                pipe.delete(_key_key(old.key))
            pipe.execute()

    def issue_count(self) -> int:
        """How many issues are known."""
        return int(self._redis.scard("dejabug:issues"))

    def projects(self) -> list[str]:
        """The keys of all projects that an issue was ever known of, in alphabetical order."""
        return sorted(text_of(member) for member in self._redis.smembers("dejabug:projects"))

    # Clips

    def put_clip(self, clip: ClipRecord) -> None:
        """Remember a clip and that it belongs to its issue."""
        mapping: dict[Any, Any] = asdict(clip)
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(self._clip_key(clip.id), mapping=mapping)
            pipe.sadd(_issue_clips_key(clip.issue_id), clip.id)
            pipe.sadd(self._status_key(clip.status), clip.id)
            for status in ClipStatus:
                if status != clip.status:
                    pipe.srem(self._status_key(status), clip.id)
            pipe.execute()

    def clip(self, clip_id: str) -> ClipRecord | None:
        """What is known of a clip under this encoder."""
        found = self._hash(self._clip_key(clip_id))
        if not found:
            return None
        types = {"size": int, "frames": int, "duration": float, "status": ClipStatus}
        read = {f.name: types.get(f.name, str)(found[f.name]) for f in fields(ClipRecord)}
        return ClipRecord(**read)

    def clip_ids_of(self, issue_id: str) -> list[str]:
        """The ids of an issue's known clips, in a steady order."""
        return sorted(
            text_of(member) for member in self._redis.smembers(_issue_clips_key(issue_id))
        )

    def clips_of(self, issue_id: str) -> list[ClipRecord]:
        """An issue's clips that are known under this encoder."""
        found = (self.clip(clip_id) for clip_id in self.clip_ids_of(issue_id))
        return [clip for clip in found if clip is not None]

    def forget_clip(self, clip: ClipRecord) -> None:
        """Take a clip's record out."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(self._clip_key(clip.id))
            pipe.srem(_issue_clips_key(clip.issue_id), clip.id)
            for status in ClipStatus:
                pipe.srem(self._status_key(status), clip.id)
            pipe.execute()

    def count(self, status: ClipStatus) -> int:
        """How many clips are in this state."""
        return int(self._redis.scard(self._status_key(status)))

    def with_status(self, status: ClipStatus) -> Iterator[ClipRecord]:
        """All clips in this state."""
        for clip_id in self._redis.sscan_iter(self._status_key(status)):
            clip = self.clip(text_of(clip_id))
            if clip is not None:
                yield clip

    # Tickets' words

    def put_words(self, issue_id: str, words: str) -> bool:
        """Remember a ticket's words; whether they must be embedded anew under this encoder."""
        digest = _digest(words)
        done = self._redis.hget(self._words_done, issue_id)
        stale = done is None or text_of(done) != digest
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(_words_key(issue_id), words)
            if stale:
                pipe.sadd(self._words_waiting, issue_id)
            pipe.execute()
        return stale

    def words(self, issue_id: str) -> str:
        """A ticket's words, empty when none are known."""
        found = self._redis.get(_words_key(issue_id))
        return text_of(found) if found else ""

    def words_embedded(self, issue_id: str, words: str) -> None:
        """These words of a ticket are in the index; it waits on only if they changed meanwhile."""
        self._redis.hset(self._words_done, issue_id, _digest(words))
        if self.words(issue_id) == words:
            self._redis.srem(self._words_waiting, issue_id)

    def words_wait(self, issue_id: str) -> bool:
        """Whether a ticket's words are still to be embedded."""
        return bool(self._redis.sismember(self._words_waiting, issue_id))

    def all_words_waiting(self) -> list[str]:
        """The issues whose words are still to be embedded."""
        return sorted(text_of(member) for member in self._redis.smembers(self._words_waiting))

    def put_tags(self, issue_id: str, titles: list[str]) -> None:
        """Remember the kinds of bug that a ticket is tagged with, as people read them."""
        if titles:
            self._redis.hset(self._tags, issue_id, json.dumps(titles))
        else:
            self._redis.hdel(self._tags, issue_id)

    def tags(self, issue_id: str) -> list[str]:
        """The kinds of bug that a ticket is tagged with."""
        found = self._redis.hget(self._tags, issue_id)
        return [str(title) for title in json.loads(found)] if found else []

    # Our comments

    def comment(self, issue_id: str) -> CommentRecord | None:
        """Our comment on this issue, as far as we remember."""
        found = self._hash(_comment_key(issue_id))
        return CommentRecord(**found) if found else None

    def put_comment(self, issue_id: str, comment: CommentRecord | None) -> None:
        """Remember our comment on this issue, or that there is none."""
        if comment is None:
            self._redis.delete(_comment_key(issue_id))
        else:
            mapping: dict[Any, Any] = asdict(comment)
            self._redis.hset(_comment_key(issue_id), mapping=mapping)

    # Work that has been promised

    def pending_since(self, seconds: float) -> list[str]:
        """Issues whose synchronisation was promised longer ago than that, and is not done."""
        oldest = time.time() - seconds
        return [text_of(member) for member in self._redis.zrangebyscore(PENDING, 0, oldest)]

    def settle(self, issue_id: str, promised_before: float) -> None:
        """The promise to synchronise this issue is kept, unless renewed since (Unix seconds)."""
        promised = self._redis.zscore(PENDING, issue_id)
        if promised is not None and float(promised) <= promised_before:
            self._redis.zrem(PENDING, issue_id)

    # Inside

    def _clip_key(self, clip_id: str) -> str:
        return f"dejabug:clip:{self._slug}:{clip_id}"

    def _status_key(self, status: ClipStatus) -> str:
        return f"dejabug:clips:{self._slug}:{status}"

    def _hash(self, key: str) -> dict[str, Any]:
        return {text_of(name): text_of(value) for name, value in self._redis.hgetall(key).items()}


# Issues that a webhook or a backfill has promised to look at → when (Unix seconds).
PENDING = "dejabug:pending"


def event_key(digest: str) -> str:
    """Where one webhook body is remembered by its digest."""
    return f"dejabug:event:{digest}"


def _issue_key(issue_id: str) -> str:
    return f"dejabug:issue:{issue_id}"


def _issue_clips_key(issue_id: str) -> str:
    return f"dejabug:issue-clips:{issue_id}"


def _comment_key(issue_id: str) -> str:
    return f"dejabug:comment:{issue_id}"


def _words_key(issue_id: str) -> str:
    return f"dejabug:words:{issue_id}"


def _digest(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def _key_key(key: str) -> str:
    return f"dejabug:key:{key}"
