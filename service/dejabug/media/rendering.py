"""A probe → the filters that make a frame look as in a player.

Frames, images in comments, previews and screenshots all use these, so none misses a step. What
ffmpeg does by itself is not repeated: it turns frames upright before the first filter.
"""

from __future__ import annotations

from typing import Any

from dejabug.media.probe import Probe
from dejabug.media.scaling import SCALE_FLAGS
from dejabug.media.tonemapping import shown_in_sdr, tone_mapper

# GIFs and animated PNGs that ask for this many seconds a frame or less: browsers show each frame
# for SLOWED seconds.
FASTEST_DELAY, SLOWED = 0.0101, 0.1
DELAYED = frozenset({"gif", "apng"})


def from_zero(source: Any, about: Probe) -> Any:
    """A video stream whose clock begins with its first frame, at the pace of browsers."""
    if about.container not in DELAYED:
        return source.filter("setpts", "PTS-STARTPTS")
    step = "(PTS-PREV_INPTS)"
    slow = f"if(lte({step}*TB,{FASTEST_DELAY}),{SLOWED}/TB,{step})"
    return source.filter("setpts", f"if(eq(N,0),0,PREV_OUTPTS+{slow})")


def rendered(
    picture: Any,
    about: Probe,
    size: tuple[int | str, int | str],
    program: str,
    *,
    flags: str = SCALE_FLAGS,
) -> Any:
    """Filters that scale a stream's frames to `size` (width, height; numbers, or ffmpeg's terms) in
    square pixels, take one field of interlaced ones, and convert colours to SDR.

    The output is RGB, or YUV tagged with its true matrix and range.
    """
    if about.first_field:
        # The resolution can change within a recording, and `field` would go on reading lines that
        # no longer exist. Frames that already have this size stay as they are.
        picture = picture.filter("scale", *about.stored_size, interl=-1)
        # One field is a clean frame, even if frames were skipped and the neighbours are unknown.
        picture = picture.filter("field", about.first_field)
    elif about.scan_untold:
        # The same, line by line, only for frames that the decoder marks as interlaced.
        picture = picture.filter("estdif", mode="frame", deint="interlaced")
    colours = about.colours
    matrix = colours.matrix_shown(*about.stored_size)
    if matrix:
        # Also replaces a tag for which ffmpeg's converter would refuse the file.
        picture = picture.filter("setparams", colorspace=matrix)
    picture = picture.filter("scale", *size, flags=flags).filter("setsar", 1)
    if colours.curve != "sdr" or colours.gamut:
        picture = shown_in_sdr(picture, colours, tone_mapper(program))
    return picture
