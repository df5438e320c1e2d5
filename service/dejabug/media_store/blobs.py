"""Named files, in a folder or in a bucket: what both can do, and a file of one to be read."""

from __future__ import annotations

import errno
import io
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

# Seconds that a temporary blob may wait: longer than any job that will still read it.
TEMPORARY_SECONDS = 3600
# What a file is called in a folder of its own.
FILE = "clip"


class BlobStore(Protocol):
    """Blobs by names like `previews/45/12345.mp4`: in a folder (FolderStore) or a bucket
    (ObjectStore).

    None has a way to list blobs: what there is, the callers know. Reading and writing raise
    StoreAwayError where the store is a bucket.
    """

    def writing(self, name: str, *, temporary: bool = False) -> AbstractContextManager[Path]:
        """A path at which to write a blob, in place of what was there.

        The blob is there when the block has ended well, and then whole. A temporary one goes after
        TEMPORARY_SECONDS, whatever becomes of us; its path is FILE in a folder of its own.
        """

    def fetched(self, name: str) -> AbstractContextManager[Path]:
        """A temporary blob as a file, for as long as the block runs. Where it is gone, there is no
        such path."""

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes | None:
        """A blob's bytes from `start` to before `end`, or all; None when there is no such blob.
        Beyond its end there are none."""

    def delete(self, name: str) -> None:
        """Delete a blob, if there is one, now or as soon as the store is back."""

    def path(self, name: str) -> Path | None:
        """A blob's file, where it lies on this machine, there or not; None in a bucket."""

    def count_temporary(self) -> int:
        """How many temporary blobs there are at most."""

    def collect_garbage(self) -> int:
        """Delete what has expired, what could not be deleted before, and what killed processes
        left; how many. While the store is away, nothing: housekeeping must not wait for it."""


class BlobReader(io.RawIOBase):
    """A blob of known size (bytes) as a file to read and to seek in.

    Each reading asks the store for one range, so read in large blocks. `version` differs when the
    bytes do; `path` is its file where that lies on this machine. Reading raises FileNotFoundError
    when the blob has gone, and StoreAwayError.
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
            raise FileNotFoundError(errno.ENOENT, "the blob has gone", self._name)
        self._at += len(data)
        return data
