"""Single images to build files from, and PNG and GIF chunk by chunk."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from functools import cache

from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"


@cache
def jpeg(width: int, height: int, level: int = 128) -> bytes:
    """A grey JPEG image."""
    target = io.BytesIO()
    Image.new("L", (width, height), level).convert("RGB").save(target, "JPEG", quality=50)
    return target.getvalue()


def chunk(kind: bytes, data: bytes, size: int | None = None) -> bytes:
    """A PNG chunk with its checksum; `size` instead of the true one."""
    told = len(data) if size is None else size
    return struct.pack(">I", told) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(width: int, height: int, depth: int = 8, colour: int = 2, interlaced: int = 0) -> bytes:
    """PNG's IHDR; colour 2 is RGB, 6 RGBA, 3 a palette, 0 grey."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))


def png(width: int, height: int, *chunks: bytes, rows: bytes = b"") -> bytes:
    """A PNG of this size, with more chunks before its pixels; `rows` are compressed."""
    return SIGNATURE + header(width, height) + b"".join(chunks) + chunk(b"IDAT", rows) + END


def gif(
    width: int, height: int, frames: Sequence[tuple[int, int, int, int, int]], *, data: bytes = b""
) -> bytes:
    """A GIF of two colours: each frame left, top, width, height and its delay (1/100 s)."""
    packed = data or b"\x02\x02\x44\x01\x00"
    told = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    for left, top, wide, high, delay in frames:
        told += b"\x21\xf9\x04" + struct.pack("<BHBB", 0, delay, 0, 0)
        told += b"\x2c" + struct.pack("<HHHHB", left, top, wide, high, 0) + packed
    return told + b"\x3b"


END = chunk(b"IEND", b"")
