"""A file → its video streams and its rotation, to see which stream was read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import ffmpeg

from dejabug.media.ffmpeg import command, find_ffmpeg, open_input
from dejabug.media.kinds import image_demuxer
from dejabug.media.limited_process import Limits, run
from dejabug.media.probe import CODEC, COVER, SIZE, STREAM, rotation_of, shown_track

# After this line ffmpeg describes its output, whose streams have separate numbers. What a file says
# about itself is indented.
OUTPUT = re.compile(r"^Output #0, ", re.MULTILINE)


@dataclass(frozen=True)
class Track:
    """A video stream: its `number` in the file, and `width` and `height` in pixels as stored.
    `cover`: an image that represents the file, such as a thumbnail, not a recording."""

    number: int
    codec: str
    width: int
    height: int
    default: bool
    cover: bool


@dataclass(frozen=True)
class Tracks:
    """All video streams of a file, and by how many degrees, counterclockwise, the frames of the
    shown one are turned to be upright (0 if the file does not say)."""

    found: tuple[Track, ...]
    rotation: float = 0.0


def read_tracks(path: Path, *, limits: Limits | None = None, program: str | None = None) -> Tracks:
    """List a file's video streams; none if it is not a video. Raises ClipError (timeout)."""
    source = open_input(path, image_demuxer(path))
    look = ffmpeg.output(source["v?"], "pipe:", format="null", c="copy", t=0)
    arguments = command(program or find_ffmpeg(), look, said="info")
    return listed_tracks(run(arguments, limits or Limits(), reads=path, most_output=1).talk)


def listed_tracks(talk: str) -> Tracks:
    """ffmpeg's description of a file → its tracks."""
    about = OUTPUT.split(talk, maxsplit=1)[0]
    found = []
    for line in STREAM.finditer(about):
        codec, size = CODEC.match(line[2]), SIZE.search(line[2])
        if codec is None:
            continue
        track = Track(
            number=int(line[1]),
            codec=codec[0],
            width=int(size[1]) if size else 0,
            height=int(size[2]) if size else 0,
            default="(default)" in line[2],
            cover=COVER.search(line[0]) is not None,
        )
        found.append(track)
    return Tracks(tuple(found), rotation_of(talk, shown_track(talk)[0]))
