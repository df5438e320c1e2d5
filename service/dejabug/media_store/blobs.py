"""Named files, in a folder or in a bucket: the common interface, and reading one as a file."""

from __future__ import annotations

import errno
import io
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

# Seconds that a temporary blob is kept: longer than any job that will still read it.
TEMPORARY_SECONDS = 3600
# The name of a temporary file in its folder.
FILE = "clip"


class BlobStore(Protocol):
    """Blobs by names like `previews/45/12345.mp4`: in a folder (FolderStore) or a bucket
    (ObjectStore).

    Neither can list blobs: callers know which ones exist. Reading and writing raise StoreAwayError
    if the store is a bucket.
    """

    def writing(self, name: str, *, temporary: bool = False) -> AbstractContextManager[Path]:
        """A path at which to write a blob, replacing an earlier one.

        The blob appears, complete, when the block ends without an error. A temporary one is deleted
        after TEMPORARY_SECONDS even if this process is killed; its path is FILE in a separate
        folder.
        """

    def fetched(self, name: str) -> AbstractContextManager[Path]:
        """A temporary blob as a file, for as long as the block runs. If the blob is gone, the path
        does not exist."""

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes | None:
        """A blob's bytes from `start` to before `end`, or all; None if there is no such blob.
        Beyond its end, empty."""

    def delete(self, name: str) -> None:
        """Delete a blob, if there is one, now or as soon as the store is back."""

    def path(self, name: str) -> Path | None:
        """A blob's file if the store is a folder, whether or not it exists; None for a bucket."""

    def count_temporary(self) -> int:
        """How many temporary blobs there are at most."""

    def collect_garbage(self) -> int:
        """Delete what has expired, what could not be deleted before, and what killed processes
        left; returns how many. While the store is unavailable, does nothing: housekeeping must not
        wait for it."""


class BlobReader(io.RawIOBase):
    """A blob of known size (bytes) as a file to read and to seek in.

    Each read requests one range from the store, so read in large blocks. `version` differs when the
    bytes do; `path` is the file if it is on this machine. Reading raises FileNotFoundError when the
    blob is gone, and StoreAwayError.
    """

    def __init__(self, store: BlobStore, name: str, size: int, version: str) -> None:
        super().__init__()
        self.size, self.version = size, version
        self.path = store.path(name)
        self._store, self._name, self._at = store, name, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """To `offset` bytes from the beginning, from here or from the end."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, or all that follow."""
        end = self.size if size < 0 else min(self.size, self._at + size)
        if self._at >= end:
            return b""
        data = self._store.read(self._name, self._at, end)
        if data is None:
            raise FileNotFoundError(errno.ENOENT, "the blob no longer exists", self._name)
        self._at += len(data)
        return data
