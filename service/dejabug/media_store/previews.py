"""Previews of clips: made on demand, deleted when nobody has watched them for a long time."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from dejabug import media
from dejabug.media_store.blobs import BlobReader, BlobStore
from dejabug.records.types import checked_clip_id

PreviewState = Literal["ready", "none", "missing"]


@dataclass(frozen=True)
class PreviewRecord:
    """A clip's preview: its `size` in bytes, 0 if none can be made; `version` as in BlobReader."""

    size: int
    version: str = ""


@dataclass(frozen=True)
class Watched:
    """When a clip's preview was last watched (Unix seconds), and its size in bytes; 0 if none can
    be made."""

    clip_id: str
    at: float
    size: int


class PreviewRecords(Protocol):
    """Stores which previews exist: by their files (FileRecords), or in Redis (RedisRecords)."""

    def find(self, clip_id: str) -> PreviewRecord | None:
        """The record of a clip's preview, if there is one."""

    def note_written(self, clip_id: str, size: int) -> None:
        """Record that the clip has a preview of `size` bytes, watched now."""

    def note_failure(self, clip_id: str) -> None:
        """Record that no preview of the clip can be made."""

    def note_watched(self, clip_id: str) -> None:
        """Record that the clip's preview is watched now; does nothing if it is gone."""

    def delete(self, clip_id: str) -> None:
        """Delete the clip's record."""

    def watched(self) -> Iterable[Watched]:
        """All records, in any order."""


class Previews:
    """One MP4 per clip. If they are in a bucket, `write`, `put` and the result of `watch` raise
    StoreAwayError."""

    def __init__(self, blobs: BlobStore, records: PreviewRecords) -> None:
        self._blobs = blobs
        self._records = records

    def state(self, clip_id: str) -> PreviewState:
        """`ready`; `none` when no preview of it can be made; `missing` when none was made yet, or
        it was deleted."""
        found = self._records.find(checked_clip_id(clip_id))
        if found is None:
            return "missing"
        return "ready" if found.size else "none"

    def watch(self, clip_id: str) -> BlobReader | None:
        """The preview, if there is one; requesting it counts as watching it."""
        found = self._records.find(checked_clip_id(clip_id))
        if found is None or not found.size:
            return None
        self._records.note_watched(clip_id)
        name = preview_name(clip_id)
        return BlobReader(self._blobs, name, found.size, found.version)

    def write(self, clip_id: str, source: Path, limits: media.Limits, program: str) -> None:
        """Make a clip's preview from its file. Raises like `media.make_preview`."""
        with self._blobs.writing(preview_name(clip_id)) as target:
            media.make_preview(source, target, limits=limits, program=program)
            size = target.stat().st_size
        self._records.note_written(clip_id, size)

    def put(self, clip_id: str, preview: BlobReader) -> None:
        """Store a copy of a preview from another store."""
        with self._blobs.writing(preview_name(clip_id)) as target, target.open("wb") as file:
            shutil.copyfileobj(preview, file, preview.size)
        self._records.note_written(clip_id, preview.size)

    def give_up(self, clip_id: str) -> None:
        """Record that no preview of this clip can be made."""
        self._records.note_failure(checked_clip_id(clip_id))

    def forget(self, clip_id: str) -> None:
        """Delete a clip's preview and its record."""
        self._blobs.delete(preview_name(clip_id))
        self._records.delete(clip_id)

    def prune(self, older_than_seconds: float, most_bytes: int) -> int:
        """Delete what was not watched for that long, then the least recently watched until the rest
        takes at most `most_bytes`; returns the number of previews deleted.

        Failures of that age are forgotten too: a newer ffmpeg may succeed.
        """
        oldest, gone = time.time() - older_than_seconds, 0
        kept = sorted(self._records.watched(), key=lambda one: one.at)
        total = sum(one.size for one in kept)
        for one in kept:
            if one.at < oldest or (one.size and total > most_bytes):
                self.forget(one.clip_id)
                total -= one.size
                gone += one.size > 0
        return gone


def preview_name(clip_id: str) -> str:
    """The name of a clip's preview, in folders and buckets alike."""
    return f"previews/{checked_clip_id(clip_id)[-2:]}/{clip_id}.mp4"
