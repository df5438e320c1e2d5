"""The evidence of two tickets' words about their clips."""

from __future__ import annotations

from dejabug.ranking.recipe import DEFAULT, Recipe
from dejabug.ranking.reference import Reference
from dejabug.ranking.types import Floats
from dejabug.ranking.vectors import centre

# Terms (`terms_of`) of a ticket that says almost nothing, and of one that describes its bug.
FEW_TERMS, ENOUGH_TERMS = 3, 8


def likenesses(query: Floats, tickets: Floats, origin: Floats) -> Floats:
    """A ticket's sentence vector [d] against n others' [n, d], unit rows → cosines [n], after
    subtracting `origin` [d]."""
    found: Floats = centre(tickets, origin) @ centre(query[None], origin)[0]
    return found


def words_evidence(
    pair: Floats,
    origin: Floats,
    first: Reference | None,
    second: Reference | None,
    recipe: Recipe = DEFAULT,
    *,
    terms: int = ENOUGH_TERMS,
) -> float:
    """Two tickets' sentence vectors [2, d] → their evidence. `terms`: how many the shorter one has.

    Their cosine minus what each has in common with the tickets of its project, capped. Words help
    only if they discriminate: those that a whole backlog shares ("crash in level") say nothing.
    Tickets that are almost word for word the same may describe the same bug in another place, or
    fill in one template twice, as often as they describe the same bug twice.
    """
    (cosine,) = likenesses(pair[0], pair[1:], origin).tolist()
    other = second or Reference()
    common = (first or other).background + other.background
    evidence = cosine - recipe.words_background * common
    if evidence < 0:
        # "Two things" and "see video" are no evidence against the frames.
        evidence *= min(1.0, max(0.0, (terms - FEW_TERMS) / (ENOUGH_TERMS - FEW_TERMS)))
    return float(min(evidence, recipe.words_cap))
