"""Thumbnails in a bucket: one archive per clip, with a table of contents in Redis.

In a bucket no folder can appear all at once, and a request for each thumbnail of each result would
cost more than the search. So a clip's thumbnails are one uncompressed ZIP archive, which any
program can read. Redis has the table of contents with each thumbnail's position, so that one
request reads one thumbnail.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import NamedTuple, cast

import redis

from dejabug.media_store.objects import ObjectStore
from dejabug.media_store.thumbnails import file_name
from dejabug.records.types import checked_clip_id

# Seconds that Redis keeps a table of contents that was read from the store, or the fact that there
# is none. Tables of archives written here are kept as long as the thumbnails.
READ_SECONDS = 24 * 3600
NOTHING_SECONDS = 3600
# A ZIP file's local header: 26 bytes, then the lengths of the name and of the extra field, then
# these two (APPNOTE.TXT 4.3.7).
LENGTHS = struct.Struct("<HH")
LENGTHS_AT = 26


class Entry(NamedTuple):
    """A thumbnail's position in its archive, in bytes, and its CRC-32."""

    milliseconds: int
    start: int
    end: int
    crc: int

    @property
    def name(self) -> str:
        """The thumbnail's name."""
        return file_name(self.milliseconds / 1000)


class ThumbnailArchives:
    """Implements `thumbnails.ThumbnailFiles` in an object store.

    The table in Redis may be outdated or missing: a thumbnail's checksum is verified, and on a
    mismatch the archive itself is read.
    """

    def __init__(self, store: ObjectStore, connection: redis.Redis) -> None:
        self._store = store
        self._redis = connection

    def replace(self, clip_id: str, files: Mapping[str, bytes]) -> None:
        """As `ThumbnailFiles.replace`."""
        archive = packed(files)
        self._store.put(_name(clip_id), archive)
        self._redis.set(_key(clip_id), json.dumps(contents_of(archive)))

    def read(self, clip_id: str, name: str) -> bytes | None:
        """As `ThumbnailFiles.read`."""
        entry = next((each for each in self._contents(clip_id) if each.name == name), None)
        if entry is None:
            return None
        data = self._store.read(_name(clip_id), entry.start, entry.end)
        if data is not None and zlib.crc32(data) == entry.crc:
            return data
        archive = self._store.read(_name(clip_id))
        self._remember(clip_id, archive)
        return unpacked(archive).get(name)

    def read_all(self, clip_id: str) -> dict[str, bytes]:
        """As `ThumbnailFiles.read_all`."""
        return dict(sorted(unpacked(self._store.read(_name(clip_id))).items()))

    def names(self, clip_id: str) -> list[str]:
        """As `ThumbnailFiles.names`."""
        return [entry.name for entry in self._contents(clip_id)]

    def delete(self, clip_id: str) -> None:
        """As `ThumbnailFiles.delete`."""
        self._store.delete(_name(clip_id))
        self._redis.delete(_key(clip_id))

    def _contents(self, clip_id: str) -> list[Entry]:
        known = cast("bytes | None", self._redis.get(_key(clip_id)))
        if known is not None:
            return [Entry(*each) for each in json.loads(known)]
        return self._remember(clip_id, self._store.read(_name(clip_id)))

    def _remember(self, clip_id: str, archive: bytes | None) -> list[Entry]:
        entries = contents_of(archive) if archive else []
        kept = READ_SECONDS if entries else NOTHING_SECONDS
        self._redis.set(_key(clip_id), json.dumps(entries), ex=kept)
        return entries


def packed(files: Mapping[str, bytes]) -> bytes:
    """Files by name → an uncompressed ZIP archive of them, in the order of their names."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name), files[name])
    return target.getvalue()


def unpacked(data: bytes | None) -> dict[str, bytes]:
    """An archive's files by name; empty for None."""
    if data is None:
        return {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def contents_of(data: bytes) -> list[Entry]:
    """The position of each thumbnail's bytes in an archive."""
    found = []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for each in archive.infolist():
            lengths = LENGTHS.unpack_from(data, each.header_offset + LENGTHS_AT)
            start = each.header_offset + LENGTHS_AT + LENGTHS.size + sum(lengths)
            milliseconds = int(each.filename.removesuffix(".jpg"))
            found.append(Entry(milliseconds, start, start + each.file_size, each.CRC))
    return found


def _name(clip_id: str) -> str:
    return f"pictures/{checked_clip_id(clip_id)[-2:]}/{clip_id}.zip"


def _key(clip_id: str) -> str:
    return f"dejabug:pictures:{clip_id}"
