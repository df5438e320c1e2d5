"""What two pictures have in common, and what is unusual in them, patch by patch: for people to see.

No score rests on this. A patch is compared with all patches of another picture, wherever they are,
and its best counterpart counts (late interaction: Khattab and Zaharia, "ColBERT", SIGIR 2020).

Most of two pictures of one game is alike: its sky, its walls, its status bar. So what a patch has
in common with other tickets' clips is usual, and is taken off, as `reference` does for clips.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dejabug.ranking.types import Floats
from dejabug.ranking.vectors import centre

# Of other tickets' clips, nearest first, those that tell what is usual: the second to fourth. The
# first may show the same bug.
USUAL_RANKS = slice(1, 4)
# Patches that are less alike than this have nothing in common: a quarter of the patches of two
# unlike pictures of the demo's games are.
LEAST = 0.4
# A patch that is alike by so much more than is usual has the full colour: one in fifty, in pairs of
# the demo's clips that show the same bug.
FULL = 0.4
# How alike a patch is to other tickets' clips where it is not unusual at all, and where it is
# wholly: one patch in ten and one in twenty of the demo's.
COMMON, UNSEEN = 0.8, 0.2


def centre_patches(patches: Floats, origin: Floats) -> Floats:
    """A picture's patches, float32 [rows, columns, d], seen from `origin` [d], as unit vectors."""
    rows, columns, d = patches.shape
    return centre(patches.reshape(rows * columns, d), origin).reshape(patches.shape)


def likeness_of_patches(here: Floats, there: Floats) -> tuple[Floats, Floats]:
    """Two pictures' patches, unit vectors [rows, columns, d] each → of each patch of one the
    greatest cosine with any of the other, [rows, columns] for either picture."""
    cosines = here.reshape(-1, here.shape[-1]) @ there.reshape(-1, there.shape[-1]).T
    mine: Floats = cosines.max(axis=1).reshape(here.shape[:2])
    theirs: Floats = cosines.max(axis=0).reshape(there.shape[:2])
    return mine, theirs


def usual_of_patches(patches: Floats, others: Sequence[Floats]) -> Floats | None:
    """How alike each patch [rows, columns, d] is to what other tickets' clips show, [rows,
    columns]: the mean over USUAL_RANKS of the greatest cosines, one for each other picture. Of one
    other alone it is that one's. None where there are no others."""
    if not others:
        return None
    best = np.stack([likeness_of_patches(patches, other)[0] for other in others])
    nearest = -np.sort(-best, axis=0)
    usual: Floats = nearest[USUAL_RANKS if len(others) > 1 else slice(None)].mean(axis=0)
    return usual


def matching(likeness: Floats, usual: Floats | None) -> Floats:
    """What matches, 0 to 1: by how much more a patch is alike than is usual, LEAST at least; FULL
    and more is 1. Where what is usual is not known, LEAST stands for it."""
    floor = LEAST if usual is None else np.maximum(usual, LEAST)
    shown: Floats = np.clip((likeness - floor) / FULL, 0, 1)
    return shown


def unusual(usual: Floats) -> Floats:
    """What is unusual, 0 to 1: 0 for patches that are as alike as COMMON to other tickets' clips, 1
    for those that are no more alike than UNSEEN."""
    shown: Floats = np.clip((COMMON - usual) / (COMMON - UNSEEN), 0, 1)
    return shown
