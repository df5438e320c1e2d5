"""Frames that contain their number, and the colours they should have.

The top third is a bar code: 12 bars, the first bit on the left, bright for 1. The middle third has
six colour patches. In the bottom third a block moves by one cell per frame. They are drawn with one
pixel per cell, and scaled up by ffmpeg, which costs almost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

BITS = 12
PATCHES = (
    (200, 30, 30),
    (30, 180, 30),
    (30, 30, 200),
    (200, 200, 30),
    (128, 128, 128),
    (235, 235, 235),
)
# Cells of a frame; a bar has 4 x 9 of them, a patch 8 x 9.
WIDTH, HEIGHT = 48, 27
BRIGHT, DARK, BACKGROUND, BLOCK = 235, 25, 60, 200
# A bar between these levels is neither bright nor dark: two frames are mixed.
SURELY_DARK, SURELY_BRIGHT = 95, 140

Pixels = npt.NDArray[np.uint8]


def drawn(number: int) -> Pixels:
    """The frame with this number, RGB, uint8 [HEIGHT, WIDTH, 3]."""
    if not 0 <= number < 1 << BITS:
        raise ValueError(f"picture {number} needs more than {BITS} bits")
    third = HEIGHT // 3
    picture = np.full((HEIGHT, WIDTH, 3), BACKGROUND, np.uint8)
    for place in range(BITS):
        bit = number >> (BITS - 1 - place) & 1
        _column(picture[:third], place, BITS)[:] = BRIGHT if bit else DARK
    for place, colour in enumerate(PATCHES):
        _column(picture[third : 2 * third], place, len(PATCHES))[:] = colour
    left = number % (WIDTH - 4)
    picture[2 * third + 2 : -2, left : left + 4] = BLOCK
    return picture


def raw(numbers: Iterable[int]) -> bytes:
    """The frames with these numbers in order, as ffmpeg's rawvideo in rgb24."""
    return b"".join(drawn(number).tobytes() for number in numbers)


def read_number(picture: Pixels) -> int | None:
    """The number on a frame of any size, RGB, uint8 [h, w, 3]; None if a bar is unclear, as in a
    mixture of two frames."""
    height = picture.shape[0]
    bars = picture[height // 12 : height // 4]
    number = 0
    for place in range(BITS):
        # Every line counts: a mean of lines would hide that every other one is from another frame.
        lines = _middle(_column(bars, place, BITS)).mean(axis=(1, 2))
        if lines.min() > SURELY_BRIGHT:
            number |= 1 << (BITS - 1 - place)
        elif lines.max() >= SURELY_DARK:
            return None
    return number


def read_patches(picture: Pixels) -> npt.NDArray[np.float64]:
    """The mean colours of the patches' centres on a frame of any size: float64 [6, 3]."""
    height = picture.shape[0]
    band = picture[round(height * 0.42) : round(height * 0.58)]
    return np.array(
        [_middle(_column(band, place, 6)).mean(axis=(0, 1)) for place in range(len(PATCHES))]
    )


def _column(band: Pixels, place: int, places: int) -> Pixels:
    """The part of a band, uint8 [h, w, 3], at this one of that many positions."""
    width = band.shape[1]
    return band[:, round(width * place / places) : round(width * (place + 1) / places)]


def _middle(part: Pixels) -> Pixels:
    """The middle half of a part's width, where scaling has mixed in no neighbour."""
    quarter = part.shape[1] // 4
    return part[:, quarter : part.shape[1] - quarter]
