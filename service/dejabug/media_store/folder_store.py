"""Blobs as files in a folder that all machines of an installation share: DEJABUG_DATA_DIR.

Does not use fsspec's local file system: it reads as fast, but its writes are not atomic, and it
copies files where this code renames them or writes them in place.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import structlog

from dejabug.media import UNFINISHED
from dejabug.media_store.blobs import FILE, TEMPORARY_SECONDS

log = structlog.get_logger()

# The folder of temporary blobs, each as FILE in a separate folder, where it is written while it is
# received. Nothing uses what is older than TEMPORARY_SECONDS.
TEMPORARY = "uploads"
# Seconds after which a folder that a killed process left is certainly unused.
ABANDONED_SECONDS = 24 * 3600


class FolderStore:
    """A BlobStore in a folder. Raises OSError, for example when the disk is full."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextlib.contextmanager
    def writing(self, name: str, *, temporary: bool = False) -> Iterator[Path]:
        """As `BlobStore.writing`."""
        path = self._folder / name
        if temporary:
            path.mkdir(parents=True, mode=0o700)
            try:
                yield path / FILE
            except BaseException:
                self.delete(name)
                raise
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=path.parent) as folder:
                fresh = Path(folder) / path.name
                yield fresh
                fresh.replace(path)

    @contextlib.contextmanager
    def fetched(self, name: str) -> Iterator[Path]:
        """As `BlobStore.fetched`."""
        yield self._folder / name / FILE

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes | None:
        """As `BlobStore.read`."""
        try:
            with (self._folder / name).open("rb") as file:
                file.seek(start or 0)
                return file.read(-1 if end is None else max(0, end - file.tell()))
        except FileNotFoundError:
            return None

    def delete(self, name: str) -> None:
        """As `BlobStore.delete`."""
        path = self._folder / name
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)

    def path(self, name: str) -> Path | None:
        """The blob's file."""
        return self._folder / name

    def count_temporary(self) -> int:
        """As `BlobStore.count_temporary`."""
        return sum(1 for _ in (self._folder / TEMPORARY).glob("*"))

    def collect_garbage(self) -> int:
        """As `BlobStore.collect_garbage`."""
        gone = 0
        for folder in self._older_than(TEMPORARY_SECONDS, f"{TEMPORARY}/*"):
            log.warning("upload_left_over", upload=folder.name)
            shutil.rmtree(folder, ignore_errors=True)
            gone += 1
        for folder in self._older_than(ABANDONED_SECONDS, f"previews/*/{UNFINISHED}*"):
            shutil.rmtree(folder, ignore_errors=True)
            gone += 1
        return gone

    def _older_than(self, seconds: float, pattern: str) -> Iterator[Path]:
        oldest = time.time() - seconds
        for path in self._folder.glob(pattern):
            # Another worker may clean up at the same time.
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < oldest:
                    yield path
