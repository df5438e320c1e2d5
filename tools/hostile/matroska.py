"""Builds Matroska files, element by element, valid or invalid (RFC 9559)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

UNKNOWN = b"\x01\xff\xff\xff\xff\xff\xff\xff"  # a size that means: until the end
SEGMENT, INFO, TRACKS, TRACK, VIDEO = "18538067", "1549A966", "1654AE6B", "AE", "E0"
CLUSTER, TIME, BLOCK = "1F43B675", "E7", "A3"
TAGS, TAG, SIMPLE_TAG, TAG_NAME, TAG_TEXT = "1254C367", "7373", "67C8", "45A3", "4487"
ATTACHMENTS, ATTACHED, FILE_NAME, FILE_TYPE, FILE_DATA = "1941A469", "61A7", "466E", "4660", "465C"
CHAPTERS, EDITION, CHAPTER = "1043A770", "45B9", "B6"


def element(name: str, content: bytes | int | float | str, size: bytes | None = None) -> bytes:
    """An element by its id in hexadecimal; `size` instead of the true one."""
    match content:
        case bool() | int():
            data = content.to_bytes(8, "big", signed=content < 0)
        case float():
            data = struct.pack(">d", content)
        case str():
            data = content.encode()
        case _:
            data = content
    return bytes.fromhex(name) + (size or length(len(data))) + data


def length(number: int) -> bytes:
    """A size in eight bytes."""
    return ((1 << 56) | number).to_bytes(8, "big")


def head(kind: str = "matroska") -> bytes:
    """The EBML header."""
    return element("1A45DFA3", element("4282", kind) + element("4287", 4) + element("4285", 2))


def track(
    width: int,
    height: int,
    *,
    number: int = 1,
    codec: str = "V_MJPEG",
    video: bytes = b"",
    more: bytes = b"",
) -> bytes:
    """A video track's entry."""
    sides = element("B0", width) + element("BA", height) + video
    told = element("D7", number) + element("73C5", number) + element("83", 1)
    return element(TRACK, told + element("86", codec) + element(VIDEO, sides) + more)


def block(milliseconds: int, frame: bytes, number: int = 1, flags: int = 0x80) -> bytes:
    """A SimpleBlock, relative to its cluster."""
    return element(BLOCK, bytes([0x80 | number]) + struct.pack(">hB", milliseconds, flags) + frame)


def cluster(start: int, blocks: bytes) -> bytes:
    """A cluster that starts at `start` ticks."""
    return element(CLUSTER, element(TIME, start) + blocks)


def matroska(
    tracks: Iterable[bytes],
    frames: Sequence[tuple[int, bytes]] = (),
    *,
    duration: float | None = None,
    tick: int = 1_000_000,
    before: bytes = b"",
    info: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """A file of these tracks with frames of the first, each with its time in ticks of `tick`
    nanoseconds and in its own cluster; `before` and `after` go around the clusters."""
    told = element("2AD7B1", tick) + info
    if duration is not None:
        told += element("4489", float(duration))
    clusters = b"".join(cluster(when, block(0, frame)) for when, frame in frames)
    all_tracks = element(TRACKS, b"".join(tracks))
    content = element(INFO, told) + all_tracks + before + clusters + after
    return head() + element(SEGMENT, content)


def tag(name: str, text: str) -> bytes:
    """Tags with one simple tag, of the whole file."""
    simple = element(SIMPLE_TAG, element(TAG_NAME, name) + element(TAG_TEXT, text))
    return element(TAGS, element(TAG, element("63C0", b"") + simple))


def attachment(name: str, kind: str, data: bytes) -> bytes:
    """One attached file."""
    told = element(FILE_NAME, name) + element(FILE_TYPE, kind) + element(FILE_DATA, data)
    return element(ATTACHED, told + element("46AE", 1))
