"""Thumbnails in a shared folder: a folder per clip, a file per frame.

Reading one opens one file, and any program can show them. In a bucket this would cost a request per
frame, and nothing could replace a clip's frames at once: see `archives`.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from dejabug.records.types import checked_clip_id


class ThumbnailFolders:
    """Implements `thumbnails.ThumbnailFiles` in a folder that all machines share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def replace(self, clip_id: str, files: Mapping[str, bytes]) -> None:
        """As `ThumbnailFiles.replace`: written to a new folder, which is then renamed."""
        folder, fresh = self._of(clip_id), self._unfinished(clip_id)
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        for name, data in files.items():
            (fresh / name).write_bytes(data)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)

    def read(self, clip_id: str, name: str) -> bytes | None:
        """As `ThumbnailFiles.read`."""
        try:
            return (self._of(clip_id) / name).read_bytes()
        except FileNotFoundError:
            return None

    def read_all(self, clip_id: str) -> dict[str, bytes]:
        """As `ThumbnailFiles.read_all`."""
        found = {}
        for path in self._paths(clip_id):
            with contextlib.suppress(FileNotFoundError):  # deleted a moment ago
                found[path.name] = path.read_bytes()
        return found

    def names(self, clip_id: str) -> list[str]:
        """As `ThumbnailFiles.names`."""
        return [path.name for path in self._paths(clip_id)]

    def delete(self, clip_id: str) -> None:
        """As `ThumbnailFiles.delete`."""
        shutil.rmtree(self._of(clip_id), ignore_errors=True)
        shutil.rmtree(self._unfinished(clip_id), ignore_errors=True)

    def _paths(self, clip_id: str) -> list[Path]:
        return sorted(self._of(clip_id).glob("*.jpg"))

    def _unfinished(self, clip_id: str) -> Path:
        folder = self._of(clip_id)
        return folder.with_name(folder.name + ".new")

    def _of(self, clip_id: str) -> Path:
        return self._folder / "pictures" / checked_clip_id(clip_id)[-2:] / clip_id
