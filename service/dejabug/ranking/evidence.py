"""What the score of a pair rests on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Evidence:
    """The evidence of a pair of clips. Each part depends on the pair and on what is usual in both
    clips' own projects.

    Attributes:
        frames: how alike the frames are, less both clips' background.
        words: the same of their tickets' words; None where one has none.
        rank: 0 where each is the other's nearest, greater the more clips come in between.
        size: the logarithm of how many clips their projects have.
        copy: how alike they move in step, 0 to 1, where that stands out: above 0.8 both are surely
            copies of one recording.
    """

    frames: float
    words: float | None = None
    rank: float = 0.0
    size: float = 0.0
    copy: float = 0.0
