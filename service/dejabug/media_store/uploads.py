"""Uploaded files, from the process that receives one to the worker that reads it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from dejabug.media_store.blobs import BlobStore


class Uploads:
    """Files by the ids of their uploads. If they are in a bucket, `receiving` and `reading` raise
    StoreAwayError."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def waiting(self) -> int:
        """How many are waiting or being read."""
        return self._blobs.count_temporary()

    @contextlib.contextmanager
    def receiving(self, upload_id: str) -> Iterator[Path]:
        """A folder to write the file in, as `blobs.FILE`. When the block ends without an error, a
        worker can read it; otherwise nothing is left."""
        with self._blobs.writing(_name(upload_id), temporary=True) as path:
            yield path.parent

    def reading(self, upload_id: str) -> AbstractContextManager[Path]:
        """The file, for as long as it is read. If it is gone, the path does not exist."""
        return self._blobs.fetched(_name(upload_id))

    def discard(self, upload_id: str) -> None:
        """Delete the file."""
        self._blobs.delete(_name(upload_id))


def _name(upload_id: str) -> str:
    return f"uploads/{upload_id}"
