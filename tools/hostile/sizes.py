"""Frames that claim to be huge or empty, or whose size changes within the file."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping

from tools.hostile import matroska as mkv
from tools.hostile import movie, pictures, riff
from tools.hostile.kinds import Hostile
from tools.hostile.pictures import jpeg

SIDES = {
    "huge": (65535, 65535),
    "wide": (65535, 1),
    "high": (1, 65535),
    "half": (32767, 32767),
    "none": (0, 0),
    "one": (1, 1),
    "no-height": (128, 0),
    "edge": (8192, 8100),  # just above two 8K pictures
    "eight": (8192, 8096),  # just below
}


def sized(bases: Mapping[str, bytes]) -> Iterator[Hostile]:
    """Each size in each container that stores it in a known place."""
    frame = jpeg(128, 96)
    for name, (width, height) in SIDES.items():
        why = f"{width} x {height} pixels"
        tables = movie.samples([len(frame)] * 5, movie.FIRST)
        track = movie.trak(movie.entry(width, height), tables, width=width, height=height)
        frames = [(number * 200, frame) for number in range(5)]
        made = {
            "mp4": movie.movie([frame] * 5, track),
            "mkv": mkv.matroska([mkv.track(width, height)], frames),
            "raw.mkv": mkv.matroska([mkv.track(width, height, codec="V_UNCOMPRESSED")], frames),
            "avi": riff.avi(
                [riff.video(width, height, frames=5)], [riff.chunk(b"00dc", frame)] * 5
            ),
            "raw.avi": riff.avi(
                [riff.video(width, height, frames=5, codec=bytes(4))],
                [riff.chunk(b"00db", frame)] * 5,
            ),
            "gif": pictures.gif(width, height, [(0, 0, width, height, 10)] * 3),
            "png": pictures.png(width, height, rows=b"x\x9c\x03\0\0\0\0\x01"),
            "jpg": _jpeg_sized(width, height),
            "bmp": bases["a.bmp"][:18] + struct.pack("<ii", width, height) + bases["a.bmp"][26:],
        }
        for kind, content in made.items():
            yield Hostile(f"size-{name}.{kind}", "sizes", f"{kind} of {why}", content)
        if "a.webp" in bases:
            canvas = (
                struct.pack("<I", max(0, width - 1))[:3] + struct.pack("<I", max(0, height - 1))[:3]
            )
            extended = b"VP8X" + struct.pack("<II", 10, 0) + canvas + bases["a.webp"][12:]
            webp = b"RIFF" + struct.pack("<I", len(extended) + 4) + b"WEBP" + extended
            yield Hostile(f"size-{name}.webp", "sizes", f"webp canvas of {why}", webp)
    yield from _changing()
    yield from _aspects(frame)


def _jpeg_sized(width: int, height: int) -> bytes:
    """A small JPEG whose frame header (SOF) has another size."""
    told = struct.pack(">HH", height, width)
    return re.sub(
        rb"(\xff\xc0..\x08)....", lambda found: found[1] + told, jpeg(128, 96), flags=re.DOTALL
    )


def _changing() -> Iterator[Hostile]:
    small = jpeg(128, 96)
    grown = {
        "bomb": [small, jpeg(8192, 8096), small],
        "beyond": [small, small, _jpeg_sized(65500, 65500), small],
        "each": [jpeg(64 + 40 * n, 64 + 30 * n) for n in range(40)],
        "tiny": [small, jpeg(1, 1), jpeg(3, 2), small],
        "shape": [jpeg(2000, 16), jpeg(16, 2000)] * 10,
    }
    for name, frames in grown.items():
        timed = [(number * 200, frame) for number, frame in enumerate(frames)]
        why = f"frames whose size changes within the file ({name})"
        content = mkv.matroska([mkv.track(128, 96)], timed)
        yield Hostile(f"size-change-{name}.mkv", "sizes", why, content)
    yield Hostile(
        "size-change.gif",
        "sizes",
        "a GIF whose frames lie outside its canvas",
        pictures.gif(100, 100, [(90, 90, 65000, 65000, 10), (65000, 0, 5, 5, 10)]),
    )


def _aspects(frame: bytes) -> Iterator[Hostile]:
    for name, (across, down) in {"flat": (2**31 - 1, 1), "thin": (1, 2**31 - 1)}.items():
        shown = mkv.element("54B0", across) + mkv.element("54BA", down)
        content = mkv.matroska([mkv.track(128, 96, video=shown)], [(0, frame), (500, frame)])
        why = f"pixels {across} times as wide as {down} high"
        yield Hostile(f"size-aspect-{name}.mkv", "sizes", why, content)
        pasp = movie.box(b"pasp", struct.pack(">II", across, down))
        tables = movie.samples([len(frame)] * 2, movie.FIRST)
        track = movie.trak(movie.entry(128, 96, more=pasp), tables)
        content = movie.movie([frame] * 2, track)
        yield Hostile(f"size-aspect-{name}.mp4", "sizes", why, content)
