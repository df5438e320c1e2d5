"""The files of uploads, from the process that receives one to the worker that reads it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from dejabug.media_store.blobs import BlobStore


class Uploads:
    """Files by the ids of their uploads. Where they lie in a bucket, `receiving` and `reading`
    raise StoreAwayError."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def waiting(self) -> int:
        """How many wait or are read."""
        return self._blobs.count_temporary()

    @contextlib.contextmanager
    def receiving(self, upload_id: str) -> Iterator[Path]:
        """A folder in which to write the file, `blobs.FILE`. When that ends well, a worker can read
        it; else nothing is left."""
        with self._blobs.writing(_name(upload_id), temporary=True) as path:
            yield path.parent

    def reading(self, upload_id: str) -> AbstractContextManager[Path]:
        """The file, for as long as it is read. Where it is gone, there is no such path."""
        return self._blobs.fetched(_name(upload_id))

    def discard(self, upload_id: str) -> None:
        """Delete the file."""
        self._blobs.delete(_name(upload_id))


def _name(upload_id: str) -> str:
    return f"uploads/{upload_id}"
