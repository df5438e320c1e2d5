"""Builds QuickTime and MP4 files, box by box, valid or invalid (ISO/IEC 14496-12, Apple's
"QuickTime File Format")."""

from __future__ import annotations

import struct
from collections.abc import Sequence

MATRIX = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def box(kind: bytes, *content: bytes, size: int | None = None) -> bytes:
    """A box; `size` instead of the true one."""
    data = b"".join(content)
    return struct.pack(">I", len(data) + 8 if size is None else size & 0xFFFFFFFF) + kind + data


def box64(kind: bytes, content: bytes, size: int) -> bytes:
    """A box with a size of 64 bits."""
    return struct.pack(">I", 1) + kind + struct.pack(">Q", size & (2**64 - 1)) + content


def full(kind: bytes, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    """A box with version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *content)


def ftyp() -> bytes:
    """What an MP4 begins with."""
    return box(b"ftyp", b"isom\0\0\2\0isomiso2mp41")


def table(*rows: Sequence[int]) -> bytes:
    """A count and that many rows of 32 bits a field."""
    words = [word & 0xFFFFFFFF for row in rows for word in row]
    return struct.pack(f">{len(words) + 1}I", len(rows), *words)


def entry(width: int, height: int, codec: bytes = b"jpeg", more: bytes = b"") -> bytes:
    """A video sample entry."""
    told = struct.pack(">6xH16xHHIIIH32xHh", 1, width, height, 0x480000, 0x480000, 0, 1, 24, -1)
    return box(codec, told, more)


def trak(
    entries: bytes,
    stbl: bytes,
    *,
    number: int = 1,
    duration: int = 2000,
    tick: int = 1000,
    width: int = 128,
    height: int = 96,
    dref: bytes | None = None,
    edits: bytes = b"",
    handler: bytes = b"vide",
    title: bytes = b"v\0",
) -> bytes:
    """A track: its sample entries and the other tables of its samples."""
    span = duration & 0xFFFFFFFF
    reference = full(b"url ", flags=1) if dref is None else dref
    return box(
        b"trak",
        full(b"tkhd", struct.pack(">IIIII", 0, 0, number, 0, span), bytes(16), MATRIX,
             struct.pack(">II", width << 16 & 0xFFFFFFFF, height << 16 & 0xFFFFFFFF), flags=7),
        edits,
        box(
            b"mdia",
            full(b"mdhd", struct.pack(">IIIII", 0, 0, tick & 0xFFFFFFFF, span, 0x55C40000)),
            full(b"hdlr", bytes(4), handler, bytes(12), title),
            box(
                b"minf",
                full(b"vmhd", bytes(8), flags=1),
                box(b"dinf", full(b"dref", struct.pack(">I", 1), reference)),
                box(b"stbl", full(b"stsd", struct.pack(">I", 1), entries), stbl),
            ),
        ),
    )  # fmt: skip


def samples(
    sizes: Sequence[int], offset: int, *, delta: int = 100, stts: bytes | None = None
) -> bytes:
    """The tables of samples that are stored one after another from `offset` on."""
    return b"".join(
        (
            stts or full(b"stts", table((len(sizes), delta))),
            full(b"stsc", table((1, len(sizes), 1))),
            full(b"stsz", struct.pack(">I", 0), table(*((size,) for size in sizes))),
            full(b"stco", table((offset,))),
        )
    )


def mvhd(duration: int = 2000, tick: int = 1000) -> bytes:
    """The movie's own header."""
    times = struct.pack(">IIII", 0, 0, tick & 0xFFFFFFFF, duration & 0xFFFFFFFF)
    return full(b"mvhd", times, struct.pack(">IH", 0x10000, 256), bytes(10), MATRIX, bytes(24),
                struct.pack(">I", 9))  # fmt: skip


def movie(frames: Sequence[bytes], *traks: bytes, more: bytes = b"", header: bytes = b"") -> bytes:
    """A file: frames first, then tracks, whose first frame is at FIRST."""
    return ftyp() + box(b"mdat", *frames) + box(b"moov", header or mvhd(), *traks, more)


FIRST = len(ftyp()) + 8
