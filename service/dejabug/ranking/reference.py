"""What is usual around a clip or a ticket: how similar it is to the others of its own project.

In a studio's backlog most clips show the same few places. A clip that looks like many others (a
menu, the sky, a corridor that every tester walks through) makes every clip that has it look like a
duplicate. So the similarity to its nearest *other* clips, which are known not to be its duplicates
except for one or two, is subtracted. This is the score normalisation of video copy detection (Pizzi
et al., "The 2023 Video Similarity Dataset and Challenge", 2023) with the local neighbourhood of
CSLS (Conneau et al., "Word Translation Without Parallel Data", ICLR 2018).

All of this uses only the clip's own project. So the score of a pair depends on the two clips and on
what their projects contain, not on who asks or which projects are searched.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

# Ranks of the nearest others that make up the background: second to eighth. The first may be the
# duplicate.
BACKGROUND_RANKS = slice(1, 8)
# Projects with fewer other clips than this have not yet shown what is common in them. They are
# filled up with virtual clips about as similar as the background in a project of a hundred clips,
# so that the bot is careful in a young project. Beyond this number, size has no effect.
ENOUGH_OTHERS = 50
USUAL = 0.4
# The background of a clip that was not yet compared with its project: cautious, as in a large one.
UNKNOWN = 0.65
# How much of both sides' background is subtracted from a similarity. More than half, since the
# nearest others of a clip are a little less similar to it than its duplicates.
BACKGROUND_SHARE = 0.75
# How many nearest others are kept for each clip; ranks are counted up to this.
KEPT = 32
# Similarities that differ by less than this are equal: they are stored rounded.
SAME_LIKENESS = 2e-4


@dataclass(frozen=True)
class Likeness:
    """The similarity of a clip to another: `mean` over its frames of the best counterpart's cosine,
    `both`, the softened maximum in both directions, and `step`, the correlation of their motion.
    For tickets the first two are the cosine."""

    mean: float
    both: float
    step: float = 0.0


@dataclass(frozen=True)
class Reference:
    """What is usual around one clip or ticket.

    Attributes:
        background: its similarity to others in general, a cosine.
        rivals: the others most similar to it, each with its similarity minus its own background.
        size: how many clips (or tickets) its project has, itself included.
        step: its motion's correlation with the third of its nearest: games may replay the very same
            footage.
    """

    background: float = UNKNOWN
    rivals: Mapping[str, float] = field(default_factory=dict)
    size: int = 1
    step: float = 0.0

    def rank(self, likeness: float, without: Container[str] = ()) -> int:
        """How many rivals, except those in `without`, are more similar than this (minus the
        background)."""
        return sum(
            value > likeness + SAME_LIKENESS
            for name, value in self.rivals.items()
            if name not in without
        )


def nearest_of(near: Mapping[str, Likeness]) -> dict[str, Likeness]:
    """Of the others whose similarity to a clip is known, the KEPT most similar ones."""
    return dict(sorted(near.items(), key=lambda item: (-item[1].both, item[0]))[:KEPT])


def background_of(likenesses: Iterable[float], others: int) -> float:
    """The background of a clip with these similarities to its nearest others, in a project with
    `others` other clips: the mean over BACKGROUND_RANKS, filled up with USUAL if there are
    few."""
    found = list(likenesses)
    found += [USUAL] * min(BACKGROUND_RANKS.stop, max(0, ENOUGH_OTHERS - others))
    # Fewer may be kept than exist, right after some were deleted.
    found += [USUAL] * (BACKGROUND_RANKS.stop - len(found))
    return float(np.mean(sorted(found, reverse=True)[BACKGROUND_RANKS]))


def reference_of(
    nearest: Mapping[str, Likeness], backgrounds: Mapping[str, float], size: int
) -> Reference:
    """A clip's reference, from its nearest others and their own backgrounds. At most KEPT count, so
    it does not matter how many more are stored."""
    nearest = nearest_of(nearest)
    background = background_of((each.mean for each in nearest.values()), size - 1)
    rivals = {
        name: each.both - BACKGROUND_SHARE * backgrounds.get(name, UNKNOWN)
        for name, each in nearest.items()
    }
    steps = sorted((each.step for each in nearest.values()), reverse=True)
    return Reference(background, rivals, size, steps[2] if len(steps) > 2 else 0.0)


def size_evidence(first: int, second: int) -> float:
    """The evidence of both projects' sizes: the mean of their logarithms. To be far ahead of many
    others means more than to be far ahead of a few."""
    sizes = (min(max(size, 1), ENOUGH_OTHERS) for size in (first, second))
    return sum(map(math.log, sizes)) / 2


def rank_evidence(first: int, second: int) -> float:
    """The evidence of mutual ranks: 0 if each is the other's nearest, larger the farther they
    are."""
    return math.log1p(first) + math.log1p(second)
