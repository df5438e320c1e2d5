"""What two images have in common, and what is unusual in them, patch by patch, for people to see.

No score uses this. A patch is compared with all patches of another image, wherever they are, and
its best counterpart counts (late interaction: Khattab and Zaharia, "ColBERT", SIGIR 2020).

Most of two images from one game is similar: its sky, its walls, its status bar. What a patch has in
common with other tickets' clips is usual, and is subtracted, as `reference` does for clips.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dejabug.ranking.types import Floats
from dejabug.ranking.vectors import centre

# Ranks, among other tickets' clips, nearest first, that define what is usual: the second to fourth.
# The first may show the same bug.
USUAL_RANKS = slice(1, 4)
# Patches less similar than this have nothing in common: a quarter of the patches in two unrelated
# images of the demo's games reach it.
LEAST = 0.4
# A patch this much more similar than usual has the full colour: one in fifty, in pairs of the
# demo's clips that show the same bug.
FULL = 0.4
# A patch's similarity to other tickets' clips if it is not unusual at all, and if it is fully
# unusual: one patch in ten and one in twenty of the demo's.
COMMON, UNSEEN = 0.8, 0.2


def centre_patches(patches: Floats, origin: Floats) -> Floats:
    """An image's patches, float32 [rows, columns, d], minus `origin` [d], as unit vectors."""
    rows, columns, d = patches.shape
    return centre(patches.reshape(rows * columns, d), origin).reshape(patches.shape)


def likeness_of_patches(here: Floats, there: Floats) -> tuple[Floats, Floats]:
    """Two images' patches, unit vectors [rows, columns, d] each → each patch's greatest cosine with
    any patch of the other image, [rows, columns] for each image."""
    cosines = here.reshape(-1, here.shape[-1]) @ there.reshape(-1, there.shape[-1]).T
    mine: Floats = cosines.max(axis=1).reshape(here.shape[:2])
    theirs: Floats = cosines.max(axis=0).reshape(there.shape[:2])
    return mine, theirs


def usual_of_patches(patches: Floats, others: Sequence[Floats]) -> Floats | None:
    """How similar each patch [rows, columns, d] is to what other tickets' clips show, [rows,
    columns]: the mean over USUAL_RANKS of the greatest cosines, one for each other image. With a
    single other image, its cosine. None if there are no others."""
    if not others:
        return None
    best = np.stack([likeness_of_patches(patches, other)[0] for other in others])
    nearest = -np.sort(-best, axis=0)
    usual: Floats = nearest[USUAL_RANKS if len(others) > 1 else slice(None)].mean(axis=0)
    return usual


def matching(likeness: Floats, usual: Floats | None) -> Floats:
    """What matches, 0 to 1: by how much a patch is more similar than usual, at least LEAST; FULL
    and more is 1. If what is usual is unknown, LEAST is used for it."""
    floor = LEAST if usual is None else np.maximum(usual, LEAST)
    shown: Floats = np.clip((likeness - floor) / FULL, 0, 1)
    return shown


def unusual(usual: Floats) -> Floats:
    """What is unusual, 0 to 1: 0 for patches whose similarity to other tickets' clips is COMMON or
    more, 1 for those at UNSEEN or less."""
    shown: Floats = np.clip((COMMON - usual) / (COMMON - UNSEEN), 0, 1)
    return shown
