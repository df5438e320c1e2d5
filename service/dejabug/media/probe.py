"""A file → what is in it, as ffmpeg itself tells: ffprobe is not packaged everywhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import ffmpeg

from dejabug.media.ffmpeg import (
    ClipError,
    Limits,
    Outcome,
    check_size,
    command,
    find_ffmpeg,
    lacked_memory,
    open_input,
    run,
)

VIDEO_SUFFIXES = re.compile(
    r"\.(3g2|3gp|asf|avi|flv|gif|m2ts|m4v|mkv|mov|mp4|mpe?g|mts|mxf|ogv|ts|webm|wmv)$",
    re.IGNORECASE,
)
# ffmpeg's name for the first video stream that is no cover picture.
FIRST_VIDEO = "V:0"
# What an MP4 or MOV file begins with, after four bytes of length.
MP4_BOXES = frozenset((b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"))
# Lines of ffmpeg's description. They are indented by two blanks; what a file says of itself in its
# metadata stands deeper, so that it cannot pass for them.
DURATION = re.compile(r"^  Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)", re.MULTILINE)
CONTAINER = re.compile(r"^Input #0, (\S+), from ", re.MULTILINE)
VIDEO = re.compile(
    r"^  Stream #0:\d+[^\n]*?: Video: (\w+)((?![^\n]*\(attached pic\))[^\n]*)$", re.MULTILINE
)
SIZE = re.compile(r", (\d+)x(\d+)(?: \[SAR (\d+):(\d+))?")
RATE = re.compile(r", ([\d.]+)(k?) fps")
# ffmpeg 8 writes "displaymatrix", ffmpeg 9 "Display Matrix".
ROTATION = re.compile(
    r"^\s+display ?matrix: rotation of (-?\d+(?:\.\d+)?) degrees", re.MULTILINE | re.IGNORECASE
)


@dataclass(frozen=True)
class Probe:
    """What a clip is: `width` and `height` as shown (turned upright, square pixels).

    `duration` in seconds and `fps` in pictures a second are None where the file does not tell.
    """

    container: str
    codec: str
    width: int
    height: int
    duration: float | None
    fps: float | None


def is_video(filename: str, mime_type: str | None) -> bool:
    """Whether an attachment is a clip, by its type or its name."""
    kind = (mime_type or "").lower()
    named_so = VIDEO_SUFFIXES.search(filename) is not None
    return kind.startswith("video/") or kind == "image/gif" or named_so


def probe(path: Path, *, limits: Limits | None = None, program: str | None = None) -> Probe:
    """Look at a file's head. Raises ClipError when it is no video or larger than allowed."""
    limits = limits or Limits()
    check_size(path, limits)
    # Nothing is decoded: an output of no length makes ffmpeg describe its input and end.
    look = ffmpeg.output(open_input(path)[FIRST_VIDEO], "pipe:", format="null", c="copy", t=0)
    arguments = command(program or find_ffmpeg(), look, said="info")
    outcome = run(arguments, limits, most_output=1)
    video, container = VIDEO.search(outcome.talk), CONTAINER.search(outcome.talk)
    size = SIZE.search(video[2]) if video else None
    if video is None or container is None or size is None:
        raise _unreadable(path, outcome)
    width, height = int(size[1]), int(size[2])
    if width * height > limits.max_pixels:
        raise ClipError(
            "too_many_pixels",
            f"its pictures have {width} x {height} pixels, more than {limits.max_pixels:,}",
        )
    if width * height == 0:
        raise ClipError("not_a_video", "its pictures have no size")
    if size[3] and int(size[3]) and int(size[4]):
        width = max(1, round(width * int(size[3]) / int(size[4])))
    turned = ROTATION.search(outcome.talk)
    # ffmpeg turns pictures by quarters; at any other angle it keeps their size.
    if turned and abs(abs(float(turned[1])) % 180 - 90) < 1:
        width, height = height, width
    duration, rate = DURATION.search(outcome.talk), RATE.search(video[2])
    return Probe(
        container=container[1].rstrip(","),
        codec=video[1],
        width=width,
        height=height,
        duration=_seconds(duration) if duration else None,
        fps=float(rate[1]) * (1000 if rate[2] else 1) if rate else None,
    )


def _seconds(found: re.Match[str]) -> float:
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])


def _unreadable(path: Path, outcome: Outcome) -> ClipError:
    with path.open("rb") as file:
        head = file.read(8)
    if "moov atom not found" in outcome.talk and head[4:] in MP4_BOXES:
        return ClipError(
            "truncated", "the file is cut off before its table of contents (no moov atom)"
        )
    if lacked_memory(outcome):
        return ClipError("memory", "reading it takes more memory than allowed")
    return ClipError("not_a_video", "ffmpeg finds no video in it")
