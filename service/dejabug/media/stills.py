"""A screenshot → its pixels."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dejabug.media.ffmpeg import command, no_frames, open_input
from dejabug.media.limited_process import Limits, run
from dejabug.media.probe import FIRST_VIDEO, Probe
from dejabug.media.rendering import rendered
from dejabug.media.scaling import LONGEST_SIDE, scaling_terms

# A portable pixmap: its own header has its size, also after ffmpeg has turned the image upright.
PIXMAP = re.compile(rb"P6\s(\d{1,9})\s(\d{1,9})\s255\s")
LONGEST_HEAD = 32  # bytes
# How ffmpeg reports that an image ends too early, although it outputs one.
CUT_SHORT = re.compile(r"overread|bad vlc|error (?:dc|y=)|not enough data|truncated", re.IGNORECASE)


def read_still(
    path: Path, about: Probe, *, short_side: int, limits: Limits, program: str, deadline: float
) -> tuple[npt.NDArray[np.uint8], bool]:
    """An image's pixels, RGB uint8 [h, w, 3], and whether the file is truncated.

    Turned upright as the camera noted (EXIF): JPEG by every ffmpeg since 7, PNG and WebP by newer
    ones. Its shorter side becomes `short_side` pixels. Raises ClipError.
    """
    source = open_input(path, about.container, max_pixels=limits.max_pixels)[FIRST_VIDEO]
    shown = rendered(source, about, scaling_terms(short_side), program)
    picture = shown.output("pipe:", format="image2pipe", vcodec="ppm", pix_fmt="rgb24", vframes=1)
    most = LONGEST_HEAD + LONGEST_SIDE * short_side**2 * 3
    arguments = command(program, picture)
    outcome = run(arguments, limits, reads=path, most_output=most, deadline=deadline)
    pixels = read_pixmap(outcome.output)
    if pixels is None:
        raise no_frames(outcome)
    return pixels, outcome.status != 0 or CUT_SHORT.search(outcome.talk) is not None


def read_pixmap(data: bytes) -> npt.NDArray[np.uint8] | None:
    """A portable pixmap's pixels, uint8 [h, w, 3]; None if it is not one, or not complete."""
    head = PIXMAP.match(data)
    if head is None:
        return None
    width, height = int(head[1]), int(head[2])
    if not 0 < width * height * 3 <= len(data) - head.end():
        return None
    pixels = np.frombuffer(data, np.uint8, width * height * 3, head.end())
    return pixels.reshape(height, width, 3).copy()
