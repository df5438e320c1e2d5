"""Hits → matches: pure functions on arrays, no I/O."""

from __future__ import annotations

from dejabug.ranking.background import centre
from dejabug.ranking.calibration import Calibration, Calibrations, fit
from dejabug.ranking.frames import by_frames, soft_maximum
from dejabug.ranking.fusion import fused
from dejabug.ranking.moments import matching_moments
from dejabug.ranking.paper import POOL_SIZE, majority, top_k
from dejabug.ranking.recipe import Recipe
from dejabug.ranking.types import Floats, Hit, Match, Moment, Signature, TimedVectors
from dejabug.ranking.words import combined_evidence, word_evidence

__all__ = [
    "POOL_SIZE",
    "Calibration",
    "Calibrations",
    "Floats",
    "Hit",
    "Match",
    "Moment",
    "Recipe",
    "Signature",
    "TimedVectors",
    "by_frames",
    "centre",
    "combined_evidence",
    "fit",
    "fused",
    "majority",
    "matching_moments",
    "soft_maximum",
    "top_k",
    "word_evidence",
]
