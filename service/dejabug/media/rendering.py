"""A probe → the filters by which a picture looks as a player shows it.

Frames, pictures in comments, previews and screenshots all pass here, so that none forgets a step.
What ffmpeg does by itself is not repeated: it turns pictures upright before the first filter.
"""

from __future__ import annotations

from typing import Any

from dejabug.media.probe import Probe
from dejabug.media.scaling import SCALE_FLAGS
from dejabug.media.tonemapping import shown_in_sdr, tone_mapper

# Of GIFs and animated PNGs that ask for this many seconds a picture or less, browsers show each
# for SLOWED seconds.
FASTEST_DELAY, SLOWED = 0.0101, 0.1
DELAYED = frozenset({"gif", "apng"})


def from_zero(source: Any, about: Probe) -> Any:
    """A video stream whose clock begins with its first picture, at the pace of browsers."""
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
    """Filters that make a stream's pictures `size` (width, height; numbers, or ffmpeg's terms) in
    square pixels, of one field where they are interlaced, in colours of SDR.

    What comes out is RGB, or YUV that bears its true matrix and range.
    """
    if about.first_field:
        # A recording may change its resolution, and `field` would go on reading lines that are no
        # longer there. Nothing is done to pictures that have this size.
        picture = picture.filter("scale", *about.stored_size, interl=-1)
        # One field is a clean picture, also where pictures were skipped and no neighbour is known.
        picture = picture.filter("field", about.first_field)
    elif about.scan_untold:
        # The same, line by line: of pictures that the decoder calls interlaced, and of no others.
        picture = picture.filter("estdif", mode="frame", deint="interlaced")
    colours = about.colours
    matrix = colours.matrix_shown(*about.stored_size)
    if matrix:
        # Also in place of a tag that ffmpeg's converter would refuse the file for.
        picture = picture.filter("setparams", colorspace=matrix)
    picture = picture.filter("scale", *size, flags=flags).filter("setsar", 1)
    if colours.curve != "sdr" or colours.gamut:
        picture = shown_in_sdr(picture, colours, tone_mapper(program))
    return picture
