"""Thumbnails: small JPEGs of a clip's frames, kept as long as the clip."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import structlog
from PIL import Image

from dejabug.media_store.objects import StoreAwayError

log = structlog.get_logger()

HEIGHT = 180  # pixels; enough to recognise a scene, about 7 kB a frame
JPEG_QUALITY = 80


class ThumbnailFiles(Protocol):
    """A clip's JPEGs by names like `00001500.jpg`: as files (ThumbnailFolders), or as one object
    (ThumbnailArchives, whose methods raise StoreAwayError, except `delete`)."""

    def replace(self, clip_id: str, files: Mapping[str, bytes]) -> None:
        """Replace all of the clip's files with these, all or none."""

    def read(self, clip_id: str, name: str) -> bytes | None:
        """One of them, or None if there is no such file."""

    def read_all(self, clip_id: str) -> dict[str, bytes]:
        """All of them, in the order of their names."""

    def names(self, clip_id: str) -> list[str]:
        """Their names, in order."""

    def delete(self, clip_id: str) -> None:
        """Delete them."""


class Thumbnails:
    """Small JPEGs of frames by clip and time (seconds). If they are in a bucket, all methods except
    `times` and `forget` raise StoreAwayError."""

    def __init__(self, files: ThumbnailFiles) -> None:
        self._files = files

    def write(
        self,
        clip_id: str,
        times: Sequence[float],
        pixels: Iterable[npt.NDArray[np.uint8]],
        *,
        beside: bool = False,
    ) -> None:
        """Store one per frame (uint8 [height, width, 3]), replacing the clip's earlier ones; with
        `beside`, in addition to them."""
        kept = self._files.read_all(clip_id) if beside else {}
        fresh = {file_name(t): small_jpeg(p) for t, p in zip(times, pixels, strict=True)}
        self._files.replace(clip_id, kept | fresh)

    def put(self, clip_id: str, thumbnails: Iterable[tuple[float, bytes]]) -> None:
        """Store these JPEGs, each with its time, replacing any earlier ones."""
        self._files.replace(clip_id, {file_name(time): data for time, data in thumbnails})

    def read(self, clip_id: str, time: float) -> bytes | None:
        """The JPEG of the frame at this time, or None if there is none."""
        return self._files.read(clip_id, file_name(time))

    def every(self, clip_id: str) -> list[tuple[float, bytes]]:
        """All of a clip's thumbnails with their times, in order, in one read."""
        return [(time_of(name), data) for name, data in self._files.read_all(clip_id).items()]

    def copy(self, clip_id: str, to: str) -> None:
        """Give a clip with the same file the same thumbnails."""
        if files := self._files.read_all(clip_id):
            self._files.replace(to, files)

    def times(self, clip_id: str) -> list[float]:
        """The times of a clip's thumbnails, in order. Empty while the store is unavailable and
        Redis does not know them: results without thumbnails are better than none."""
        try:
            return [time_of(name) for name in self._files.names(clip_id)]
        except StoreAwayError as error:
            log.warning("pictures_not_known", clip=clip_id, why=str(error))
            return []

    def forget(self, clip_id: str) -> None:
        """Delete a clip's thumbnails."""
        self._files.delete(clip_id)


def small_jpeg(frame: npt.NDArray[np.uint8]) -> bytes:
    """A frame (uint8 [height, width, 3]) → its thumbnail."""
    image = Image.fromarray(frame)
    image.thumbnail((round(HEIGHT * 3), HEIGHT), Image.Resampling.BICUBIC)
    target = io.BytesIO()
    image.save(target, "JPEG", quality=JPEG_QUALITY)
    return target.getvalue()


def file_name(time: float) -> str:
    """The name of the thumbnail at this time (seconds), in folders and archives alike."""
    return f"{round(time * 1000):08d}.jpg"


def time_of(name: str) -> float:
    """The time (seconds) of the thumbnail that has this name."""
    return int(name.removesuffix(".jpg")) / 1000
