"""A file → what is in it, as ffmpeg itself reports: ffprobe is not packaged everywhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import ffmpeg

from dejabug.infra.metrics import stage
from dejabug.media.colours import Colours, colours_of
from dejabug.media.errors import ClipError
from dejabug.media.ffmpeg import DEMUXERS, command, find_ffmpeg, no_pictures, open_input
from dejabug.media.kinds import demuxer_of, image_demuxer
from dejabug.media.limited_process import Limits, Outcome, check_size, run

# ffmpeg's name for the first video stream that is not a cover image.
FIRST_VIDEO = "V:0"
# Codecs of single images: a track of one next to another track is a cover or a thumbnail, whether
# or not the file declares it as one.
PICTURE_CODECS = frozenset({"bmp", "mjpeg", "png", "webp"})
# Images and GIFs with a side below this many pixels are icons and emoji: they show no bug.
SMALLEST_PICTURE = 64
# What an MP4 or MOV file begins with, after four bytes of length.
MP4_BOXES = frozenset((b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"))
# What a segment of a streamed recording begins with, if its header is in another file: a media
# segment of MP4 (ISO/IEC 23009-1), after four bytes of length; a cluster of Matroska.
SEGMENT_BOXES = frozenset((b"styp", b"moof", b"sidx", b"prft", b"emsg"))
CLUSTER = b"\x1f\x43\xb6\x75"
# Lines of ffmpeg's description of a file. What the file says about itself, in its tags and language
# names, can look like such a line. So nothing here decides how a file is read, every number has a
# bound, and no pattern scans a line twice.
CONTAINER = re.compile(r"^Input #0, (\S{1,200}), from ", re.MULTILINE)
DURATION = re.compile(r"^  Duration: (\d{1,9}):(\d\d):(\d\d(?:\.\d{1,9})?)", re.MULTILINE)
START = re.compile(r"^  Duration: [^,\n]{1,40}, start: (\d{1,9}(?:\.\d{1,9})?)", re.MULTILINE)
# ffmpeg 9 indents tracks that refer to one another, such as a timecode and its video: it lists them
# as a "stream group".
STREAM = re.compile(r"^  (?:  )?Stream #0:(\d{1,4})(?!\d).{0,100}?: Video: (.*)$", re.MULTILINE)
COVER = re.compile(r"\((?:attached pic|timed thumbnails|still image)\)")
CODEC = re.compile(r"\w{1,40}")
# DV is interlaced, bottom field first (IEC 61834-2), and ffmpeg does not say so.
DV = "dvvideo"
# Codecs that may be interlaced although neither container nor header says so: only the decoder
# knows, frame by frame.
SCAN_IN_PICTURES = frozenset({"dnxhd", "h264", "mpeg2video", "mpeg4", "vc1", "wmv3"})
# Pixel format, colours, and stored size; then the codec's pixel aspect, in brackets, and the
# container's, which has priority.
PIXELS = re.compile(
    r", (\w{1,20})(?:\(((?:[^()]|\(swapped\)){0,200})\))?, (\d{1,9})x(\d{1,9})(?=[ ,]|$)"
)
SIZE = re.compile(r", (\d{1,9})x(\d{1,9})(?=[ ,]|$)")
CODEC_ASPECT = re.compile(r" \[SAR (\d{1,9}):(\d{1,9}) ")
ASPECT = re.compile(r", SAR (\d{1,9}):(\d{1,9}) DAR ")
# How frames are scanned, e.g. `progressive` or `top first`.
SCAN = re.compile(r"progressive|(?:top|bottom) (?:coded )?first")
RATE = re.compile(r", (\d{1,9}(?:\.\d{1,9})?)(k?) fps")
# A video stream without its codec's settings, which come with a keyframe.
UNSIZED = re.compile(r": Video: (?:h264|hevc|mpeg2video)\b.{0,60}?, none[,\n]")
# ffmpeg 8 writes "displaymatrix", ffmpeg 9 "Display Matrix".
ROTATION = re.compile(
    r"^[ \t]+display ?matrix: rotation of (-?\d{1,9}(?:\.\d{1,9})?) degrees",
    re.MULTILINE | re.IGNORECASE,
)


@dataclass(frozen=True)
class Probe:
    """A clip's properties: `width` and `height` as shown (turned upright, square pixels).

    `duration` in seconds and `fps` in frames a second are None if the file does not say, and for a
    single image. An image's size is as stored: its note of the camera's orientation is read only
    when it is decoded. `container` is the name of ffmpeg's demuxer. `track` is the number of the
    stream that a player shows. `first_field` is the field shown first of interlaced frames, empty
    for others; `scan_untold`: only the decoder can tell which frames are interlaced. `stored_size`:
    width and height before they are turned and stretched. `start`: seconds at which the file's own
    clock begins.
    """

    container: str
    codec: str
    width: int
    height: int
    duration: float | None
    fps: float | None
    track: int = 0
    colours: Colours = field(default=Colours())
    first_field: Literal["", "top", "bottom"] = ""
    scan_untold: bool = False
    stored_size: tuple[int, int] = (0, 0)
    start: float = 0.0

    @property
    def is_image(self) -> bool:
        """Whether it is a single image."""
        return self.container.endswith("_pipe")


@stage("probe")
def probe(
    path: Path,
    *,
    limits: Limits | None = None,
    program: str | None = None,
    deadline: float | None = None,
) -> Probe:
    """Read a file's header. Raises ClipError when it is neither a video nor an image, or when it is
    larger or smaller than the limits. `deadline`: see `run`."""
    limits = limits or Limits()
    check_size(path, limits)
    # Nothing is decoded: an output of length zero makes ffmpeg describe its input and end.
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
            f"its resolution of {about.width} x {about.height} is above the limit of "
            f"{limits.max_pixels:,} pixels per frame",
        )
    if about.width * about.height == 0:
        raise ClipError("not_a_video", "its frames have no size")
    if (demuxer or about.container == "gif") and min(about.width, about.height) < SMALLEST_PICTURE:
        raise ClipError(
            "too_small",
            f"at {about.width} x {about.height} pixels it is an icon: to recognise a scene, each "
            f"side needs at least {SMALLEST_PICTURE} pixels",
        )
    return about


def described(talk: str, demuxer: str | None) -> Probe | None:
    """What ffmpeg reports about a file, read by `demuxer` or by one that ffmpeg chose; None if it
    reports no video."""
    track, video = shown_track(talk)
    container = demuxer or _container(talk)
    size, codec = SIZE.search(video), CODEC.match(video)
    if not container or size is None or codec is None:
        return None
    width, height = stored = int(size[1]), int(size[2])
    pixels = PIXELS.search(video)
    details = (pixels[2] or "") if pixels else ""
    colours = colours_of(pixels[1], details) if pixels else Colours()
    if demuxer:
        # Neither an image's dots per inch nor ffmpeg's default of 25 a second mean anything here.
        return Probe(
            container,
            codec[0],
            width,
            height,
            duration=None,
            fps=None,
            track=track,
            colours=colours,
            stored_size=stored,
        )
    aspect = ASPECT.search(video) or CODEC_ASPECT.search(video)
    if aspect and int(aspect[1]) and int(aspect[2]):
        width = max(1, round(width * int(aspect[1]) / int(aspect[2])))
    # ffmpeg turns frames by quarter turns; at any other angle it keeps their size.
    if abs(abs(rotation_of(talk, track)) % 180 - 90) < 1:
        width, height = height, width
    duration, rate = DURATION.search(talk), RATE.search(video)
    start = START.search(talk)
    return Probe(
        container=container,
        codec=codec[0],
        width=width,
        height=height,
        duration=_seconds(duration) if duration else None,
        fps=float(rate[1]) * (1000 if rate[2] else 1) if rate else None,
        track=track,
        colours=colours,
        first_field="bottom" if codec[0] == DV else _first_field(details),
        scan_untold=codec[0] in SCAN_IN_PICTURES and not SCAN.search(details),
        stored_size=stored,
        start=float(start[1]) if start else 0.0,
    )


def _container(talk: str) -> str:
    """The name, or names, of the demuxer that ffmpeg chose; empty if it is not in DEMUXERS."""
    found = CONTAINER.search(talk)
    names = found[1].rstrip(",") if found else ""
    return names if set(names.split(",")) <= set(DEMUXERS.split(",")) else ""


def shown_track(talk: str) -> tuple[int, str]:
    """The number of the video stream that a player shows, and ffmpeg's description of it: the
    default one, or the first; covers and thumbnails only if there is nothing else. (0, "") if there
    is none."""
    # After the file, ffmpeg describes what it would write, in the same format.
    of_the_file = talk.split("\nOutput #0", 1)[0]
    found = [(int(line[1]), line[2]) for line in STREAM.finditer(of_the_file)]

    def rank(stream: tuple[int, str]) -> tuple[bool, bool, int]:
        number, video = stream
        codec = CODEC.match(video)
        still = codec is not None and codec[0] in PICTURE_CODECS
        return still, "(default)" not in video, number

    return min((s for s in found if not COVER.search(s[1])), key=rank, default=(0, ""))


def rotation_of(talk: str, track: int) -> float:
    """By how many degrees, counterclockwise, this stream's frames are turned to be shown, by
    ffmpeg's description of the file; 0 if it does not say."""
    of_the_file = talk.split("\nOutput #0", 1)[0]
    _, *behind = re.split(
        rf"^  Stream #0:{track}(?!\d)", of_the_file, maxsplit=1, flags=re.MULTILINE
    )
    turned = ROTATION.search(behind[0].split("\n  Stream #", 1)[0]) if behind else None
    return float(turned[1]) if turned else 0.0


