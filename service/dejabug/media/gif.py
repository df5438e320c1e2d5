"""Walks a GIF's blocks to find whether the file is complete: ffmpeg does not say.

Follows CompuServe's GIF89a specification, whose sections are given below.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

HEADER = 13  # bytes of signature and screen descriptor (17, 18)
EXTENSION, IMAGE, TRAILER = b"\x21", b"\x2c", b"\x3b"  # what a block begins with
DESCRIPTOR = 9  # bytes of an image's descriptor after that (20)


def is_cut_off(path: Path) -> bool:
    """Whether a GIF ends, or turns into something else, within a block. One that ends between two
    blocks only lacks its trailer, which players don't need."""
    size = path.stat().st_size
    with path.open("rb") as file:
        _skip_colours(file, file.read(HEADER)[10:11])
        while kind := file.read(1):
            if kind == TRAILER:
                return False
            if kind == IMAGE:
                _skip_colours(file, file.read(DESCRIPTOR)[8:9])
            elif kind != EXTENSION:
                return True
            file.read(1)  # an extension's label, or the first code's length
            if not _skip_blocks(file) or file.tell() > size:
                return True
    return False


def _skip_colours(file: BinaryIO, packed: bytes) -> None:
    """Skip the colour table that a descriptor's last field announces (18, 20)."""
    if packed and packed[0] & 0x80:
        file.seek(3 << ((packed[0] & 0x07) + 1), 1)


def _skip_blocks(file: BinaryIO) -> bool:
    """Skip data sub-blocks up to their terminator (15, 16); False if there is none."""
    while length := file.read(1):
        if length == b"\0":
            return True
        file.seek(length[0], 1)
    return False
