"""Copies of one recording: re-encoded, cut, darkened, filmed from a screen.

Small grey images of both clips, four a second, are compared in step: what moves in both at the same
time, in the same places. An encoder's features can't do this: two frames of one level are as
similar as a frame and its copy.
"""

from __future__ import annotations

from functools import cache
from math import isqrt, prod

import numpy as np

from dejabug.ranking.types import Floats, Signature

# Seconds between two images.
STEP = 0.25
# The clips must overlap for at least this share of the shorter one, and for this many images.
LEAST_SHARE, LEAST_PICTURES = 0.5, 8
# Minimum mean difference in grey values for an image's pattern to count: anything below is noise of
# the video encoder.
LEAST_CONTRAST, LEAST_MOTION = 2.0, 0.08
# One clip may show the other scaled down: a filmed screen, a window on a desktop. If two clips are
# already at least this similar, they are also compared at these scales. Filmed copies are
# (docs/explanation/quality.md), but most other pairs are not, so few need nine comparisons.
SMALLER, WORTH_MORE = (0.94, 0.88, 0.82, 0.75), 0.35


def motion_of(signature: Signature) -> Floats:
    """What moves in a clip: its images every STEP seconds [n, 144], each normalised to mean 0 and
    deviation 1, minus the clip's mean image. Empty for a clip in which nothing moves."""
    shape = len(signature.pictures), prod(signature.pictures.shape[1:])
    pictures: Floats = signature.pictures.reshape(shape).astype(np.float32)
    if len(pictures) < LEAST_PICTURES:
        return pictures[:0]
    times = signature.times
    grid = np.arange(0.0, times[-1] + STEP / 2, STEP)
    # Each moment gets the image nearest to it; half way between two, the later one.
    pictures = pictures[np.searchsorted((times[:-1] + times[1:]) / 2, grid, side="right")]
    pictures -= pictures.mean(axis=1, keepdims=True)
    pictures /= np.maximum(pictures.std(axis=1, keepdims=True), LEAST_CONTRAST)
    pictures -= pictures.mean(axis=0)
    if float(np.square(pictures).mean()) < LEAST_MOTION**2:
        return pictures[:0]
    return pictures


def likeness_in_step(first: Floats, second: Floats) -> float:
    """Two clips' motion [m, k], [n, k] → their correlation at the best shift in time, -1 to 1; 0 if
    one of them does not move. One may show the other scaled down, in the middle of its frame.

    Takes as long as a few Fourier transforms of both clips, however long they are.
    """
    plain = _correlation(first, second)
    if plain < WORTH_MORE:
        return plain
    smaller = [_shown_at(size, isqrt(first.shape[1])) for size in SMALLER]
    return max(
        plain,
        *(_correlation(first @ to, second) for to in smaller),
        *(_correlation(first, second @ to) for to in smaller),
    )


@cache
def _shown_at(size: float, side: int) -> Floats:
    """The matrix [k, k] that scales images [n, k] of `side`² pixels down to a share of their size,
    centred; what is around them does not move. Bilinear."""
    middle = (side - 1) / 2
    at = (np.arange(side) - middle) / size + middle  # the source of each new pixel
    inside = (at >= -0.5) & (at <= side - 0.5)
    weights = np.maximum(0, 1 - np.abs(np.arange(side)[:, None] - at.clip(0, side - 1))) * inside
    both: Floats = np.kron(weights, weights).astype(np.float32)
    return both


def _correlation(first: Floats, second: Floats) -> float:
    m, n = len(first), len(second)
    overlap = max(LEAST_PICTURES, int(np.ceil(LEAST_SHARE * min(m, n))))
    if min(m, n) < overlap:
        return 0.0
    size = 1 << (m + n - 1).bit_length()
    products = np.fft.rfft(first, size, axis=0) * np.conj(np.fft.rfft(second, size, axis=0))
    together = np.fft.irfft(products.sum(axis=1))
    # Shift s: the second begins s images after the first; negative shifts are at the end.
    shifts = np.arange(-(n - overlap), m - overlap + 1)
    energy_1, energy_2 = (
        np.concatenate([[0.0], np.cumsum(np.square(each).sum(axis=1))]) for each in (first, second)
    )
    start, stop = np.maximum(shifts, 0), np.minimum(shifts + n, m)
    both = (energy_1[stop] - energy_1[start]) * (energy_2[stop - shifts] - energy_2[start - shifts])
    return float((together[shifts] / np.sqrt(np.maximum(both, 1e-9))).max())
