"""The similarity of two clips by their frames: a number that depends on nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dejabug.ranking.recipe import DEFAULT, Recipe
from dejabug.ranking.reference import BACKGROUND_RANKS, USUAL, Likeness
from dejabug.ranking.types import Floats
from dejabug.ranking.vectors import spread


@dataclass(frozen=True)
class Compared:
    """One clip compared with another: the similarity of the first to the second and vice versa, and
    the cosines [m, n] of all their frames."""

    there: Likeness
    back: Likeness
    cosines: Floats


def compare(
    query: Floats, others: Mapping[str, Floats], recipe: Recipe = DEFAULT
) -> dict[str, Compared]:
    """A clip's frames [m, d], unit rows, against those of other clips [n, d] each.

    `both` is the symmetric Chamfer similarity (Kordopatis-Zilos et al., "ViSiL", ICCV 2019): each
    frame's best cosine in the other clip, in both directions, combined by a softened maximum
    instead of the mean. `mean` is over the frames that represent the clip.
    """
    if not others:
        return {}
    starts = np.cumsum([0, *(len(vectors) for vectors in others.values())])
    cosines = query @ np.concatenate(list(others.values())).T
    back = cosines.max(axis=0)
    standing = spread(len(query))
    found = {}
    for number, name in enumerate(others):
        mine = cosines[:, starts[number] : starts[number + 1]]
        there, here = mine.max(axis=1), back[starts[number] : starts[number + 1]]
        soft = recipe.softness
        both = (soft_maximum(there, soft) + soft_maximum(here, soft)) / 2
        found[name] = Compared(
            Likeness(float(there[standing].mean()), both),
            Likeness(float(here[spread(len(here))].mean()), both),
            mine,
        )
    return found


def soft_maximum(similarities: Floats, softness: float) -> float:
    """Similarities [n] → one number between their mean (softness 0) and their maximum."""
    if softness == 0:
        return float(similarities.mean())
    return float(np.log(np.exp(softness * similarities).mean()) / softness)


def frame_backgrounds(compared: Mapping[str, Compared], frames: int) -> Floats:
    """How similar each of a clip's `frames` is to other clips in general [frames]: the mean of the
    second to eighth nearest, filled up with USUAL if there are fewer."""
    best = [each.cosines.max(axis=1) for each in compared.values()]
    best += [np.full(frames, USUAL)] * (BACKGROUND_RANKS.stop - len(best))
    greatest = -np.sort(-np.stack(best, axis=1))
    background: Floats = greatest[:, BACKGROUND_RANKS].mean(axis=1).astype(np.float32)
    return background
