"""Copies the thumbnails and previews in a folder to an object store, for a studio that moves to
one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dejabug.infra.errors import UserError
from dejabug.media_store.store import MediaStore
from dejabug.records.collections import Collections
from dejabug.records.types import ClipStatus

Tell = Callable[[str, int, int], None]


@dataclass
class Copied:
    """How many clips' thumbnails and previews were copied."""

    pictures: int = 0
    previews: int = 0


class MediaCopy:
    """Copies the files of clips from `folder` to the object store of `media`."""

    def __init__(
        self,
        collections: Collections,
        media: MediaStore,
        folder: MediaStore,
    ) -> None:
        self._collections = collections
        self._media = media
        self._folder = folder

    def run(self, tell: Tell) -> Copied:
        """Copy the files of known clips that the store lacks from DEJABUG_DATA_DIR; the folder
        stays.

        Safe to interrupt and run again, also while the service runs. Raises UserError if no store
        is set, and StoreAwayError."""
        folder, store = self._folder, self._media
        if store.objects is None:
            raise UserError(
                "DEJABUG_MEDIA_STORE is not set. Set it to the URL of the object store to copy to"
            )
        copied = Copied()
        known = [
            clip
            for clip in self._collections.active.catalogue.with_status(ClipStatus.INDEXED)
            if not clip.unshown
        ]
        for done, clip in enumerate(known, start=1):
            if folder.thumbnails.times(clip.id) and not store.thumbnails.times(clip.id):
                store.thumbnails.put(clip.id, folder.thumbnails.every(clip.id))
                copied.pictures += 1
            missing = store.previews.state(clip.id) == "missing"
            preview = folder.previews.watch(clip.id) if missing else None
            if preview is not None:
                store.previews.put(clip.id, preview)
                copied.previews += 1
            tell("Copying", done, len(known))
        return copied
