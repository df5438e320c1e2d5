"""The default ranking: every frame of a query against every frame of each candidate."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dejabug.ranking.background import (
    USUAL_FRAMES,
    centre,
    mean_of_ranks,
    spread,
    trusted_mean,
    unit_rows,
)
from dejabug.ranking.calibration import Calibrations
from dejabug.ranking.moments import matching_moments
from dejabug.ranking.recipe import DEFAULT, Recipe
from dejabug.ranking.types import Floats, Match, Moment, TimedVectors
from dejabug.ranking.words import combined_evidence

# Moments are worked out for the first matches only: nobody reads further.
MATCHES_WITH_MOMENTS = 20


def by_frames(
    query: TimedVectors,
    candidates: Mapping[str, TimedVectors],
    mean: Floats,
    mean_clips: int,
    *,
    words: Mapping[str, float] | None = None,
    calibrations: Calibrations | None = None,
    projection: Floats | None = None,
    recipe: Recipe = DEFAULT,
) -> list[Match]:
    """Candidates by the probability that they show the query's bug, best first, with moments.

    The frames' evidence is the mean over the query's frames of the best counterpart's cosine in the
    candidate, and the same the other way round (symmetric Chamfer similarity; Kordopatis-Zilos et
    al., "ViSiL", ICCV 2019), with a softened maximum in place of the mean, less both clips'
    background (see `background`). Before, vectors are centred on the collection's mean (float32
    [d], over `mean_clips` clips) and, where a studio has learned one, turned by its `projection`
    [d, k].

    `words` is each candidate's evidence from the tickets (see `words`); a candidate without one
    counts as the middle of the others. The query itself must not be among the candidates.
    """
    if not candidates:
        return []
    calibration = (calibrations or Calibrations()).choose(with_words=bool(words))
    origin = trusted_mean(mean, mean_clips if recipe.centred else 0)
    asked = _seen_from(query.vectors, origin, projection)
    clips = {name: _seen_from(c.vectors, origin, projection) for name, c in candidates.items()}
    frames = np.concatenate(list(clips.values()))
    starts = np.cumsum([0, *(len(vectors) for vectors in clips.values())])[:-1]
    cosines = asked @ frames.T
    there = np.maximum.reduceat(cosines, starts, axis=1)
    back = cosines.max(axis=0)
    asked_background = mean_of_ranks(there, USUAL_FRAMES)
    room = _Background(clips, asked)
    scores, evidence, wording = {}, {}, {}
    middle = float(np.median(list(words.values()))) if words else 0.0
    for number, (name, vectors) in enumerate(clips.items()):
        here = back[starts[number] : starts[number] + len(vectors)]
        soft = recipe.softness
        alike = (soft_maximum(there[:, number], soft) + soft_maximum(here, soft)) / 2
        common = float(asked_background.mean()) + room.of_clip(number)
        evidence[name] = alike - recipe.background * common
        if words:
            wording[name] = words.get(name, middle)
        raw = combined_evidence(evidence[name], wording.get(name), recipe)
        scores[name] = calibration.probability(raw)
    order = sorted(clips, key=lambda name: (-scores[name], -evidence[name], name))
    number_of = {name: number for number, name in enumerate(clips)}
    matches = []
    for place, name in enumerate(order):
        moments: tuple[Moment, ...] = ()
        if place < MATCHES_WITH_MOMENTS:
            number = number_of[name]
            moments = matching_moments(
                cosines[:, starts[number] : starts[number] + len(clips[name])],
                query.times,
                candidates[name].times,
                asked_background,
                room.of_frames(number),
            )
        matches.append(Match(name, scores[name], moments, evidence[name], wording.get(name)))
    return matches


def soft_maximum(similarities: Floats, softness: float) -> float:
    """Similarities [n] → one number between their mean (softness 0) and their maximum."""
    if softness == 0:
        return float(similarities.mean())
    return float(np.log(np.exp(softness * similarities).mean()) / softness)


class _Background:
    """How alike each candidate's frames are to the other candidates and to the query."""

    def __init__(self, clips: Mapping[str, Floats], asked: Floats) -> None:
        self._clips = list(clips.values())
        self._thin = [vectors[spread(len(vectors))] for vectors in self._clips]
        self._asked = asked
        self._starts = np.cumsum([0, *(len(vectors) for vectors in self._thin)])[:-1]
        self._all = np.concatenate(self._thin)
        sampled = self._of(
            self._all, np.repeat(np.arange(len(clips)), [len(t) for t in self._thin])
        )
        self._means = np.add.reduceat(sampled, self._starts) / [len(t) for t in self._thin]

    def of_clip(self, number: int) -> float:
        """The mean over one candidate's sampled frames."""
        return float(self._means[number])

    def of_frames(self, number: int) -> Floats:
        """One candidate's frames, each by itself [n]."""
        vectors = self._clips[number]
        return self._of(vectors, np.full(len(vectors), number))

    def _of(self, vectors: Floats, owners: np.ndarray) -> Floats:
        others = np.maximum.reduceat(vectors @ self._all.T, self._starts, axis=1)
        others[np.arange(len(vectors)), owners] = -np.inf
        from_query = (vectors @ self._asked.T).max(axis=1)
        return mean_of_ranks(np.column_stack([others, from_query]), USUAL_FRAMES)


def _seen_from(vectors: Floats, origin: Floats, projection: Floats | None) -> Floats:
    centred = centre(vectors, origin)
    return centred if projection is None else unit_rows(centred @ projection)
