"""Known clips in Redis, under one encoder: what became of each, which issue has which."""

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
    """The records of clips under the encoder whose names in keys are `slug`."""

    def __init__(self, connection: redis.Redis, slug: str) -> None:
        self._redis = connection
        self._slug = slug
        self._noted = f"dejabug:clips-noted:{slug}"

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
        return sorted(text_of(member) for member in self._redis.smembers(issue_clips_key(issue_id)))

    def clips_of(self, issue_id: str) -> list[ClipRecord]:
        """An issue's clips that are known under this encoder."""
        found = (self.clip(clip_id) for clip_id in self.clip_ids_of(issue_id))
        return [clip for clip in found if clip is not None]

    def forget_clip(self, clip: ClipRecord, *, listed: bool = False) -> None:
        """Take a clip's record out; its name stays `listed` among its issue's clips if wanted."""
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
        """Take a clip's name out of its issue's."""
        self._redis.srem(issue_clips_key(issue_id), clip_id)

    def put_no_media(self, issue_id: str, attachment_id: str) -> None:
        """An attachment turned out to be no recording and no picture: it is not asked for again."""
        self._redis.sadd(no_media_key(issue_id), attachment_id)

    def no_media(self, issue_id: str) -> set[str]:
        """An issue's attachments that turned out to be no recording and no picture."""
        return {text_of(member) for member in self._redis.smembers(no_media_key(issue_id))}

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
            # Jira numbers attachments as they come.
            pipe.zadd(self._noted, {clip.id: int(clip.id) if clip.id.isdecimal() else 0})
        else:
            pipe.zrem(self._noted, clip.id)

    def _clip_key(self, clip_id: str) -> str:
        return f"dejabug:clip:{self._slug}:{clip_id}"

    def _content_key(self, content: str) -> str:
        return f"dejabug:content:{self._slug}:{content}"


def issue_clips_key(issue_id: str) -> str:
    """Where the ids of an issue's clips are kept, a set."""
    return f"dejabug:issue-clips:{issue_id}"


def no_media_key(issue_id: str) -> str:
    """Where the ids of an issue's attachments are kept that are no clips, a set."""
    return f"dejabug:no-media:{issue_id}"


def _clip(row: Mapping[Any, Any]) -> ClipRecord:
    types: dict[str, Any] = {
        "size": int, "frames": int, "duration": float, "status": ClipStatus, "attached": float,
        "unshown": lambda text: text == "1", "unsure": lambda text: text == "1",
    }  # fmt: skip
    found = fields_of(ClipRecord, row)
    return ClipRecord(**{name: types.get(name, str)(value) for name, value in found.items()})
