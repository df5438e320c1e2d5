"""What two tickets' words say about their clips."""

from __future__ import annotations

from dejabug.ranking.recipe import DEFAULT, Recipe
from dejabug.ranking.reference import Reference
from dejabug.ranking.types import Floats
from dejabug.ranking.vectors import centre

# Terms (`terms_of`) of a ticket that says next to nothing, and of one that tells its bug.
FEW_TERMS, ENOUGH_TERMS = 3, 8


def likenesses(query: Floats, tickets: Floats, origin: Floats) -> Floats:
    """A ticket's sentence vector [d] against n others' [n, d], unit rows → cosines [n], all seen
    from `origin` [d]."""
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

    Their cosine less what each has in common with the tickets of its project, and cut off: words
    help only where they discriminate, and those that a whole backlog shares ("crash in level") say
    nothing. Tickets that say nearly the same word for word are as often the same bug elsewhere, or
    one template filled in twice, as the same bug told twice.
    """
    (cosine,) = likenesses(pair[0], pair[1:], origin).tolist()
    other = second or Reference()
    common = (first or other).background + other.background
    evidence = cosine - recipe.words_background * common
    if evidence < 0:
        # "Two things" and "see video" say nothing against the pictures.
        evidence *= min(1.0, max(0.0, (terms - FEW_TERMS) / (ENOUGH_TERMS - FEW_TERMS)))
    return float(min(evidence, recipe.words_cap))
