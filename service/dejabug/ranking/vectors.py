"""Vectors as the ranking compares them: unit rows, minus an encoder's origin."""

from __future__ import annotations

import numpy as np

from dejabug.ranking.types import Floats

# Frames that represent a clip when it is compared with all others of its project.
STANDING_FRAMES = 16


def centre(vectors: Floats, origin: Floats) -> Floats:
    """Unit rows [n, d] minus `origin` [d], as unit rows again; a row at the origin becomes 0."""
    return unit_rows(vectors - origin)


def unit_rows(vectors: Floats) -> Floats:
    """Rows [n, d] scaled to length one; a row of (nearly) no length becomes 0."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Floats = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-6)
    return scaled


def spread(count: int, most: int = STANDING_FRAMES) -> np.ndarray:
    """Indices of at most `most` of `count` frames, spread evenly over all of them."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(int)
