"""What is known about issues and clips, in Redis: who belongs to whom, what became of each clip.
Plain keys; the frames themselves are the index's, what we said on issues is the ledger's."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, fields, replace
from typing import Any

import redis
from redis.client import Pipeline

from dejabug.index import slug_of, text_of
from dejabug.records.types import ClipRecord, ClipStatus, IssueRecord

# How long one event is remembered, so that its repeats change nothing. Jira Cloud's retries of one
# event span about 75 minutes.
EVENT_MEMORY = 24 * 3600  # seconds
# How long an issue that was hidden from us is remembered as such, and what was said of it is kept.
HIDDEN_MEMORY = 365 * 24 * 3600  # seconds
# The issues that were hidden from us → when (Unix seconds).
HIDDEN = "dejabug:hidden"
# How long an echo of our own comment is remembered: the check waits a minute for it.
ECHO_MEMORY = 300  # seconds
# Clips that are read in one round trip where all of them are wanted.
SOME = 500
# Where webhooks with a wrong signature are counted.
REFUSALS = "dejabug:webhook-refused"


class Catalogue:
    """The records of issues, and of clips under the encoder of that name."""

    def __init__(self, connection: redis.Redis, encoder: str) -> None:
        self._redis = connection
        self._slug = slug_of(encoder)
        # Where the issues are kept whose words are still to be embedded, a set.
        self.words_waiting = f"dejabug:words-waiting:{self._slug}"
        self._tags = f"dejabug:tags:{self._slug}"
        self._done_words = f"dejabug:words-done:{self._slug}"
        self._noted = f"dejabug:clips-noted:{self._slug}"

    # Issues

    def put_issue(self, issue: IssueRecord) -> None:
        """Remember an issue; a changed key leaves no trace of the old one. Stays watched."""
        old = self.issue(issue.id)
        watched = issue.watched or (old is not None and old.watched)
        flags = {"watched": int(watched), "restricted": int(issue.restricted)}
        mapping: dict[Any, Any] = {**asdict(issue), **flags}
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
        found = _known(IssueRecord, self._hash(_issue_key(issue_id)))
        if not found:
            return None
        flags = {name: found.get(name) == "1" for name in ("watched", "restricted")}
        return IssueRecord(**{**found, **flags})

    def keys_of(self, issue_ids: Collection[str]) -> dict[str, str]:
        """The keys of those of these issues that are known, by id; one round trip."""
        with self._redis.pipeline(transaction=False) as pipe:
            for issue_id in issue_ids:
                pipe.hget(_issue_key(issue_id), "key")
            found = zip(issue_ids, pipe.execute(), strict=True)
            return {issue_id: text_of(key) for issue_id, key in found if key}

    def issue_by_key(self, key: str) -> IssueRecord | None:
        """The issue that has this key now, if known."""
        issue_id = self._redis.get(_key_key(key.upper()))
        return self.issue(text_of(issue_id)) if issue_id else None

    def forget_issue(self, issue_id: str) -> None:
        """Take an issue's own record out; its clips are to be forgotten before."""
        old = self.issue(issue_id)
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(_issue_key(issue_id), _issue_clips_key(issue_id), _words_key(issue_id))
            pipe.delete(_no_media_key(issue_id))
            pipe.srem(self.words_waiting, issue_id)
            pipe.hdel(self._done_words, issue_id)
            pipe.hdel(self._tags, issue_id)
            pipe.srem("dejabug:issues", issue_id)
            pipe.zrem(HIDDEN, issue_id)
            if old is not None:
                pipe.delete(_key_key(old.key))
            pipe.execute()

    def put_hidden(self, issue_id: str) -> None:
        """An issue was hidden from us, or deleted without a word: it may come back."""
        self._redis.zadd(HIDDEN, {issue_id: time.time()})

    def came_back(self, issue_id: str) -> bool:
        """Whether an issue is back that was hidden from us; told once."""
        return bool(self._redis.zrem(HIDDEN, issue_id))

    def hidden_for_long(self) -> list[str]:
        """The issues that were hidden from us too long ago to come back."""
        oldest = time.time() - HIDDEN_MEMORY
        return [text_of(member) for member in self._redis.zrangebyscore(HIDDEN, 0, oldest)]

    def issues_of(self, project: str) -> Iterator[IssueRecord]:
        """The known issues of a project."""
        for issue_id in self._redis.sscan_iter("dejabug:issues", count=1000):
            issue = self.issue(text_of(issue_id))
            if issue is not None and issue.project == project:
                yield issue

    def some_issue_ids(self, cursor: int, size: int) -> tuple[int, list[str]]:
        """About `size` known issues' ids from a cursor on (0: the first), and the next cursor, 0
        at the end."""
        following, members = self._redis.sscan("dejabug:issues", cursor, count=size)
        return int(following), [text_of(member) for member in members]

    def every_issue_id(self) -> Iterator[str]:
        """The ids of all known issues; one that comes or goes meanwhile may be missed."""
        for member in self._redis.sscan_iter("dejabug:issues", count=SOME):
            yield text_of(member)

    def issue_count(self) -> int:
        """How many issues are known."""
        return int(self._redis.scard("dejabug:issues"))

    def put_project(self, project: str) -> None:
        """An issue of this project was known once."""
        self._redis.sadd("dejabug:projects", project)

    def projects(self) -> list[str]:
        """The keys of all projects that an issue was ever known of, in alphabetical order."""
        return sorted(text_of(member) for member in self._redis.smembers("dejabug:projects"))

    # Clips

    def put_clip(self, clip: ClipRecord) -> None:
        """Remember a clip and that it belongs to its issue."""
        with self._redis.pipeline(transaction=True) as pipe:
            self._put_clip(clip, pipe)
            pipe.execute()

    def put_outcome(self, clip: ClipRecord) -> ClipRecord | None:
        """Remember what became of a clip that was worked on; the clip as it is then. None, with
        nothing changed, where it was forgotten or purged meanwhile."""
        key = self._clip_key(clip.id)
        with self._redis.pipeline(transaction=True) as pipe:
            while True:
                pipe.watch(key)  # type: ignore[no-untyped-call]
                row = pipe.hgetall(key)
                now = _clip(row) if row else None
                if now is None or now.status is ClipStatus.PURGED:
                    return None
                # What a purge says is newer than what the job began with.
                done = replace(clip, attached=now.attached, unshown=now.unshown)
                pipe.multi()
                self._put_clip(done, pipe)
                with contextlib.suppress(redis.WatchError):
                    pipe.execute()
                    return done

    def clip(self, clip_id: str) -> ClipRecord | None:
        """What is known of a clip under this encoder."""
        return self.clips([clip_id]).get(clip_id)

    def clips(self, clip_ids: Iterable[str]) -> dict[str, ClipRecord]:
        """What is known of clips under this encoder, by id; one round trip."""
        with self._redis.pipeline(transaction=False) as pipe:
            for clip_id in dict.fromkeys(clip_ids):
                pipe.hgetall(self._clip_key(clip_id))
            records = [_clip(row) for row in pipe.execute() if row]
        return {record.id: record for record in records}

    def clip_ids_of(self, issue_id: str) -> list[str]:
        """The ids of an issue's known clips, in a steady order."""
        return sorted(
            text_of(member) for member in self._redis.smembers(_issue_clips_key(issue_id))
        )

    def clips_of(self, issue_id: str) -> list[ClipRecord]:
        """An issue's clips that are known under this encoder."""
        found = (self.clip(clip_id) for clip_id in self.clip_ids_of(issue_id))
        return [clip for clip in found if clip is not None]

    def forget_clip(self, clip: ClipRecord, *, listed: bool = False) -> None:
        """Take a clip's record out; its name stays `listed` among its issue's clips if wanted."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(self._clip_key(clip.id))
            if not listed:
                pipe.srem(_issue_clips_key(clip.issue_id), clip.id)
            if clip.content:
                pipe.srem(self._content_key(clip.content), clip.id)
            for status in ClipStatus:
                pipe.srem(self.status_key(status), clip.id)
            pipe.zrem(self._noted, clip.id)
            pipe.execute()

    def unlist_clip(self, clip_id: str, issue_id: str) -> None:
        """Take a clip's name out of its issue's."""
        self._redis.srem(_issue_clips_key(issue_id), clip_id)

    def put_no_media(self, issue_id: str, attachment_id: str) -> None:
        """An attachment turned out to be no recording and no picture: it is not asked for again."""
        self._redis.sadd(_no_media_key(issue_id), attachment_id)

    def no_media(self, issue_id: str) -> set[str]:
        """An issue's attachments that turned out to be no recording and no picture."""
        return {text_of(member) for member in self._redis.smembers(_no_media_key(issue_id))}

    def twins(self, content: str) -> list[ClipRecord]:
        """The indexed clips whose file has this SHA-256."""
        members = sorted(text_of(each) for each in self._redis.smembers(self._content_key(content)))
        found = self.clips(members).values()
        return [clip for clip in found if clip.status is ClipStatus.INDEXED]

    def status_key(self, status: ClipStatus) -> str:
        """Where the ids of the clips in this state are kept, a set."""
        return f"dejabug:clips:{self._slug}:{status}"

    def count(self, status: ClipStatus) -> int:
        """How many clips are in this state."""
        return int(self._redis.scard(self.status_key(status)))

    def with_status(self, status: ClipStatus) -> Iterator[ClipRecord]:
        """All clips in this state."""
        cursor, key = 0, self.status_key(status)
        while True:
            cursor, members = self._redis.sscan(key, cursor, count=SOME)
            yield from self.clips(map(text_of, members)).values()
            if cursor == 0:
                return

    def noted(self, skip: int, count: int) -> list[ClipRecord]:
        """Indexed clips of which something was left out, with a note that says so: so many, the
        newest first, after the first `skip`; fewer only at the end."""
        members = self._redis.zrevrange(self._noted, skip, skip + count - 1)
        return list(self.clips(map(text_of, members)).values())

    # Tickets' words

    def put_words(self, issue_id: str, words: str) -> bool:
        """Remember a ticket's words; whether they must be embedded anew under this encoder."""
        digest = digest_of(words)
        done = self._redis.hget(self._done_words, issue_id)
        stale = done is None or text_of(done) != digest
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(_words_key(issue_id), words)
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
        known = self._redis.mget([_words_key(issue_id) for issue_id in wanted])
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
        found = self._redis.get(_words_key(issue_id))
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

    # Inside

    def _put_clip(self, clip: ClipRecord, pipe: Pipeline) -> None:
        flags = {"unshown": int(clip.unshown), "unsure": int(clip.unsure)}
        mapping: dict[Any, Any] = {**asdict(clip), **flags}
        pipe.hset(self._clip_key(clip.id), mapping=mapping)
        pipe.sadd(_issue_clips_key(clip.issue_id), clip.id)
        pipe.sadd(self.status_key(clip.status), clip.id)
        if clip.content:
            pipe.sadd(self._content_key(clip.content), clip.id)
        for status in ClipStatus:
            if status != clip.status:
                pipe.srem(self.status_key(status), clip.id)
        if clip.status is ClipStatus.INDEXED and clip.reason:
            # Jira numbers attachments as they come.
            pipe.zadd(self._noted, {clip.id: int(clip.id) if clip.id.isdecimal() else 0})
        else:
            pipe.zrem(self._noted, clip.id)

    def _clip_key(self, clip_id: str) -> str:
        return f"dejabug:clip:{self._slug}:{clip_id}"

    def _content_key(self, content: str) -> str:
        return f"dejabug:content:{self._slug}:{content}"

    def _hash(self, key: str) -> dict[str, Any]:
        return _texts(self._redis.hgetall(key))


