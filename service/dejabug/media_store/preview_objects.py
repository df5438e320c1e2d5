"""Previews of clips as objects, with what is known of each in Redis."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import cast

import redis

from dejabug import media
from dejabug.infra.temporary_folders import scratch_folder
from dejabug.media_store.objects import ObjectReader, ObjectStore
from dejabug.media_store.previews import PreviewState
from dejabug.records.types import checked_clip_id

# By clip: the size in bytes and the version of its preview, or FAILED; and when it was last watched
# (Unix seconds).
KNOWN = "dejabug:previews"
WATCHED = "dejabug:previews-watched"
FAILED = b"none"


class PreviewObjects:
    """As `previews.Previews` wants it, in an object store.

    Redis tells which previews there are: to ask the store for each clip of each answer would cost
    more than the answer. A preview that Redis does not know is made anew, under the same name.
    """

    def __init__(self, store: ObjectStore, connection: redis.Redis) -> None:
        self._store = store
        self._redis = connection

    def state(self, clip_id: str) -> PreviewState:
        """As `Previews.state`."""
        known = self._redis.hget(KNOWN, checked_clip_id(clip_id))
        if known is None:
            return "missing"
        return "none" if known == FAILED else "ready"

    def watch(self, clip_id: str) -> ObjectReader | None:
        """As `Previews.watch`."""
        known = cast("bytes | None", self._redis.hget(KNOWN, checked_clip_id(clip_id)))
        if known is None or known == FAILED:
            return None
        size, _, version = known.decode().partition(" ")
        self._redis.zadd(WATCHED, {clip_id: time.time()}, xx=True)
        return ObjectReader(self._store, _name(clip_id), int(size), version)

    def write(self, clip_id: str, source: Path, limits: media.Limits, program: str) -> None:
        """As `Previews.write`. Raises StoreAwayError."""
        with scratch_folder() as folder:
            target = folder / f"{checked_clip_id(clip_id)}.mp4"
            media.make_preview(source, target, limits=limits, program=program)
            self.put(clip_id, target, time.time())

    def put(self, clip_id: str, file: Path, watched: float) -> None:
        """Keep a file as a clip's preview, last watched then (Unix seconds). Raises
        StoreAwayError."""
        self._store.put_file(_name(clip_id), file)
        self._know(clip_id, f"{file.stat().st_size} {secrets.token_hex(8)}".encode(), watched)

    def give_up(self, clip_id: str) -> None:
        """As `Previews.give_up`."""
        self._know(checked_clip_id(clip_id), FAILED, time.time())

    def forget(self, clip_id: str) -> None:
        """As `Previews.forget`."""
        self._store.forget(_name(clip_id))
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hdel(KNOWN, clip_id)
            pipe.zrem(WATCHED, clip_id)
            pipe.execute()

    def prune(self, older_than_seconds: float, most_bytes: int) -> int:
        """As `Previews.prune`."""
        oldest, gone = time.time() - older_than_seconds, 0
        known = cast("dict[bytes, bytes]", self._redis.hgetall(KNOWN))
        sizes = {clip: int(about.split()[0]) for clip, about in known.items() if about != FAILED}
        total = sum(sizes.values())
        order = self._redis.zrange(WATCHED, 0, -1, withscores=True)
        for clip, watched in cast("list[tuple[bytes, float]]", order):
            size = sizes.get(clip, 0)
            if watched < oldest or (size and total > most_bytes):
                self.forget(clip.decode())
                total -= size
                gone += clip in sizes
        return gone

    def _know(self, clip_id: str, about: bytes, watched: float) -> None:
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(KNOWN, clip_id, about)
            pipe.zadd(WATCHED, {clip_id: watched})
            pipe.execute()


def _name(clip_id: str) -> str:
    return f"previews/{checked_clip_id(clip_id)[-2:]}/{clip_id}.mp4"
