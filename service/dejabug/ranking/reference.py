"""What is usual around a clip or a ticket: how alike it is to the others of its own project.

In a studio's backlog most clips show the same few places. A clip that looks like many others (a
menu, the sky, a corridor that every tester walks through) makes every clip that has it look like a
duplicate. So what it has in common with its nearest *other* clips, which are known not to be its
duplicates save one or two, is taken off its similarities: the score normalisation of video copy
detection (Pizzi et al., "The 2023 Video Similarity Dataset and Challenge", 2023) with the local
neighbourhood of CSLS (Conneau et al., "Word Translation Without Parallel Data", ICLR 2018).

All of it rests on the clip's own project. So the score of a pair depends on the two clips and on
what their projects hold, and not on who asks, or on what is searched.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

# The nearest others that make up the background: second to eighth. The first may be the duplicate.
BACKGROUND_RANKS = slice(1, 8)
# Projects with fewer others than this have not yet shown what is common in them: others are made up
# for them that are about as alike as the background is in a project of a hundred clips. So a young
# project's bot is careful, not sure of everything. Beyond it, size says nothing more.
ENOUGH_OTHERS = 50
USUAL = 0.4
# The background of what was not yet compared with its project: careful, as in a large one.
UNKNOWN = 0.65
# How much of both sides' background is taken off a similarity. More than half, since the nearest
# others of a clip are a little less alike than its duplicates.
BACKGROUND_SHARE = 0.75
# The nearest others that are kept of each clip, and up to which ranks are counted.
KEPT = 32
# Two likenesses that differ by less are equal: they are stored rounded.
SAME_LIKENESS = 2e-4


@dataclass(frozen=True)
class Likeness:
    """How alike a clip is to another: `mean` over its frames of the best counterpart's cosine,
    `both`, the softened maximum of both ways, and `step`, how alike they move in step. For tickets
    the first two are the cosine."""

    mean: float
    both: float
    step: float = 0.0


@dataclass(frozen=True)
class Reference:
    """What is usual around one clip or ticket.

    Attributes:
        background: how alike it is to others in general, a cosine.
        rivals: the others that are most like it, each with its likeness less its own background.
        size: how many clips (or tickets) its project has, itself included.
        step: how alike it moves in step with the third of its nearest: games may replay the very
            same footage.
    """

    background: float = UNKNOWN
    rivals: Mapping[str, float] = field(default_factory=dict)
    size: int = 1
    step: float = 0.0

    def rank(self, likeness: float, without: Container[str] = ()) -> int:
        """How many rivals, but for some, are more alike than this (less its own background)."""
        return sum(
            value > likeness + SAME_LIKENESS
            for name, value in self.rivals.items()
            if name not in without
        )


def nearest_of(near: Mapping[str, Likeness]) -> dict[str, Likeness]:
    """Of the others whose likeness to a clip is known, the KEPT that are most like it."""
    return dict(sorted(near.items(), key=lambda item: (-item[1].both, item[0]))[:KEPT])


def background_of(likenesses: Iterable[float], others: int) -> float:
    """The background of a clip with these likenesses to its nearest others, of `others` that its
    project has: the mean of those in BACKGROUND_RANKS; where others are few, with some that are
    made up at USUAL."""
    found = list(likenesses)
    found += [USUAL] * min(BACKGROUND_RANKS.stop, max(0, ENOUGH_OTHERS - others))
    # Fewer may be kept than there are, right after some were deleted.
    found += [USUAL] * (BACKGROUND_RANKS.stop - len(found))
    return float(np.mean(sorted(found, reverse=True)[BACKGROUND_RANKS]))


def reference_of(
    nearest: Mapping[str, Likeness], backgrounds: Mapping[str, float], size: int
) -> Reference:
    """A clip's reference, from its nearest others and their own backgrounds. No more than KEPT
    count, so that it does not matter how many are still remembered."""
    nearest = nearest_of(nearest)
    background = background_of((each.mean for each in nearest.values()), size - 1)
    rivals = {
        name: each.both - BACKGROUND_SHARE * backgrounds.get(name, UNKNOWN)
        for name, each in nearest.items()
    }
    steps = sorted((each.step for each in nearest.values()), reverse=True)
    return Reference(background, rivals, size, steps[2] if len(steps) > 2 else 0.0)


def size_evidence(first: int, second: int) -> float:
    """What the sizes of both clips' projects say: the mean of their logarithms. The best of many
    that is still far ahead means more than the best of few."""
    sizes = (min(max(size, 1), ENOUGH_OTHERS) for size in (first, second))
    return sum(map(math.log, sizes)) / 2


def rank_evidence(first: int, second: int) -> float:
    """What mutual ranks say: 0 where each is the other's nearest, and more the farther they are."""
    return math.log1p(first) + math.log1p(second)
