"""Pictures of frames as objects: all of a clip's in one, with a table of contents in Redis.

A store has no folder that appears whole, and a request for each picture of each result would cost
more than the search. So a clip's pictures are one ZIP archive, not compressed, which any program
reads; and Redis tells the times of a clip's pictures, and where each lies, so that one is read by
one request for its bytes.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt
import redis
import structlog

from dejabug.media_store.objects import ObjectStore, StoreAwayError
from dejabug.media_store.thumbnails import picture_name, small_jpeg, time_of
from dejabug.records.types import checked_clip_id

log = structlog.get_logger()

# Seconds that Redis keeps a table of contents that was read from the store, and that there is
# nothing to read. What was written here is kept as long as the pictures are.
READ_KEPT = 24 * 3600
NOTHING_KEPT = 3600
# A local header of a ZIP file: 26 bytes, then how long the name and the rest are, then those two
# (APPNOTE.TXT 4.3.7).
LENGTHS = struct.Struct("<HH")
LENGTHS_AT = 26


class Spot(NamedTuple):
    """Where a picture lies in its pack: bytes, and their CRC-32."""

    milliseconds: int
    start: int
    end: int
    crc: int


class PicturePacks:
    """As `pictures.Pictures` wants it, in an object store.

    The table in Redis may be older than the pack, or gone: a picture's bytes are checked, and what
    does not fit is looked up in the pack itself.
    """

    def __init__(self, store: ObjectStore, connection: redis.Redis) -> None:
        self._store = store
        self._redis = connection

    def write(
        self,
        clip_id: str,
        times: Sequence[float],
        pixels: Iterable[npt.NDArray[np.uint8]],
        *,
        beside: bool = False,
    ) -> None:
        """As `Pictures.write`."""
        kept = unpacked(self._store.read(_name(clip_id))) if beside else {}
        fresh = {picture_name(t): small_jpeg(p) for t, p in zip(times, pixels, strict=True)}
        self.put(clip_id, kept | fresh)

    def put(self, clip_id: str, pictures: Mapping[str, bytes]) -> None:
        """Keep these JPEGs, by their names in a folder, instead of what the clip had before."""
        self._put(clip_id, packed(pictures))

    def read(self, clip_id: str, time: float) -> bytes | None:
        """As `Pictures.read`."""
        wanted = round(time * 1000)
        spot = next((s for s in self._spots(clip_id) if s.milliseconds == wanted), None)
        if spot is None:
            return None
        data = self._store.read(_name(clip_id), spot.start, spot.end)
        if data is not None and zlib.crc32(data) == spot.crc:
            return data
        pack = self._store.read(_name(clip_id))
        self._remember(clip_id, pack)
        return unpacked(pack).get(picture_name(time))

    def every(self, clip_id: str) -> list[tuple[float, bytes]]:
        """As `Pictures.every`."""
        pictures = unpacked(self._store.read(_name(clip_id)))
        return [(time_of(name), pictures[name]) for name in sorted(pictures)]

    def copy(self, clip_id: str, to: str) -> None:
        """As `Pictures.copy`."""
        pack = self._store.read(_name(clip_id))
        if pack is not None:
            self._put(to, pack)

    def times(self, clip_id: str) -> list[float]:
        """As `Pictures.times`. None while the store is away and Redis does not know them: what is
        found must be told without pictures, rather than not at all."""
        try:
            return [spot.milliseconds / 1000 for spot in self._spots(clip_id)]
        except StoreAwayError as error:
            log.warning("pictures_not_known", clip=clip_id, why=str(error))
            return []

    def forget(self, clip_id: str) -> None:
        """As `Pictures.forget`."""
        self._store.forget(_name(clip_id))
        self._redis.delete(_key(clip_id))

    def _put(self, clip_id: str, pack: bytes) -> None:
        self._store.put(_name(clip_id), pack)
        self._redis.set(_key(clip_id), json.dumps(spots_of(pack)))

    def _spots(self, clip_id: str) -> list[Spot]:
        known = cast("bytes | None", self._redis.get(_key(clip_id)))
        if known is not None:
            return [Spot(*spot) for spot in json.loads(known)]
        return self._remember(clip_id, self._store.read(_name(clip_id)))

    def _remember(self, clip_id: str, pack: bytes | None) -> list[Spot]:
        spots = spots_of(pack) if pack else []
        kept = READ_KEPT if spots else NOTHING_KEPT
        self._redis.set(_key(clip_id), json.dumps(spots), ex=kept)
        return spots


def packed(pictures: Mapping[str, bytes]) -> bytes:
    """Files by name → a ZIP archive that holds them as they are, in the order of their names."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(pictures):
            archive.writestr(zipfile.ZipInfo(name), pictures[name])
    return target.getvalue()


def unpacked(pack: bytes | None) -> dict[str, bytes]:
    """An archive's files by name; none of None."""
    if pack is None:
        return {}
    with zipfile.ZipFile(io.BytesIO(pack)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def spots_of(pack: bytes) -> list[Spot]:
    """Where each picture's bytes lie in an archive."""
    found = []
    with zipfile.ZipFile(io.BytesIO(pack)) as archive:
        for each in archive.infolist():
            lengths = LENGTHS.unpack_from(pack, each.header_offset + LENGTHS_AT)
            start = each.header_offset + LENGTHS_AT + LENGTHS.size + sum(lengths)
            milliseconds = int(each.filename.removesuffix(".jpg"))
            found.append(Spot(milliseconds, start, start + each.file_size, each.CRC))
    return found


def _name(clip_id: str) -> str:
    return f"pictures/{checked_clip_id(clip_id)[-2:]}/{clip_id}.zip"


def _key(clip_id: str) -> str:
    return f"dejabug:pictures:{clip_id}"
