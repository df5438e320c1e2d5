"""The default ranking: compares each clip with the query by one score, which depends only on the
pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from dejabug.ranking.calibration import Calibrations
from dejabug.ranking.copies import likeness_in_step
from dejabug.ranking.evidence import Evidence
from dejabug.ranking.frames import Compared, compare
from dejabug.ranking.moments import matching_moments
from dejabug.ranking.recipe import DEFAULT, Recipe
from dejabug.ranking.reference import Reference, rank_evidence, size_evidence
from dejabug.ranking.types import Floats, Match, Moment, TimedVectors
from dejabug.ranking.vectors import centre
from dejabug.ranking.words import words_evidence

# Moments are computed for the first matches only: nobody reads further.
MATCHES_WITH_MOMENTS = 20
# How far the in-step correlation of copies must stand out from what is usual in their projects, and
# how many other clips a project needs to know what is usual.
COPY_MARGIN, OTHERS_FOR_COPIES = 0.15, 8


@dataclass(frozen=True)
class Origins:
    """An encoder's origins: the mean vector of images, and of tickets' words, over games in
    general; float32 [d] each. Zeros if unknown."""

    pictures: Floats
    words: Floats


@dataclass(frozen=True)
class Side:
    """One clip of a pair.

    Attributes:
        clip: its frames, as the encoder gives them.
        reference: what is usual around it in its project; None for a clip of no project, which
            uses what is usual around the other.
        frame_background: the same for each of its frames [n], if known.
        words: its ticket's vector [d], if it has one, as the encoder gives it.
        words_reference: what is usual around its ticket.
        terms: how many terms its ticket has.
        motion: what moves in it, as `copies.motion_of` gives it, if known.
        siblings: the clips of its issue, itself included, which do not count as its rivals.
    """

    clip: TimedVectors
    reference: Reference | None = None
    frame_background: Floats | None = None
    words: Floats | None = None
    words_reference: Reference | None = None
    terms: int = 0
    motion: Floats | None = None
    siblings: frozenset[str] = field(default_factory=frozenset)


def rank_pairs(
    query: Side,
    others: Mapping[str, Side],
    origins: Origins,
    *,
    calibrations: Calibrations | None = None,
    recipe: Recipe = DEFAULT,
) -> list[Match]:
    """Clips by the probability that they show the query's bug, best first, with moments.

    The query itself must not be among the others.
    """
    curves = calibrations or Calibrations()
    seen = _seen(query.clip.vectors, origins.pictures, recipe)
    clips = {
        name: _seen(side.clip.vectors, origins.pictures, recipe) for name, side in others.items()
    }
    compared = compare(seen, clips, recipe)
    evidence = {
        name: _evidence(query, side, name, compared[name], origins, recipe)
        for name, side in others.items()
    }
    scores = {name: curves.probability(each) for name, each in evidence.items()}
    order = sorted(scores, key=lambda name: (-scores[name], -evidence[name].frames, name))
    return [
        Match(
            name,
            scores[name],
            _moments(query, others[name], compared[name]) if n < MATCHES_WITH_MOMENTS else (),
            evidence[name].frames,
            evidence[name].words,
            evidence[name].rank,
            evidence[name].size,
            evidence[name].copy,
        )
        for n, name in enumerate(order)
    ]


def _evidence(
    query: Side, other: Side, name: str, compared: Compared, origins: Origins, recipe: Recipe
) -> Evidence:
    there = other.reference or Reference()
    here = query.reference or there
    both, share = compared.there.both, recipe.background
    theirs = there.rank(both - share * here.background, query.siblings)
    # A clip of no project has no rivals: its rank to the other is taken from the other's to it.
    mine = theirs
    if query.reference is not None:
        mine = here.rank(both - share * there.background, other.siblings | {name})
    words = None
    if query.words is not None and other.words is not None:
        pair = np.stack([query.words, other.words])
        references = query.words_reference, other.words_reference
        terms = min(query.terms, other.terms)
        words = words_evidence(pair, origins.words, *references, recipe, terms=terms)
    return Evidence(
        both - share * (here.background + there.background),
        words,
        rank_evidence(mine, theirs),
        size_evidence(here.size, there.size),
        _copy(query, other, here, there),
    )


def _copy(query: Side, other: Side, here: Reference, there: Reference) -> float:
    """The correlation of their motion, if it stands out in both projects; else 0."""
    known = min(here.size, there.size) > OTHERS_FOR_COPIES
    if not known or query.motion is None or other.motion is None:
        return 0.0
    step = likeness_in_step(query.motion, other.motion)
    return step if step >= max(here.step, there.step) + COPY_MARGIN else 0.0


def _moments(query: Side, other: Side, compared: Compared) -> tuple[Moment, ...]:
    return matching_moments(
        compared.cosines,
        query.clip.times,
        other.clip.times,
        _fitting(query),
        _fitting(other),
    )


def _fitting(side: Side) -> Floats | None:
    known = side.frame_background
    return known if known is not None and len(known) == len(side.clip.times) else None


def _seen(vectors: Floats, origin: Floats, recipe: Recipe) -> Floats:
    return centre(vectors, origin) if recipe.centred else vectors
