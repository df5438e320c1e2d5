"""Hits → matches: pure functions on arrays, no I/O.

The paper's two ways of making frames into videos (`top_k`, `majority`; Taesiri et al., "CLIP meets
GamePhysics", MSR 2022), and the default: an exact frame-to-frame comparison of both clips.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

# The paper's own pool size for `majority`; it tried 300 to 2000.
POOL_SIZE = 1000
# A collection's mean is trusted with n / (n + this) of its length, so that two clips are not
# pushed to opposite sides of their own midpoint.
MEAN_PRIOR_CLIPS = 5
# A moment is the stretch around the best pair of frames that keeps this share of its similarity.
MOMENT_SHARE = 0.8
# Moments told per match, and how far below the best pair a further one may lie.
MAX_MOMENTS = 2
SECOND_MOMENT_SHARE = 0.9


@dataclass(frozen=True)
class Hit:
    """One frame found by a nearest-neighbour query: its clip, its time in seconds, its cosine."""

    clip_id: str
    time: float
    similarity: float


@dataclass(frozen=True)
class TimedVectors:
    """A clip's frames: times float32 [n] in seconds, ascending; vectors float32 [n, d], unit."""

    times: Floats
    vectors: Floats


@dataclass(frozen=True)
class Moment:
    """A stretch of the query clip that matches a stretch of the found clip; times in seconds.

    `query_time` and `match_time` are the best pair of frames within, `similarity` their cosine.
    """

    query_start: float
    query_end: float
    match_start: float
    match_end: float
    query_time: float
    match_time: float
    similarity: float


@dataclass(frozen=True)
class Match:
    """A clip found similar, with its score in -1 to 1 and the moments that match, best first."""

    clip_id: str
    score: float
    moments: tuple[Moment, ...] = ()


def top_k(hits: Sequence[Hit]) -> list[Match]:
    """The paper's `top-k`: clips in the order of their best frame."""
    best: dict[str, float] = {}
    for hit in hits:
        best[hit.clip_id] = max(best.get(hit.clip_id, -1.0), hit.similarity)
    return _ordered(best)


def majority(hits: Sequence[Hit], pool_size: int = POOL_SIZE) -> list[Match]:
    """The paper's `majority`: clips by how many of the `pool_size` nearest frames are theirs.

    The score is the share of the pool. Ties are broken by the better best frame.
    """
    pool = sorted(hits, key=lambda hit: -hit.similarity)[:pool_size]
    counts = Counter(hit.clip_id for hit in pool)
    best = {match.clip_id: match.score for match in top_k(pool)}
    ordered = sorted(counts, key=lambda clip_id: (-counts[clip_id], -best[clip_id], clip_id))
    return [Match(clip_id, counts[clip_id] / len(pool)) for clip_id in ordered]


def by_frames(
    query: TimedVectors, candidates: Mapping[str, TimedVectors], mean: Floats, mean_clips: int
) -> list[Match]:
    """The default ranking: every frame of the query against every frame of each candidate.

    The score is the symmetric mean of maxima of the cosines: the mean over the query's frames of
    the best counterpart in the candidate, and the same the other way round, averaged (Kordopatis-
    Zilos et al., "ViSiL", ICCV 2019, call it symmetric Chamfer similarity). Before, the vectors
    are centred on the collection's mean (float32 [d], over `mean_clips` clips), so that what all
    frames of a studio's games share says nothing.
    """
    origin = mean * (mean_clips / (mean_clips + MEAN_PRIOR_CLIPS))
    centred_query = centre(query.vectors, origin)
    matches = []
    for clip_id, candidate in candidates.items():
        cosines = centred_query @ centre(candidate.vectors, origin).T
        score = symmetric_mean_of_maxima(cosines)
        moments = matching_moments(cosines, query.times, candidate.times)
        matches.append(Match(clip_id, score, moments))
    return sorted(matches, key=lambda match: (-match.score, match.clip_id))


def centre(vectors: Floats, origin: Floats) -> Floats:
    """Unit rows [n, d] seen from `origin` [d], as unit rows again; a row at the origin stays 0."""
    moved = vectors - origin
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    centred: Floats = np.divide(moved, lengths, out=np.zeros_like(moved), where=lengths > 1e-6)
    return centred


def symmetric_mean_of_maxima(cosines: Floats) -> float:
    """Cosines [m, n] between two clips' frames → one number, the same both ways round."""
    return float((cosines.max(axis=1).mean() + cosines.max(axis=0).mean()) / 2)


def matching_moments(
    cosines: Floats, query_times: Floats, match_times: Floats
) -> tuple[Moment, ...]:
    """Where two clips show the same: cosines [m, n], times [m] and [n] → moments, best first.

    Around the best pair of frames, the stretch in each clip whose frames keep their best
    counterpart within MOMENT_SHARE of it; then again among the frames that are left.
    """
    left = cosines.copy()
    found: list[Moment] = []
    while len(found) < MAX_MOMENTS:
        i, j = np.unravel_index(int(left.argmax()), left.shape)
        peak = float(left[i, j])
        if peak <= 0 or (found and peak < SECOND_MOMENT_SHARE * found[0].similarity):
            break
        rows = _stretch(left.max(axis=1) >= MOMENT_SHARE * peak, int(i))
        columns = _stretch(left[rows].max(axis=0) >= MOMENT_SHARE * peak, int(j))
        found.append(
            Moment(
                query_start=float(query_times[rows][0]),
                query_end=float(query_times[rows][-1]),
                match_start=float(match_times[columns][0]),
                match_end=float(match_times[columns][-1]),
                query_time=float(query_times[i]),
                match_time=float(match_times[j]),
                similarity=peak,
            )
        )
        left[rows, :] = -1
        left[:, columns] = -1
    return tuple(found)


def _stretch(inside: npt.NDArray[np.bool_], start: int) -> slice:
    """The unbroken run of True around `start`, as a slice."""
    first = last = start
    while first > 0 and inside[first - 1]:
        first -= 1
    while last + 1 < len(inside) and inside[last + 1]:
        last += 1
    return slice(first, last + 1)


def _ordered(scores: Mapping[str, float]) -> list[Match]:
    ordered = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    return [Match(clip_id, score) for clip_id, score in ordered]
