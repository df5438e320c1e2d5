"""Records of previews: for a folder in the files themselves, for a bucket in Redis.

A folder shows at once what is in it, and stays right when files are deleted by hand. Asking a
bucket about each clip of each answer would cost more than the answer, and listing is not permitted.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import redis

from dejabug.media_store.previews import PreviewRecord, Watched, preview_name

# By clip: the size in bytes and the version of its preview, or FAILED; and when it was last watched
# (Unix seconds).
KNOWN = "dejabug:previews"
WATCHED = "dejabug:previews-watched"
FAILED = b"none"


class FileRecords:
    """Of previews in a folder; an empty file that ends in `.failed` marks that none can be made.

    The file's access time, which we set, is when a preview was last watched: a disk may be mounted
    so that reads don't update it. The modification time stays, since browsers receive it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, clip_id: str) -> PreviewRecord | None:
        """As `PreviewRecords.find`."""
        try:
            about = self._preview(clip_id).stat()
        except FileNotFoundError:
            return PreviewRecord(0) if self._marker(clip_id).exists() else None
        version = f"{about.st_mtime_ns:x}-{about.st_size:x}"
        return PreviewRecord(about.st_size, version)

    def note_written(self, clip_id: str, size: int) -> None:  # noqa: ARG002 (the file tells)
        """As `PreviewRecords.note_written`."""
        self._marker(clip_id).unlink(missing_ok=True)

    def note_failure(self, clip_id: str) -> None:
        """As `PreviewRecords.note_failure`."""
        marker = self._marker(clip_id)
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()

    def note_watched(self, clip_id: str) -> None:
        """As `PreviewRecords.note_watched`."""
        path = self._preview(clip_id)
        with contextlib.suppress(FileNotFoundError):
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))

    def delete(self, clip_id: str) -> None:
        """As `PreviewRecords.delete`."""
        self._marker(clip_id).unlink(missing_ok=True)

    def watched(self) -> Iterator[Watched]:
        """As `PreviewRecords.watched`."""
        for path in (self._folder / "previews").glob("*/*"):
            if path.suffix == ".failed" and path.with_suffix(".mp4").exists():
                continue  # made after all
            if path.suffix in (".mp4", ".failed") and _is_ours(path):
                with contextlib.suppress(FileNotFoundError):
                    about = path.stat()
                    yield Watched(path.stem, about.st_atime, about.st_size)

    def _preview(self, clip_id: str) -> Path:
        return self._folder / preview_name(clip_id)

    def _marker(self, clip_id: str) -> Path:
        return self._preview(clip_id).with_suffix(".failed")


def _is_ours(path: Path) -> bool:
    """Whether this is the path of a clip's preview: a copy that somebody made, or a file of the
    system, is not."""
    clip_id = path.stem
    return clip_id.isascii() and clip_id.isalnum() and path.parent.name == clip_id[-2:]


class RedisRecords:
    """Of previews in a bucket. A preview that Redis does not know is made again, under the same
    name."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection

    def find(self, clip_id: str) -> PreviewRecord | None:
        """As `PreviewRecords.find`."""
        known = cast("bytes | None", self._redis.hget(KNOWN, clip_id))
        if known is None or known == FAILED:
            return None if known is None else PreviewRecord(0)
        size, _, version = known.decode().partition(" ")
        return PreviewRecord(int(size), version)

    def note_written(self, clip_id: str, size: int) -> None:
        """As `PreviewRecords.note_written`."""
        self._note(clip_id, f"{size} {secrets.token_hex(8)}".encode())

    def note_failure(self, clip_id: str) -> None:
        """As `PreviewRecords.note_failure`."""
        self._note(clip_id, FAILED)

    def note_watched(self, clip_id: str) -> None:
        """As `PreviewRecords.note_watched`."""
        self._redis.zadd(WATCHED, {clip_id: time.time()}, xx=True)

    def delete(self, clip_id: str) -> None:
        """As `PreviewRecords.delete`."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hdel(KNOWN, clip_id)
            pipe.zrem(WATCHED, clip_id)
            pipe.execute()

    def watched(self) -> Iterator[Watched]:
        """As `PreviewRecords.watched`."""
        known = cast("dict[bytes, bytes]", self._redis.hgetall(KNOWN))
        sizes = {clip: int(about.split()[0]) for clip, about in known.items() if about != FAILED}
        found = self._redis.zrange(WATCHED, 0, -1, withscores=True)
        for clip, at in cast("list[tuple[bytes, float]]", found):
            yield Watched(clip.decode(), at, sizes.get(clip, 0))

    def _note(self, clip_id: str, about: bytes) -> None:
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(KNOWN, clip_id, about)
            pipe.zadd(WATCHED, {clip_id: time.time()})
            pipe.execute()
