"""Hits → matches: pure functions on arrays, no I/O."""

from __future__ import annotations

from dejabug.ranking.calibration import (
    FITTED_SHARE,
    SURE_COPY,
    Calibration,
    Calibrations,
    copy_probability,
    fit,
    logistic,
)
from dejabug.ranking.copies import likeness_in_step, motion_of
from dejabug.ranking.evidence import Evidence
from dejabug.ranking.frames import Compared, compare, frame_backgrounds, soft_maximum
from dejabug.ranking.moments import matching_moments
from dejabug.ranking.pairs import Origins, Side, rank_pairs
from dejabug.ranking.patches import (
    centre_patches,
    likeness_of_patches,
    matching,
    unusual,
    usual_of_patches,
)
from dejabug.ranking.recipe import Recipe
from dejabug.ranking.reference import (
    KEPT,
    Likeness,
    Reference,
    background_of,
    nearest_of,
    reference_of,
    size_evidence,
)
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
from dejabug.ranking.vectors import centre, spread
from dejabug.ranking.words import ENOUGH_TERMS, likenesses, words_evidence

__all__ = [
    "ENOUGH_TERMS",
    "FITTED_SHARE",
    "KEPT",
    "LIKELY",
    "POSSIBLE",
    "SURE_COPY",
    "Calibration",
    "Calibrations",
    "Compared",
    "Evidence",
    "Floats",
    "Hit",
    "Likeness",
    "Match",
    "Moment",
    "Origins",
    "Recipe",
    "Reference",
    "Relevance",
    "Scale",
    "Side",
    "Signature",
    "TimedVectors",
    "background_of",
    "centre",
    "centre_patches",
    "compare",
    "copy_probability",
    "coverage",
    "fit",
    "frame_backgrounds",
    "likeness_in_step",
    "likeness_of_patches",
    "likenesses",
    "logistic",
    "matching",
    "matching_moments",
    "motion_of",
    "nearest_of",
    "picture_score",
    "rank_pairs",
    "reference_of",
    "relevance_of",
    "size_evidence",
    "soft_maximum",
    "spread",
    "terms_of",
    "unusual",
    "usual_of_patches",
    "words_evidence",
    "words_score",
]
