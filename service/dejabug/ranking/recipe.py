"""The numbers of the default ranking, together, so that an ablation can leave one out."""

from __future__ import annotations

from dataclasses import dataclass

from dejabug.ranking.reference import BACKGROUND_SHARE


@dataclass(frozen=True)
class Recipe:
    """What the default ranking does. Each step stands in the ablation of docs/explanation/quality.md.

    Attributes:
        centred: whether frames are seen from their encoder's origin.
        background: how much of both sides' background is taken off a similarity.
        softness: how soft the maximum over frames is: 0 is their mean, infinity the best frame
            alone. In between, a bug's few seconds weigh more than the walk to it.
        words: whether the words' evidence counts.
        words_cap: what the words' evidence is cut off at: nearly the same sentence says no more
            than a like one.
        words_background: like `background`, for tickets.
    """

    centred: bool = True
    background: float = BACKGROUND_SHARE
    softness: float = 3.0
    words: bool = True
    words_cap: float = 0.25
    words_background: float = 0.5


DEFAULT = Recipe()
