"""Background normalisation: how alike a frame, a clip or a ticket is to things in general.

In a studio's backlog most clips show the same few places. A frame that looks like many others (a
menu, the sky, a corridor that every tester walks through) makes every clip that has it look like a
duplicate. So what something has in common with its nearest *other* clips, which are known not to be
its duplicates save one or two, is taken off its similarities: the score normalisation of video copy
detection (Pizzi et al., "The 2023 Video Similarity Dataset and Challenge", 2023) with the local
neighbourhood of CSLS (Conneau et al., "Word Translation Without Parallel Data", ICLR 2018).
"""

from __future__ import annotations

import numpy as np

from dejabug.ranking.types import Floats

# The nearest others that make up the background: second to sixth. The first may be the duplicate.
BACKGROUND_RANKS = slice(1, 6)
# A collection's mean is trusted with n / (n + this) of its length, so that two clips are not
# pushed to opposite sides of their own midpoint.
MEAN_PRIOR_CLIPS = 5
# Collections with fewer others than this have not yet shown what is common in them: for what they
# lack, others are made up that are about as alike as the background is in a collection of a hundred
# clips. So a young project's bot is careful, not sure of everything.
ENOUGH_OTHERS = 50
USUAL_FRAMES = 0.5
USUAL_WORDS = 0.3
# Frames of a clip that stand for it as background of others.
BACKGROUND_FRAMES = 16


def centre(vectors: Floats, origin: Floats) -> Floats:
    """Unit rows [n, d] seen from `origin` [d], as unit rows again; a row at the origin stays 0."""
    return unit_rows(vectors - origin)


def unit_rows(vectors: Floats) -> Floats:
    """Rows [n, d] scaled to length one; a row of (nearly) no length becomes 0."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Floats = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-6)
    return scaled


def trusted_mean(mean: Floats, clips: int) -> Floats:
    """A collection's mean vector [d] over `clips` clips, shortened where they are few."""
    trusted: Floats = mean * np.float32(clips / (clips + MEAN_PRIOR_CLIPS))
    return trusted


def mean_of_ranks(similarities: Floats, usual: float) -> Floats:
    """Similarities [n, others], -inf for what does not count → background [n].

    The mean of those in BACKGROUND_RANKS, counted from the greatest; among them, where the others
    are few, some that are made up at `usual`.
    """
    ranks = BACKGROUND_RANKS.stop
    lacking = max(0.0, 1 - similarities.shape[1] / ENOUGH_OTHERS)
    padding = ((0, 0), (0, int(np.ceil(lacking * ranks))))
    padded = np.pad(similarities, padding, constant_values=np.float32(usual))
    last = padded.shape[1] - ranks
    greatest = np.sort(np.partition(padded, last, axis=1)[:, last:], axis=1)[:, ::-1]
    background: Floats = greatest[:, BACKGROUND_RANKS].mean(axis=1).astype(np.float32)
    return background


def spread(count: int, most: int = BACKGROUND_FRAMES) -> np.ndarray:
    """Indices of at most `most` of `count` frames, spread evenly over all of them."""
    if count <= most:
        return np.arange(count)
    return np.linspace(0, count - 1, most).round().astype(int)
