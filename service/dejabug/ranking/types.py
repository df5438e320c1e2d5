"""Data types of the ranking: hits, clips as arrays, matches with their moments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dejabug.ranking.evidence import Evidence

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Hit:
    """One frame found by a nearest-neighbour query: its clip, its time in seconds, its cosine, and
    its issue, if given."""

    clip_id: str
    time: float
    similarity: float
    issue_id: str = ""


@dataclass(frozen=True)
class TimedVectors:
    """A clip's frames: times float32 [n] in seconds, ascending; vectors float32 [n, d], unit."""

    times: Floats
    vectors: Floats


@dataclass(frozen=True)
class Signature:
    """A small grey version of a clip, to recognise copies of one recording: `pictures` uint8
    [m, 12, 12] at `times` float32 [m], seconds, ascending. Empty for a screenshot (m = 0)."""

    times: Floats
    pictures: npt.NDArray[np.uint8]


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
    """A similar clip, with the moments that match, best first.

    `score` orders matches. In the default ranking it is the probability, 0 to 1, that a reader
    would call it the same bug; the other numbers are the evidence behind it (see `Evidence`).
    """

    clip_id: str
    score: float
    moments: tuple[Moment, ...] = ()
    frames: float = 0.0
    words: float | None = None
    rank: float = 0.0
    size: float = 0.0
    copy: float = 0.0

    @property
    def evidence(self) -> Evidence:
        """The evidence for the score."""
        return Evidence(self.frames, self.words, self.rank, self.size, self.copy)


def ordered(scores: Mapping[str, float]) -> list[Match]:
    """Scores by clip → matches, best first; ties by the clip's id, so that runs agree."""
    best_first = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    return [Match(clip_id, score) for clip_id, score in best_first]
