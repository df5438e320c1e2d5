"""A file → what is in it, as ffmpeg itself tells: ffprobe is not packaged everywhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import ffmpeg

from dejabug.media.child import Outcome
from dejabug.media.ffmpeg import (
    DEMUXERS,
    ClipError,
    Limits,
    check_size,
    command,
    find_ffmpeg,
    no_pictures,
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
# Lines of ffmpeg's description of a file. What the file says of itself, in the names of its tags
# and languages, can pass for such a line: nothing here decides how a file is read, every number has
# a bound, and no pattern looks at a line more than once.
CONTAINER = re.compile(r"^Input #0, (\S{1,200}), from ", re.MULTILINE)
DURATION = re.compile(r"^  Duration: (\d{1,9}):(\d\d):(\d\d(?:\.\d{1,9})?)", re.MULTILINE)
STREAM, VIDEO, COVER = "  Stream #0:", ": Video: ", "(attached pic)"
CODEC = re.compile(r"\w{1,40}")
SIZE = re.compile(r", (\d{1,9})x(\d{1,9})(?: \[SAR (\d{1,9}):(\d{1,9}))?")
RATE = re.compile(r", (\d{1,9}(?:\.\d{1,9})?)(k?) fps")
# ffmpeg 8 writes "displaymatrix", ffmpeg 9 "Display Matrix".
ROTATION = re.compile(
    r"^[ \t]+display ?matrix: rotation of (-?\d{1,9}(?:\.\d{1,9})?) degrees",
    re.MULTILINE | re.IGNORECASE,
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
def probe(
    path: Path,
    *,
    limits: Limits | None = None,
    program: str | None = None,
    deadline: float | None = None,
) -> Probe:
    """Look at a file's head. Raises ClipError when it is neither a video nor a picture, or when it
    is larger or smaller than allowed. `deadline`: see `run`."""
    limits = limits or Limits()
    check_size(path, limits)
    # Nothing is decoded: an output of no length makes ffmpeg describe its input and end.
    demuxer = image_demuxer(path)
    source = open_input(path, demuxer, max_pixels=limits.max_pixels)[FIRST_VIDEO]
    look = ffmpeg.output(source, "pipe:", format="null", c="copy", t=0)
    arguments = command(program or find_ffmpeg(), look, said="info")
    outcome = run(arguments, limits, reads=path, most_output=1, deadline=deadline)
    about = described(outcome.talk, demuxer)
    if about is None:
        raise _unreadable(path, outcome)
    if about.width * about.height > limits.max_pixels:
        raise ClipError(
            "too_many_pixels",
            f"its pictures have {about.width} x {about.height} pixels, more than "
            f"{limits.max_pixels:,}",
        )
    if about.width * about.height == 0:
        raise ClipError("not_a_video", "its pictures have no size")
    if (demuxer or about.container == "gif") and min(about.width, about.height) < SMALLEST_PICTURE:
        raise ClipError(
            "too_small",
            f"a picture of {about.width} x {about.height} pixels is an icon: at least "
            f"{SMALLEST_PICTURE} a side are needed to recognise a scene",
        )
    return about


def described(talk: str, demuxer: str | None) -> Probe | None:
    """What ffmpeg says of a file, which it reads by `demuxer` or by one of its own choice; None
    when it tells of no pictures."""
    video, container = _first_video(talk), demuxer or _container(talk)
    size, codec = SIZE.search(video), CODEC.match(video)
    if not container or size is None or codec is None:
        return None
    width, height = int(size[1]), int(size[2])
    if demuxer:
        # Neither a picture's dots per inch nor ffmpeg's 25 a second mean anything here.
        return Probe(container, codec[0], width, height, duration=None, fps=None)
    if size[3] and int(size[3]) and int(size[4]):
        width = max(1, round(width * int(size[3]) / int(size[4])))
    turned = ROTATION.search(talk)
    # ffmpeg turns pictures by quarters; at any other angle it keeps their size.
    if turned and abs(abs(float(turned[1])) % 180 - 90) < 1:
        width, height = height, width
    duration, rate = DURATION.search(talk), RATE.search(video)
    return Probe(
        container=container,
        codec=codec[0],
        width=width,
        height=height,
        duration=_seconds(duration) if duration else None,
        fps=float(rate[1]) * (1000 if rate[2] else 1) if rate else None,
    )


def _container(talk: str) -> str:
    """The name, or names, of the demuxer that ffmpeg chose; empty when it is none of DEMUXERS."""
    found = CONTAINER.search(talk)
    names = found[1].rstrip(",") if found else ""
    return names if set(names.split(",")) <= set(DEMUXERS.split(",")) else ""


def _first_video(talk: str) -> str:
    """What ffmpeg says of the first video stream that is no cover picture; empty without one."""
    for line in talk.split("\n"):
        if line.startswith(STREAM) and COVER not in line:
            _, _, video = line.partition(VIDEO)
            if video:
                return video
    return ""


def _seconds(found: re.Match[str]) -> float:
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])


def _unreadable(path: Path, outcome: Outcome) -> ClipError:
    with path.open("rb") as file:
        head = file.read(8)
    if "moov atom not found" in outcome.talk and head[4:] in MP4_BOXES:
        otherwise = ClipError(
            "truncated", "the file is cut off before its table of contents (no moov atom)"
        )
    else:
        otherwise = ClipError(
            "not_a_video", "the file is neither a video nor a picture that can be read"
        )
    return no_pictures(outcome, otherwise)
