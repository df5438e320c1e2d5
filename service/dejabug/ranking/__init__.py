"""Hits → matches: pure functions on arrays, no I/O."""

from __future__ import annotations

from dejabug.ranking.background import centre
from dejabug.ranking.calibration import Calibration, Calibrations, fit
from dejabug.ranking.frames import by_frames, soft_maximum
from dejabug.ranking.moments import matching_moments
from dejabug.ranking.paper import POOL_SIZE, majority, top_k
from dejabug.ranking.recipe import Recipe
from dejabug.ranking.relevance import (
    LIKELY,
    POSSIBLE,
    Relevance,
    Scale,
    picture_score,
    relevance_of,
    words_score,
)
from dejabug.ranking.terms import coverage, terms_of
from dejabug.ranking.types import Floats, Hit, Match, Moment, Signature, TimedVectors
from dejabug.ranking.words import combined_evidence, word_evidence

__all__ = [
    "LIKELY",
    "POOL_SIZE",
    "POSSIBLE",
    "Calibration",
    "Calibrations",
    "Floats",
    "Hit",
    "Match",
    "Moment",
    "Recipe",
    "Relevance",
    "Scale",
    "Signature",
    "TimedVectors",
    "by_frames",
    "centre",
    "combined_evidence",
    "coverage",
    "fit",
    "majority",
    "matching_moments",
    "picture_score",
    "relevance_of",
    "soft_maximum",
    "terms_of",
    "top_k",
    "word_evidence",
    "words_score",
]
