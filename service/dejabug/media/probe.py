"""A file → what is in it, as ffmpeg itself tells: ffprobe is not packaged everywhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import ffmpeg

from dejabug.media.ffmpeg import (
    TOO_MANY_PIXELS,
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
from dejabug.media.kinds import image_demuxer
from dejabug.metrics import stage

# ffmpeg's name for the first video stream that is no cover picture.
FIRST_VIDEO = "V:0"
# Pictures and GIFs with a side below this many pixels are icons and emoji: they show no bug.
SMALLEST_PICTURE = 64
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

    `duration` in seconds and `fps` in pictures a second are None where the file does not tell, and
    for a single picture, whose sides are as stored: its note of how the camera was held is read
    only when it is decoded. `container` is the name of ffmpeg's demuxer.
    """

    container: str
    codec: str
    width: int
    height: int
    duration: float | None
    fps: float | None

    @property
    def is_image(self) -> bool:
        """Whether it is a single picture."""
        return self.container.endswith("_pipe")


@stage("probe")
def probe(path: Path, *, limits: Limits | None = None, program: str | None = None) -> Probe:
    """Look at a file's head. Raises ClipError when it is neither a video nor a picture, or when it
    is larger or smaller than allowed."""
    limits = limits or Limits()
    check_size(path, limits)
    # Nothing is decoded: an output of no length makes ffmpeg describe its input and end.
    demuxer = image_demuxer(path)
    source = open_input(path, demuxer, max_pixels=limits.max_pixels)[FIRST_VIDEO]
    look = ffmpeg.output(source, "pipe:", format="null", c="copy", t=0)
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
    kind = container[1].rstrip(",")
    if (demuxer or kind == "gif") and min(width, height) < SMALLEST_PICTURE:
        raise ClipError(
            "too_small",
            f"a picture of {width} x {height} pixels is an icon: at least {SMALLEST_PICTURE} a side"
            " are needed to recognise a scene",
        )
    if demuxer:
        # Neither a picture's dots per inch nor ffmpeg's 25 a second mean anything here.
        return Probe(kind, video[1], width, height, duration=None, fps=None)
    if size[3] and int(size[3]) and int(size[4]):
        width = max(1, round(width * int(size[3]) / int(size[4])))
    turned = ROTATION.search(outcome.talk)
    # ffmpeg turns pictures by quarters; at any other angle it keeps their size.
    if turned and abs(abs(float(turned[1])) % 180 - 90) < 1:
        width, height = height, width
    duration, rate = DURATION.search(outcome.talk), RATE.search(video[2])
    return Probe(
        container=kind,
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
    if TOO_MANY_PIXELS.search(outcome.talk):
        return ClipError("too_many_pixels", "its pictures have more pixels than allowed")
    if lacked_memory(outcome):
        return ClipError("memory", "reading it takes more memory than allowed")
    return ClipError("not_a_video", "the file is neither a video nor a picture that can be read")