def _texts(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {text_of(name): text_of(value) for name, value in row.items()}


def _clip(row: Mapping[Any, Any]) -> ClipRecord:
    types: dict[str, Any] = {
        "size": int, "frames": int, "duration": float, "status": ClipStatus, "attached": float,
        "unshown": lambda text: text == "1", "unsure": lambda text: text == "1",
    }  # fmt: skip
    found = _known(ClipRecord, _texts(row))
    return ClipRecord(**{name: types.get(name, str)(value) for name, value in found.items()})


def _known(record: type[Any], found: dict[str, Any]) -> dict[str, Any]:
    """The stored fields that a record has today: another version may have written it."""
    names = {field.name for field in fields(record)}
    return {name: value for name, value in found.items() if name in names}


# There while a backup is being restored.
RESTORING = "dejabug:restoring"
# Issues that a webhook or a backfill has promised to look at → when (Unix seconds).
PENDING = "dejabug:pending"
# The same issues → the trace of the promise, so that even a lost job goes on under it.
PENDING_TRACES = "dejabug:pending-traces"
# Those of them that may get a comment from then on, a set.
PENDING_WATCHED = "dejabug:pending-watched"


def event_key(digest: str) -> str:
    """Where one webhook body is remembered by its digest."""
    return f"dejabug:event:{digest}"


def echo_key(comment_id: str) -> str:
    """Where the web notes that it was told of this comment of ours, for the check of webhooks."""
    return f"dejabug:echo:{comment_id}"


def _issue_key(issue_id: str) -> str:
    return f"dejabug:issue:{issue_id}"


def _issue_clips_key(issue_id: str) -> str:
    return f"dejabug:issue-clips:{issue_id}"


def _no_media_key(issue_id: str) -> str:
    return f"dejabug:no-media:{issue_id}"


def _words_key(issue_id: str) -> str:
    return f"dejabug:words:{issue_id}"


def digest_of(words: str) -> str:
    """What a ticket's words are compared by."""
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def _key_key(key: str) -> str:
    return f"dejabug:key:{key}"
