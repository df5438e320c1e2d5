"""What two tickets' words say about their clips: sentence vectors → evidence, gated."""

from __future__ import annotations

import numpy as np

from dejabug.ranking.background import USUAL_WORDS, centre, mean_of_ranks
from dejabug.ranking.recipe import DEFAULT, Recipe
from dejabug.ranking.types import Floats

# A few tickets' mean is no good centre; it is trusted with n / (n + this) of its length.
MEAN_PRIOR_TICKETS = 10


def word_evidence(query: Floats, tickets: Floats, recipe: Recipe = DEFAULT) -> Floats:
    """A ticket's sentence vector [d] against n others' [n, d], unit rows → evidence [n].

    The cosine of both, centred on the tickets' mean and cut off, less what each of
    the two has in common with tickets in general: words help only where they discriminate, and
    those that a whole backlog shares ("crash in level") say nothing. 0 is no evidence either way.
    """
    together = np.vstack([query[None], tickets])
    origin = together.mean(axis=0) * (len(together) / (len(together) + MEAN_PRIOR_TICKETS))
    centred = centre(together, origin)
    likeness = np.minimum(centred @ centred.T, np.float32(recipe.words_cap))
    np.fill_diagonal(likeness, -np.inf)
    background = mean_of_ranks(likeness, USUAL_WORDS)
    evidence: Floats = likeness[0, 1:] - recipe.words_background * (background[0] + background[1:])
    return evidence.astype(np.float32)


def combined_evidence(frames: float, words: float | None, recipe: Recipe = DEFAULT) -> float:
    """The evidence of a pair's frames and of its tickets' words, as one number."""
    return frames + recipe.words * (words or 0.0)
