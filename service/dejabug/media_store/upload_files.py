"""The files of uploads, from the process that receives one to the worker that reads it."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import structlog

from dejabug.infra.temporary_folders import prune_scratch, scratch_folder
from dejabug.media_store.objects import ObjectStore

log = structlog.get_logger()

# Seconds that a file may wait: longer than any job that will still read it.
FILE_KEPT = 3600
# What the file is called in its folder.
FILE = "clip"


class UploadFiles(Protocol):
    """Files by the ids of their uploads: in a folder, or as objects."""

    def waiting(self) -> int:
        """How many wait or are read."""

    def receiving(self, upload_id: str) -> AbstractContextManager[Path]:
        """A folder in which to write FILE. When that ends well, a worker can read it; else nothing
        is left."""

    def reading(self, upload_id: str) -> AbstractContextManager[Path]:
        """The file, for as long as it is read. Where it is gone, there is no such path."""

    def discard(self, upload_id: str) -> None:
        """Delete the file."""

    def prune(self) -> None:
        """Delete files that nobody will read any more."""


class UploadFolder:
    """In a folder that web and workers share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "uploads"

    def waiting(self) -> int:
        """As `UploadFiles.waiting`."""
        return sum(1 for _ in self._folder.glob("*"))

    @contextlib.contextmanager
    def receiving(self, upload_id: str) -> Iterator[Path]:
        """As `UploadFiles.receiving`."""
        folder = self._folder / upload_id
        folder.mkdir(parents=True, mode=0o700)
        try:
            yield folder
        except BaseException:
            self.discard(upload_id)
            raise

    @contextlib.contextmanager
    def reading(self, upload_id: str) -> Iterator[Path]:
        """As `UploadFiles.reading`."""
        yield self._folder / upload_id / FILE

    def discard(self, upload_id: str) -> None:
        """As `UploadFiles.discard`."""
        shutil.rmtree(self._folder / upload_id, ignore_errors=True)

    def prune(self) -> None:
        """As `UploadFiles.prune`."""
        oldest = time.time() - FILE_KEPT
        for folder in self._folder.glob("*"):
            # Another worker's housekeeper may be at it, too.
            with contextlib.suppress(FileNotFoundError):
                if folder.stat().st_mtime < oldest:
                    log.warning("upload_left_over", upload=folder.name)
                    self.discard(folder.name)


class UploadObjects:
    """As objects that live for FILE_KEPT at most; on disk only while one is received or read.

    All but `waiting`, `discard` and `prune` raise StoreAwayError.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def waiting(self) -> int:
        """As `UploadFiles.waiting`."""
        return self._store.short_lived()

    @contextlib.contextmanager
    def receiving(self, upload_id: str) -> Iterator[Path]:
        """As `UploadFiles.receiving`."""
        prune_scratch()  # the web has no housekeeper
        with scratch_folder() as folder:
            yield folder
            try:
                self._store.put_file(_name(upload_id), folder / FILE, lives=FILE_KEPT)
            except BaseException:
                self.discard(upload_id)
                raise

    @contextlib.contextmanager
    def reading(self, upload_id: str) -> Iterator[Path]:
        """As `UploadFiles.reading`."""
        with scratch_folder() as folder:
            self._store.fetch(_name(upload_id), folder / FILE)
            yield folder / FILE

    def discard(self, upload_id: str) -> None:
        """As `UploadFiles.discard`."""
        self._store.forget(_name(upload_id))

    def prune(self) -> None:
        """Nothing to do: the store sweeps what has lived for long enough."""


def _name(upload_id: str) -> str:
    return f"uploads/{upload_id}"
