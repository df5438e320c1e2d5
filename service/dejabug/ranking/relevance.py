"""How well a ticket and its clip match a query in words: a number, and a word for it.

The number depends on the query, the ticket and the clip alone, and on nothing else that is
searched: a ticket that a reader cannot see changes no other ticket's score. It is not a
probability.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Relevance = Literal["likely", "possible", "unlikely"]
# Scores from which a result gets these words.
LIKELY = 0.7
POSSIBLE = 0.3
# The evidence at which scores reach these two. Evidence is 0 for texts that have nothing in common,
# 1 for texts that say the same, and may exceed 1. Chosen on the demo's tickets, with 34 queries
# that some of them answer and 32 that none does; docs/explanation/quality.md has other games.
LIKELY_EVIDENCE = 0.95
POSSIBLE_EVIDENCE = 0.7
# What a ticket gains if it has every word of the query. The share is squared, so one word of four
# adds almost nothing: "wrong way" alone does not answer "rotor spins the wrong way".
WORDING = 1.0
# Maximum score of a clip by its frames alone: the ticket's wording has priority.
PICTURES_AT_MOST = 0.69


@dataclass(frozen=True)
class Scale:
    """An encoder's cosines for two things with nothing in common, and for two that mean the same;
    for two texts, and for a text and a frame. `pictures` is None if cosines between texts and
    frames do not separate right from wrong."""

    words: tuple[float, float]
    pictures: tuple[float, float] | None


def words_score(cosine: float, wording: float, scale: Scale) -> float:
    """The score, 0 to 1, of a ticket's words, from their cosine with the query and the share of the
    query's terms that they contain (`wording`, 0 to 1)."""
    return _score(_steps(cosine, scale.words) + WORDING * wording**2)


def picture_score(cosine: float, scale: Scale) -> float:
    """The score, 0 to 1, of a clip, from the cosine of its best frame with the query."""
    if scale.pictures is None:
        # Below anything that is shown, in the order of the cosines.
        return POSSIBLE / 2 * min(1.0, max(0.0, cosine))
    return min(PICTURES_AT_MOST, _score(_steps(cosine, scale.pictures)))


def relevance_of(score: float) -> Relevance:
    """The word for a score."""
    if score >= LIKELY:
        return "likely"
    return "possible" if score >= POSSIBLE else "unlikely"


def _steps(cosine: float, ends: tuple[float, float]) -> float:
    nothing, same = ends
    return (cosine - nothing) / max(same - nothing, 1e-6)


def _score(evidence: float) -> float:
    """A logistic curve through (POSSIBLE_EVIDENCE, POSSIBLE) and (LIKELY_EVIDENCE, LIKELY)."""
    middle = (POSSIBLE_EVIDENCE + LIKELY_EVIDENCE) / 2
    steep = 2 * math.log(LIKELY / (1 - LIKELY)) / (LIKELY_EVIDENCE - POSSIBLE_EVIDENCE)
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, steep * (evidence - middle)))))
