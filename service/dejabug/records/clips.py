"""Known clips in Redis, for one encoder: their states, and which issue has which clip."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

import redis
from redis.client import Pipeline

from dejabug.index import text_of
from dejabug.records.rows import SOME, fields_of
from dejabug.records.types import ClipRecord, ClipStatus


class Clips:
    """The records of clips with the encoder `slug` (its name in keys)."""

    def __init__(self, connection: redis.Redis, slug: str) -> None:
        self._redis = connection
        self._slug = slug
        self._noted = f"dejabug:clips-noted:{slug}"

    def put_clip(self, clip: ClipRecord) -> None:
        """Store a clip's record, and add it to its issue."""
        with self._redis.pipeline(transaction=True) as pipe:
            self._put_clip(clip, pipe)
            pipe.execute()

    def put_outcome(self, clip: ClipRecord) -> ClipRecord | None:
        """Store the result of indexing a clip; returns the stored record. None, with nothing
        changed, if the clip was deleted or purged meanwhile."""
        key = self._clip_key(clip.id)
        with self._redis.pipeline(transaction=True) as pipe:
            while True:
                pipe.watch(key)  # type: ignore[no-untyped-call]
                row = pipe.hgetall(key)
                now = _clip(row) if row else None
                if now is None or now.status is ClipStatus.PURGED:
                    return None
                # A purge may have changed these fields since the job started.
                done = replace(clip, attached=now.attached, unshown=now.unshown)
                pipe.multi()
                self._put_clip(done, pipe)
                with contextlib.suppress(redis.WatchError):
                    pipe.execute()
                    return done

    def clip(self, clip_id: str) -> ClipRecord | None:
        """A clip's record with this encoder, if known."""
        return self.clips([clip_id]).get(clip_id)

    def clips(self, clip_ids: Iterable[str]) -> dict[str, ClipRecord]:
        """The records of known clips with this encoder, by id; one round trip."""
        with self._redis.pipeline(transaction=False) as pipe:
            for clip_id in dict.fromkeys(clip_ids):
                pipe.hgetall(self._clip_key(clip_id))
            records = [_clip(row) for row in pipe.execute() if row]
        return {record.id: record for record in records}

    def clip_ids_of(self, issue_id: str) -> list[str]:
        """The ids of an issue's known clips, sorted."""
        return sorted(text_of(member) for member in self._redis.smembers(issue_clips_key(issue_id)))

    def clips_of(self, issue_id: str) -> list[ClipRecord]:
        """An issue's clips that are known with this encoder."""
        found = (self.clip(clip_id) for clip_id in self.clip_ids_of(issue_id))
        return [clip for clip in found if clip is not None]

    def forget_clip(self, clip: ClipRecord, *, listed: bool = False) -> None:
        """Delete a clip's record; `listed`: keep its id in its issue's list."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(self._clip_key(clip.id))
            if not listed:
                pipe.srem(issue_clips_key(clip.issue_id), clip.id)
            if clip.content:
                pipe.srem(self._content_key(clip.content), clip.id)
            for status in ClipStatus:
                pipe.srem(self.status_key(status), clip.id)
            pipe.zrem(self._noted, clip.id)
            pipe.execute()

    def unlist_clip(self, clip_id: str, issue_id: str) -> None:
        """Remove a clip's id from its issue's list."""
        self._redis.srem(issue_clips_key(issue_id), clip_id)

    def put_no_media(self, issue_id: str, attachment_id: str) -> None:
        """Record that an attachment is neither a video nor an image, so it isn't read again."""
        self._redis.sadd(no_media_key(issue_id), attachment_id)

    def no_media(self, issue_id: str) -> set[str]:
        """An issue's attachments that are neither a video nor an image."""
        return {text_of(member) for member in self._redis.smembers(no_media_key(issue_id))}

    def twins(self, content: str) -> list[ClipRecord]:
        """The indexed clips whose file has this SHA-256."""
        members = sorted(text_of(each) for each in self._redis.smembers(self._content_key(content)))
        found = self.clips(members).values()
        return [clip for clip in found if clip.status is ClipStatus.INDEXED]

    def status_key(self, status: ClipStatus) -> str:
        """The Redis key of the set of clips in this state."""
        return f"dejabug:clips:{self._slug}:{status}"

    def count(self, status: ClipStatus) -> int:
        """The number of clips in this state."""
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
        """Indexed clips with a note about a skipped part, newest first: `count` of them after the
        first `skip`; fewer only at the end."""
        members = self._redis.zrevrange(self._noted, skip, skip + count - 1)
        return list(self.clips(map(text_of, members)).values())

    def _put_clip(self, clip: ClipRecord, pipe: Pipeline) -> None:
        flags = {"unshown": int(clip.unshown), "unsure": int(clip.unsure)}
        mapping: dict[Any, Any] = {**asdict(clip), **flags}
        pipe.hset(self._clip_key(clip.id), mapping=mapping)
        pipe.sadd(issue_clips_key(clip.issue_id), clip.id)
        pipe.sadd(self.status_key(clip.status), clip.id)
        if clip.content:
            pipe.sadd(self._content_key(clip.content), clip.id)
        for status in ClipStatus:
            if status != clip.status:
                pipe.srem(self.status_key(status), clip.id)
        if clip.status is ClipStatus.INDEXED and clip.reason:
            # Jira's attachment ids increase with time.
            pipe.zadd(self._noted, {clip.id: int(clip.id) if clip.id.isdecimal() else 0})
        else:
            pipe.zrem(self._noted, clip.id)

    def _clip_key(self, clip_id: str) -> str:
        return f"dejabug:clip:{self._slug}:{clip_id}"

    def _content_key(self, content: str) -> str:
        return f"dejabug:content:{self._slug}:{content}"


def issue_clips_key(issue_id: str) -> str:
    """The Redis key of the set of an issue's clips."""
    return f"dejabug:issue-clips:{issue_id}"


def no_media_key(issue_id: str) -> str:
    """The Redis key of the set of an issue's attachments that are not clips."""
    return f"dejabug:no-media:{issue_id}"


def _clip(row: Mapping[Any, Any]) -> ClipRecord:
    types: dict[str, Any] = {
        "size": int, "frames": int, "duration": float, "status": ClipStatus, "attached": float,
        "unshown": lambda text: text == "1", "unsure": lambda text: text == "1",
    }  # fmt: skip
    found = fields_of(ClipRecord, row)
    return ClipRecord(**{name: types.get(name, str)(value) for name, value in found.items()})
