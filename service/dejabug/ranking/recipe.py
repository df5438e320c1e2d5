"""The parameters of the default ranking in one place, so that an ablation can leave one out."""

from __future__ import annotations

from dataclasses import dataclass

from dejabug.ranking.reference import BACKGROUND_SHARE


@dataclass(frozen=True)
class Recipe:
    """The steps of the default ranking. docs/explanation/quality.md has an ablation of each.

    Attributes:
        centred: whether the encoder's origin is subtracted from frames.
        background: how much of both sides' background is subtracted from a similarity.
        softness: how soft the maximum over frames is: 0 is their mean, infinity the best frame
            alone. In between, a bug's few seconds weigh more than the walk to it.
        words: whether the words' evidence counts.
        words_cap: the upper limit of the words' evidence: nearly identical sentences say no more
            than similar ones.
        words_background: like `background`, for tickets.
    """

    centred: bool = True
    background: float = BACKGROUND_SHARE
    softness: float = 3.0
    words: bool = True
    words_cap: float = 0.25
    words_background: float = 0.5


DEFAULT = Recipe()