def _first_field(details: str) -> Literal["", "top", "bottom"]:
    """The field that is shown first, by ffmpeg's description of the scan: `top first`, or `top
    coded first (swapped)` if the other one is shown first."""
    for first, other in (("top", "bottom"), ("bottom", "top")):
        if f"{first} first" in details or f"{other} coded first (swapped)" in details:
            return first  # type: ignore[return-value]
    return ""


def _seconds(found: re.Match[str]) -> float:
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])


def _unreadable(path: Path, outcome: Outcome) -> ClipError:
    with path.open("rb") as file:
        head = file.read(32)
    if head[4:8] in SEGMENT_BOXES or head.startswith(CLUSTER):
        otherwise = ClipError(
            "unsupported",
            "the file is one segment of a streamed recording; the first part (the init segment, "
            "with the codec's settings) is missing. Export the recording as one file and attach "
            "that",
        )
    elif head[8:16] == b"WEBPVP8X" and demuxer_of(head) is None:
        otherwise = ClipError(
            "unsupported",
            "this ffmpeg cannot read animated WebP: attach a video, or ask your administrator to "
            "install ffmpeg 8 or newer",
        )
    elif UNSIZED.search(outcome.talk):
        otherwise = ClipError(
            "truncated",
            "the file has no keyframe, so none of its frames can be decoded: it is one piece of a "
            "longer recording. Join it with the piece before it and attach that file",
        )
    elif "moov atom not found" in outcome.talk and head[4:8] in MP4_BOXES:
        otherwise = ClipError(
            "truncated", "the file is truncated: its table of contents (moov atom) is missing"
        )
    else:
        otherwise = ClipError("not_a_video", "the file is not a video or image that can be read")
    return no_pictures(outcome, otherwise)
