"""Copies of one recording: re-encoded, cut, darkened, filmed from a screen.

Small grey pictures, four a second, are compared in step: what moves in both at the same time, in
the same places. An encoder's features cannot tell this: frames of one level are as alike as a
frame and its copy.
"""

from __future__ import annotations

from functools import cache
from math import isqrt, prod

import numpy as np

from dejabug.ranking.types import Floats, Signature

# Seconds between two pictures.
STEP = 0.25
# The shorter clip must run beside the other for this share of it, and for so many pictures.
LEAST_SHARE, LEAST_PICTURES = 0.5, 8
# Grey values that a picture must differ by, on the mean, for its pattern to count: below, it is the
# encoder's noise.
LEAST_CONTRAST, LEAST_MOTION = 2.0, 0.08
# One clip may show the other smaller, in a frame: a screen that was filmed, a window on a desktop.
# It is also compared at these shares of its size, where both are at least so alike without. Filmed
# copies are (docs/explanation/quality.md); most other pairs are not, so that few are compared nine times.
SMALLER, WORTH_MORE = (0.94, 0.88, 0.82, 0.75), 0.35


def motion_of(signature: Signature) -> Floats:
    """What changes in a clip: its pictures every STEP seconds [n, 144], each less its mean and over
    its deviation, less the clip's mean picture. Empty for a clip in which nothing moves."""
    shape = len(signature.pictures), prod(signature.pictures.shape[1:])
    pictures: Floats = signature.pictures.reshape(shape).astype(np.float32)
    if len(pictures) < LEAST_PICTURES:
        return pictures[:0]
    times = signature.times
    grid = np.arange(0.0, times[-1] + STEP / 2, STEP)
    # Each moment shows the picture that is nearest to it; half way between two, the later.
    pictures = pictures[np.searchsorted((times[:-1] + times[1:]) / 2, grid, side="right")]
    pictures -= pictures.mean(axis=1, keepdims=True)
    pictures /= np.maximum(pictures.std(axis=1, keepdims=True), LEAST_CONTRAST)
    pictures -= pictures.mean(axis=0)
    if float(np.square(pictures).mean()) < LEAST_MOTION**2:
        return pictures[:0]
    return pictures


def likeness_in_step(first: Floats, second: Floats) -> float:
    """Two clips' motion [m, k], [n, k] → their correlation at the best shift in time, -1 to 1; 0
    where one of them does not move. One may show the other smaller, in the middle of its picture.

    Takes as long as some Fourier transforms of both clips, however long they are.
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
    """The matrix [k, k] by which pictures [n, k] of `side`² pixels are shown at a share of their
    size, in the middle; what lies around them does not move. Bilinear."""
    middle = (side - 1) / 2
    at = (np.arange(side) - middle) / size + middle  # where each new pixel looks
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
    # Shift s: the second begins s pictures after the first; negative ones stand at the end.
    shifts = np.arange(-(n - overlap), m - overlap + 1)
    energy_1, energy_2 = (
        np.concatenate([[0.0], np.cumsum(np.square(each).sum(axis=1))]) for each in (first, second)
    )
    start, stop = np.maximum(shifts, 0), np.minimum(shifts + n, m)
    both = (energy_1[stop] - energy_1[start]) * (energy_2[stop - shifts] - energy_2[start - shifts])
    return float((together[shifts] / np.sqrt(np.maximum(both, 1e-9))).max())
