"""Previews of clips: made when somebody looks, taken away when nobody has for long."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from dejabug import media
from dejabug.media_store.objects import ObjectReader
from dejabug.records.types import checked_clip_id

PreviewState = Literal["ready", "none", "missing"]
# Seconds after which a folder that a killed process left is certainly nobody's work any more.
ABANDONED = 24 * 3600


@dataclass(frozen=True)
class _Kept:
    """A file of the store; `watched` in Unix seconds, `size` in bytes."""

    path: Path
    watched: float
    size: int


class Previews(Protocol):
    """One MP4 a clip: in a folder (PreviewStore), or as objects (PreviewObjects)."""

    def state(self, clip_id: str) -> PreviewState:
        """`ready`; `none` when no preview of it can be made; `missing` when none was made yet, or
        it was taken away again."""

    def watch(self, clip_id: str) -> Path | ObjectReader | None:
        """The preview, if there is one; to ask for it counts as watching it."""

    def write(self, clip_id: str, source: Path, limits: media.Limits, program: str) -> None:
        """Make a clip's preview from its file. Raises like `media.make_preview`."""

    def give_up(self, clip_id: str) -> None:
        """Remember that no preview of this clip can be made."""

    def forget(self, clip_id: str) -> None:
        """Take away a clip's preview, and what is remembered of it."""

    def prune(self, older_than_seconds: float, most_bytes: int) -> int:
        """Take away what was not watched for that long, then the least recently watched until all
        take `most_bytes` at most; the number of previews taken away.

        Marks of failure as old go too: a newer ffmpeg may succeed.
        """


class PreviewStore:
    """One MP4 a clip, in a folder that all processes of an installation share.

    When a preview was last watched is kept as its file's time of access, set by us: a disk may be
    mounted so that reading does not. The time of change stays, since browsers are told of it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "previews"

    def state(self, clip_id: str) -> PreviewState:
        """As `Previews.state`."""
        if self._of(clip_id).exists():
            return "ready"
        return "none" if self._marker(clip_id).exists() else "missing"

    def watch(self, clip_id: str) -> Path | None:
        """As `Previews.watch`."""
        path = self._of(clip_id)
        try:
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
        except FileNotFoundError:
            return None
        return path

    def write(self, clip_id: str, source: Path, limits: media.Limits, program: str) -> None:
        """As `Previews.write`."""
        target = self._of(clip_id)
        target.parent.mkdir(parents=True, exist_ok=True)
        media.make_preview(source, target, limits=limits, program=program)
        self._marker(clip_id).unlink(missing_ok=True)

    def give_up(self, clip_id: str) -> None:
        """As `Previews.give_up`."""
        marker = self._marker(clip_id)
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()

    def forget(self, clip_id: str) -> None:
        """As `Previews.forget`."""
        self._of(clip_id).unlink(missing_ok=True)
        self._marker(clip_id).unlink(missing_ok=True)

    def prune(self, older_than_seconds: float, most_bytes: int) -> int:
        """As `Previews.prune`."""
        now, gone = time.time(), 0
        kept = sorted(self._kept(), key=lambda one: one.watched)
        total = sum(one.size for one in kept)
        for one in kept:
            if now - one.watched > older_than_seconds or (one.size and total > most_bytes):
                one.path.unlink(missing_ok=True)
                total -= one.size
                gone += one.path.suffix == ".mp4"
        for folder in self._folder.glob(f"*/{media.UNFINISHED}*"):
            with contextlib.suppress(FileNotFoundError):
                if now - folder.stat().st_mtime > ABANDONED:
                    shutil.rmtree(folder, ignore_errors=True)
        return gone

    def _kept(self) -> Iterator[_Kept]:
        for path in self._folder.glob("*/*"):
            if path.suffix not in (".mp4", ".failed"):
                continue
            with contextlib.suppress(FileNotFoundError):
                about = path.stat()
                yield _Kept(path, about.st_atime, about.st_size)

    def _of(self, clip_id: str) -> Path:
        return self._folder / checked_clip_id(clip_id)[-2:] / f"{clip_id}.mp4"

    def _marker(self, clip_id: str) -> Path:
        return self._of(clip_id).with_suffix(".failed")
