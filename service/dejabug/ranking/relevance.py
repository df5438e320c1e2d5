"""How well a ticket and its clip answer a question in words: one number, and a word for it.

The number depends on the question, the ticket and the clip alone, and on nothing else that is
searched: a ticket that a reader may not see changes no other's score. It is no probability.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Relevance = Literal["likely", "possible", "unlikely"]
# Scores from which on a result is called so.
LIKELY = 0.7
POSSIBLE = 0.3
# The evidence at which scores reach these two. Evidence goes from 0, texts that have nothing in
# common, to 1, texts that say the same, and beyond. Chosen on the demo's tickets, with 34 questions
# that some of them answer and 32 that none does; docs/explanation/quality.md says how they do on other games.
LIKELY_EVIDENCE = 0.95
POSSIBLE_EVIDENCE = 0.7
# What a ticket gains that says every word of the question. Squared, so that one word of four adds
# next to nothing: "wrong way" alone is no answer to "rotor spins the wrong way".
WORDING = 1.0
# The best score of a clip by its pictures alone: ticket wording goes first.
PICTURES_AT_MOST = 0.69


@dataclass(frozen=True)
class Scale:
    """What an encoder's cosines mean: those of two things with nothing in common, and those of two
    that say the same; for two texts, and for a text and a frame. `pictures` is None where cosines
    between texts and frames do not tell right from wrong."""

    words: tuple[float, float]
    pictures: tuple[float, float] | None


def words_score(cosine: float, wording: float, scale: Scale) -> float:
    """The score, 0 to 1, of a ticket's words by their cosine with the question and by the share of
    its words that they contain (`wording`, 0 to 1)."""
    return _score(_steps(cosine, scale.words) + WORDING * wording**2)


def picture_score(cosine: float, scale: Scale) -> float:
    """The score, 0 to 1, of a clip by the cosine of its best frame with the question."""
    if scale.pictures is None:
        # Below anything that is shown, in the order of the cosines.
        return POSSIBLE / 2 * min(1.0, max(0.0, cosine))
    return min(PICTURES_AT_MOST, _score(_steps(cosine, scale.pictures)))


def relevance_of(score: float) -> Relevance:
    """A score in a word."""
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
