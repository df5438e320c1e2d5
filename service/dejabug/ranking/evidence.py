"""The evidence that a pair's score is based on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Evidence:
    """The evidence of a pair of clips. Each part depends only on the pair and on what is usual in
    both clips' own projects.

    Attributes:
        frames: how similar the frames are, minus both clips' background.
        words: the same for their tickets' words; None if one has none.
        rank: 0 if each is the other's nearest, greater the more clips come in between.
        size: the logarithm of how many clips their projects have.
        copy: the correlation of their motion, 0 to 1, if it stands out: above 0.8 both are surely
            copies of one recording.
    """

    frames: float
    words: float | None = None
    rank: float = 0.0
    size: float = 0.0
    copy: float = 0.0
