"""All that is kept of clips as files: in an object store that all machines reach, else in a shared
folder."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import redis

from dejabug.media_store.archives import PicturePacks
from dejabug.media_store.objects import ObjectStore
from dejabug.media_store.preview_objects import PreviewObjects
from dejabug.media_store.previews import Previews, PreviewStore
from dejabug.media_store.thumbnails import Pictures, PictureStore
from dejabug.media_store.upload_files import UploadFiles, UploadFolder, UploadObjects


class MediaStore:
    """Thumbnails of frames, previews of clips, and uploads, each opened when first used.

    `address` is the object store's, empty for the folder alone.
    """

    def __init__(self, connection: redis.Redis, address: str, folder: Path) -> None:
        self._redis = connection
        self._address = address
        self._folder = folder

    @cached_property
    def objects(self) -> ObjectStore | None:
        """The object store, where one is set. Raises UserError when nothing here speaks to it."""
        return ObjectStore(self._address, self._redis) if self._address else None

    @cached_property
    def thumbnails(self) -> Pictures:
        """Pictures of frames."""
        if self.objects is not None:
            return PicturePacks(self.objects, self._redis)
        return PictureStore(self._folder)

    @cached_property
    def previews(self) -> Previews:
        """Small copies of clips for browsers."""
        if self.objects is not None:
            return PreviewObjects(self.objects, self._redis)
        return PreviewStore(self._folder)

    @cached_property
    def uploads(self) -> UploadFiles:
        """Files of clips that somebody searches with."""
        if self.objects is not None:
            return UploadObjects(self.objects)
        return UploadFolder(self._folder)

    def forget(self, clip_id: str) -> None:
        """Delete a clip's thumbnails and its preview."""
        self.thumbnails.forget(clip_id)
        self.previews.forget(clip_id)
