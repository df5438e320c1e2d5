"""Builds AVI files, chunk by chunk (Microsoft's "AVI RIFF File Reference")."""

from __future__ import annotations

import struct
from collections.abc import Sequence


def chunk(kind: bytes, *content: bytes, size: int | None = None) -> bytes:
    """A chunk, padded to an even length; `size` instead of the true one."""
    data = b"".join(content)
    told = len(data) if size is None else size & 0xFFFFFFFF
    return kind + struct.pack("<I", told) + data + b"\0" * (len(data) % 2)


def listed(kind: bytes, *content: bytes) -> bytes:
    """A list of chunks."""
    return chunk(b"LIST", kind, *content)


def video(
    width: int, height: int, *, frames: int, scale: int = 1, rate: int = 10, codec: bytes = b"MJPG"
) -> bytes:
    """A video stream's headers."""
    header = b"vids" + codec + struct.pack("<12xII4xI8xI8x", scale, rate, frames, 0)
    shape = struct.pack("<IiiHH4sI16x", 40, width, height, 1, 24, codec, 0)
    return listed(b"strl", chunk(b"strh", header), chunk(b"strf", shape))


def subtitles() -> bytes:
    """A stream of text, as a GAB2 chunk needs one."""
    header = b"txts" + bytes(4) + struct.pack("<12xII4xI8xI8x", 1, 10, 1, 0)
    return listed(b"strl", chunk(b"strh", header), chunk(b"strf", b""))


def avi(
    streams: Sequence[bytes],
    chunks: Sequence[bytes],
    *,
    width: int = 128,
    height: int = 96,
    frames: int = 1,
    microseconds: int = 100_000,
) -> bytes:
    """A file of these streams and chunks of data."""
    main = struct.pack(
        "<IIIIIIIIII16x", microseconds, 0, 0, 0, frames, 0, len(streams), 0, width, height
    )
    headers = listed(b"hdrl", chunk(b"avih", main), *streams)
    return chunk(b"RIFF", b"AVI ", headers, listed(b"movi", *chunks))
