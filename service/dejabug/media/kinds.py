"""What an attachment is: by its name for what is worth a download, by its bytes for how to read it.

A single picture is read by the one demuxer that its first bytes name. ffmpeg's own choice would be
`image2` for a file that is named like a picture, which takes a name for a pattern of many files.
"""

from __future__ import annotations

import re
from pathlib import Path

VIDEO_SUFFIXES = re.compile(
    r"\.(3g2|3gp|asf|avi|flv|gif|m2ts|m4v|mkv|mov|mp4|mpe?g|mts|mxf|ogv|ts|webm|wmv)$",
    re.IGNORECASE,
)
IMAGE_SUFFIXES = re.compile(r"\.(bmp|jpe|jpeg|jpg|png|webp)$", re.IGNORECASE)
IMAGE_TYPES = frozenset(
    {"image/bmp", "image/jpeg", "image/jpg", "image/png", "image/webp", "image/x-ms-bmp"}
)
PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
# Lengths of a bitmap's second header (BITMAPCOREHEADER to BITMAPV5HEADER): "BM" alone says little.
BITMAP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})
# The animation bit in the flags of an extended WebP file (RFC 9649, 2.7).
ANIMATED = 0x02


def is_video(filename: str, mime_type: str | None) -> bool:
    """Whether an attachment is a clip, by its type or its name."""
    kind = (mime_type or "").lower()
    named_so = VIDEO_SUFFIXES.search(filename) is not None
    return kind.startswith("video/") or kind == "image/gif" or named_so


def is_image(filename: str, mime_type: str | None) -> bool:
    """Whether an attachment is a screenshot, by its type or its name; a GIF counts as a clip."""
    if is_video(filename, mime_type):
        return False
    return (mime_type or "").lower() in IMAGE_TYPES or IMAGE_SUFFIXES.search(filename) is not None


def is_evidence(filename: str, mime_type: str | None) -> bool:
    """Whether an attachment shows a bug: a clip or a screenshot."""
    return is_video(filename, mime_type) or is_image(filename, mime_type)


def image_demuxer(path: Path) -> str | None:
    """The ffmpeg demuxer of a file that holds one picture, by its first bytes; None for others."""
    with path.open("rb") as file:
        return demuxer_of(file.read(32))


def demuxer_of(head: bytes) -> str | None:
    """The same for a file's first 32 bytes.

    An animated WebP is not one picture: it goes the way of clips.
    """
    if head.startswith(PNG):
        return "png_pipe"
    if head.startswith(JPEG):
        return "jpeg_pipe"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        animated = head[12:16] == b"VP8X" and len(head) > 20 and head[20] & ANIMATED
        return None if animated else "webp_pipe"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in BITMAP_HEADERS:
        return "bmp_pipe"
    return None
