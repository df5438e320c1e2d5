"""All files that are kept about clips: in an object store that all machines reach, or else in a
shared folder."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import redis

from dejabug.media_store.archives import ThumbnailArchives
from dejabug.media_store.blobs import BlobStore
from dejabug.media_store.folder_store import FolderStore
from dejabug.media_store.objects import ObjectStore
from dejabug.media_store.preview_records import FileRecords, RedisRecords
from dejabug.media_store.previews import Previews
from dejabug.media_store.thumbnail_folders import ThumbnailFolders
from dejabug.media_store.thumbnails import Thumbnails
from dejabug.media_store.uploads import Uploads


class MediaStore:
    """Thumbnails of frames, previews of clips, and uploads, each opened when first used.

    `address` is the object store's URL, empty for the folder alone.
    """

    def __init__(self, connection: redis.Redis, address: str, folder: Path) -> None:
        self._redis = connection
        self._address = address
        self._folder = folder

    @cached_property
    def objects(self) -> ObjectStore | None:
        """The object store, if one is set. Raises UserError when its scheme is not supported."""
        return ObjectStore(self._address, self._redis) if self._address else None

    @cached_property
    def thumbnails(self) -> Thumbnails:
        """Thumbnails of frames."""
        if self.objects is not None:
            return Thumbnails(ThumbnailArchives(self.objects, self._redis))
        return Thumbnails(ThumbnailFolders(self._folder))

    @cached_property
    def previews(self) -> Previews:
        """Small copies of clips for browsers."""
        if self.objects is not None:
            return Previews(self._blobs, RedisRecords(self._redis))
        return Previews(self._blobs, FileRecords(self._folder))

    @cached_property
    def uploads(self) -> Uploads:
        """Uploaded clips that somebody searches with."""
        return Uploads(self._blobs)

    def forget(self, clip_id: str) -> None:
        """Delete a clip's thumbnails and its preview."""
        self.thumbnails.forget(clip_id)
        self.previews.forget(clip_id)

    def collect_garbage(self) -> int:
        """As `BlobStore.collect_garbage`."""
        return self._blobs.collect_garbage()

    @cached_property
    def _blobs(self) -> BlobStore:
        return self.objects if self.objects is not None else FolderStore(self._folder)
