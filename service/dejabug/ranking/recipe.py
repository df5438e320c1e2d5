"""The numbers of the default ranking, together, so that an ablation can leave one out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """What the default ranking does. Each step stands in the ablation of docs/quality.md.

    Attributes:
        centred: whether vectors are centred on their collection's mean.
        background: how much of both sides' background is taken off a similarity. More than half,
            since the nearest others of a clip are a little less alike than its duplicates.
        softness: how soft the maximum over frames is: 0 is their mean, infinity the best frame
            alone. In between, a bug's few seconds weigh more than the walk to it.
        words: how much the words' evidence counts beside the frames'.
        words_cap: where two tickets' likeness is cut off: tickets that say nearly the same word
            for word are as often the same bug elsewhere, or one template filled in twice, as the
            same bug told twice.
        words_background: like `background`, for tickets.
    """

    centred: bool = True
    background: float = 0.75
    softness: float = 3.0
    words: float = 0.4
    words_cap: float = 0.6
    words_background: float = 0.75


DEFAULT = Recipe()
