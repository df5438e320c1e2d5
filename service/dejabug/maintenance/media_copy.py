"""The pictures and previews of a folder → an object store, for a studio that moves to one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import redis

from dejabug.infra.errors import UserError
from dejabug.media_store.archives import PicturePacks
from dejabug.media_store.preview_objects import PreviewObjects
from dejabug.media_store.previews import PreviewStore
from dejabug.media_store.store import MediaStore
from dejabug.media_store.thumbnails import PictureStore
from dejabug.records.collections import Collections
from dejabug.records.types import ClipStatus
from dejabug.settings import Settings

Tell = Callable[[str, int, int], None]


@dataclass
class Copied:
    """How many clips' pictures and previews were copied."""

    pictures: int = 0
    previews: int = 0


class MediaCopy:
    """Copies what is kept of clips from the folder to the object store."""

    def __init__(
        self,
        connection: redis.Redis,
        collections: Collections,
        media: MediaStore,
        settings: Settings,
    ) -> None:
        self._redis = connection
        self._collections = collections
        self._media = media
        self._settings = settings

    def run(self, tell: Tell) -> Copied:
        """Copy what DEJABUG_DATA_DIR has of known clips and the store has not; the folder stays.

        Broken off, it goes on where it was; the service may run meanwhile. Raises UserError where
        no store is set, and StoreAwayError."""
        if self._media.objects is None:
            raise UserError("DEJABUG_MEDIA_STORE is not set: there is nowhere to copy to")
        packs = PicturePacks(self._media.objects, self._redis)
        objects = PreviewObjects(self._media.objects, self._redis)
        pictures = PictureStore(self._settings.data_dir)
        previews = PreviewStore(self._settings.data_dir)
        copied = Copied()
        known = [
            clip
            for clip in self._collections.active.catalogue.with_status(ClipStatus.INDEXED)
            if not clip.unshown
        ]
        for done, clip in enumerate(known, start=1):
            files = pictures.files(clip.id)
            if files and not packs.times(clip.id):
                packs.put(clip.id, {path.name: path.read_bytes() for path in files})
                copied.pictures += 1
            found = previews.watch(clip.id) if objects.state(clip.id) == "missing" else None
            if found is not None:
                objects.put(clip.id, found, time.time())
                copied.previews += 1
            tell("Copying", done, len(known))
        return copied
