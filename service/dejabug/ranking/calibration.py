"""From a ranking's raw evidence to a probability that means the same for every game."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

# Newton steps until a fit's gradient is zero; ten are plenty for two numbers.
NEWTON_STEPS = 100
STILL = 1e-9
# No fit is flatter than this: a higher evidence must never mean a lower probability.
LEAST_SLOPE = 0.1


@dataclass(frozen=True)
class Calibration:
    """Platt scaling (Platt, "Probabilistic Outputs for Support Vector Machines", 1999): the
    probability of a duplicate is 1 / (1 + exp(-(slope * evidence + intercept)))."""

    slope: float
    intercept: float

    def probability(self, evidence: float) -> float:
        """Raw evidence → 0 to 1."""
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, self.slope * evidence + self.intercept))))

    def evidence(self, probability: float) -> float:
        """The raw evidence that has this probability, strictly between 0 and 1."""
        return (math.log(probability / (1 - probability)) - self.intercept) / self.slope


# Fitted on the demo and the development set together, for each clip's ten best candidates, by
# `dejabug eval … --fit` (docs/quality.md).
FRAMES_ONLY = Calibration(slope=13.7, intercept=2.1)
WITH_WORDS = Calibration(slope=16.7, intercept=4.8)
# Fitted on the same sets' buggy tickets, for each ticket's ten nearest of its game: 92 % right from
# 0.9 on, 94 % from 0.95 on. The tickets' words are the recorder's own, so trust it less.
WORDS_ONLY = Calibration(slope=15.8, intercept=1.4)


@dataclass(frozen=True)
class Calibrations:
    """One calibration for a ranking by frames alone, one for frames and words, one for the words
    of tickets that have no clip."""

    frames: Calibration = field(default=FRAMES_ONLY)
    with_words: Calibration = field(default=WITH_WORDS)
    words: Calibration = field(default=WORDS_ONLY)

    def choose(self, *, with_words: bool) -> Calibration:
        """The one for a ranking with or without words."""
        return self.with_words if with_words else self.frames


def fit(
    evidence: Sequence[float],
    same: Sequence[bool],
    prior: Calibration,
    *,
    trust: float = 20.0,
) -> Calibration:
    """Pairs' raw evidence and whether they were the same bug → a calibration.

    Maximum a posteriori: the prior is trusted like `trust` pairs, so that a studio's first ten
    verdicts bend the curve and do not break it. The slope is LEAST_SLOPE at least, and the
    intercept the best one for it. With no pairs, the prior. Raises ValueError when the lengths
    differ.
    """
    if len(evidence) != len(same):
        raise ValueError(f"{len(evidence)} pairs and {len(same)} verdicts")
    x = np.column_stack([np.asarray(evidence, float), np.ones(len(evidence))])
    y = np.asarray(same, float)
    middle = np.array([prior.slope, prior.intercept])
    # The information that `trust` pairs at even odds would carry, around the prior's own middle.
    spread = np.array([0.05, 0.25]) * trust
    slope, intercept = _likeliest(x, y, np.zeros(len(y)), middle, spread)
    if slope < LEAST_SLOPE:
        # The intercept goes with the slope: beside another one it would be far off.
        slope = LEAST_SLOPE
        (intercept,) = _likeliest(x[:, 1:], y, x[:, 0] * slope, middle[1:], spread[1:])
    return Calibration(slope=float(slope), intercept=float(intercept))


def _likeliest(
    x: Numbers, y: Numbers, offset: Numbers, middle: Numbers, spread: Numbers
) -> Numbers:
    """The weights [k] of a logistic regression of `y` [n] on `x` [n, k], with `offset` [n] added,
    under a Gaussian prior of `middle` [k] and inverse variances `spread` [k]."""

    def loss(weights: Numbers) -> float:
        z = x @ weights + offset
        unlikely = np.logaddexp(0, z) - y * z
        return float(unlikely.sum() + (spread * (weights - middle) ** 2).sum() / 2)

    at = middle.copy()
    for _ in range(NEWTON_STEPS):
        p = 1 / (1 + np.exp(-np.clip(x @ at + offset, -60, 60)))
        gradient = x.T @ (p - y) + spread * (at - middle)
        if np.abs(gradient).max() < STILL:
            break
        step = np.linalg.solve((x.T * (p * (1 - p))) @ x + np.diag(spread), gradient)
        # A full step from far away can overshoot, and two such steps can lead in a circle: halve
        # it until it gains what a step of its length should (Armijo's rule).
        size = 1.0
        while loss(at - size * step) > loss(at) - 1e-4 * size * float(gradient @ step):
            size /= 2
            if size < STILL:
                return at
        at = at - size * step
    return at
