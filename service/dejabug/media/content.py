"""Which frames are worth keeping: near-duplicates of the last one and blank frames are not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# Frames whose 32 x 32 grey thumbnails differ by less than this (mean of 0-255) from the last kept
# frame are dropped: 63 % of an idle screen recording, none of moving gameplay.
SAME_PICTURE = 0.75
THUMBNAIL = 32
# A frame is blank when at most this share of its pixels, in each channel, is further than NEAR (of
# 255) from the channel's median: black, white, one flat colour, the end of a fade. Pong's paddles
# and ball are 1 % of its frame; the noise of a compressed black frame is 2 levels.
SPECKS = 0.002
NEAR = 10
# It is not blank if this share stands out by this many levels, which noise never does: a ship of
# thin lines, a plane in the sky, a line of text. A mouse pointer alone is less.
BRIGHT_SPECKS = 0.0004
STANDS_OUT = 40
# Bars at the top and bottom, or at the sides, do not count: at least this share must be left.
LEAST_WITHIN_BARS = 0.5
# Lines of a half-size frame: how much the widths of two bars may differ, and how many lines at a
# bar's edge are blurred.
UNEVEN, EDGE = 2, 2
# In a clip with rich frames, these mark a loading screen or the middle of a fade: the contrast (the
# mean distance from the median) is under this share of the clip's usual one, and
FAINT = 0.12
# at most this share of its pixels is further than NEAR from the median.
SPARSE_SHARE = 0.08


def distinct(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
    """Frames uint8 [n, h, w, 3] → indices of those that differ from the last kept one."""
    thumbnails = _thumbnails(pixels)
    kept = [0]
    for number in range(1, len(thumbnails)):
        if np.abs(thumbnails[number] - thumbnails[kept[-1]]).mean() >= SAME_PICTURE:
            kept.append(number)
    return np.array(kept, dtype=np.intp)


def with_content(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Frames uint8 [n, h, w, 3] → bool [n]: whether each shows something.

    Blank frames do not: black or one colour. In a clip whose other frames are rich, neither do
    those that are almost blank: faint, or with only a word or a spinner. A clip of sparse frames,
    such as an old arcade game, keeps all that are not blank.
    """
    away = np.empty(len(pixels), np.float32)
    bright = np.empty(len(pixels), np.float32)
    contrast = np.empty(len(pixels), np.float32)
    for number, frame in enumerate(pixels):
        inner = _within_bars(_halved(frame)).reshape(-1, 3)
        far = np.abs(inner - np.median(inner, axis=0))
        farthest = far.max(axis=1)
        away[number] = (farthest > NEAR).mean()
        bright[number] = (farthest > STANDS_OUT).mean()
        contrast[number] = far.mean()
    shows = (away > SPECKS) | (bright > BRIGHT_SPECKS)
    if shows.any():
        usual = float(np.median(contrast[shows]))
        shows &= ~((away <= SPARSE_SHARE) & (contrast < FAINT * usual))
    return shows


def _halved(frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """uint8 [h, w, 3] → float32 [h // 2, w // 2, 3], means of 2 x 2 pixels: halves the noise."""
    even = frame[: frame.shape[0] // 2 * 2, : frame.shape[1] // 2 * 2].astype(np.float32)
    rows = even[::2] + even[1::2]
    return np.asarray((rows[:, ::2] + rows[:, 1::2]) / 4, np.float32)


def _within_bars(picture: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A frame, float32 [h, w, 3], without equal bars at opposite edges in the colour of its corner;
    the whole frame if too little would be left."""
    same = (np.abs(picture - picture[0, 0]) <= NEAR).all(axis=2)
    inner = picture[_between_bars(same.all(axis=1)), _between_bars(same.all(axis=0))]
    return inner if inner.size >= LEAST_WITHIN_BARS * picture.size else picture


def _between_bars(bar: npt.NDArray[np.bool_]) -> slice:
    """Which lines, bool [n], belong to a bar → those between two bars of equal width, or all."""
    others = np.flatnonzero(~bar)
    if not len(others) or not 0 < others[0] < len(bar) / 2:
        return slice(None)
    above, below = int(others[0]), len(bar) - 1 - int(others[-1])
    return slice(above + EDGE, -below - EDGE) if abs(above - below) <= UNEVEN else slice(None)


def _thumbnails(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """uint8 [n, h, w, 3] → grey float32 [n, 32, 32], each cell the mean of what it covers."""
    grey = pixels.mean(axis=3, dtype=np.float32)
    rows = np.linspace(0, grey.shape[1], THUMBNAIL, endpoint=False).astype(int)
    columns = np.linspace(0, grey.shape[2], THUMBNAIL, endpoint=False).astype(int)
    sums = np.add.reduceat(np.add.reduceat(grey, rows, axis=1), columns, axis=2)
    heights = np.diff([*rows, grey.shape[1]])
    widths = np.diff([*columns, grey.shape[2]])
    means: npt.NDArray[np.float32] = sums / (heights[:, None] * widths[None, :])
    return means.astype(np.float32)
