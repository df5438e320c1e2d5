"""From a pair's evidence to a probability that means the same in every game."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from dejabug.ranking.evidence import Evidence

Numbers = npt.NDArray[np.float64]

# Newton steps until a fit's gradient is zero; ten are plenty for a few numbers.
NEWTON_STEPS = 100
STILL = 1e-9
# No fit gives frames or words a smaller weight than this: more evidence must never mean a lower
# probability. In the same way, lower ranks never mean a higher one.
LEAST_WEIGHT = 0.1
# The share of tickets with an earlier duplicate in the arrivals that the weights were fitted on.
FITTED_SHARE = 0.42
# Range of a project's share of duplicates, for the prior.
LEAST_SHARE, GREATEST_SHARE = 0.01, 0.9
# Minimum probability of two clips with words: some tickets describe a bug in very different words.
OTHER_WORDS = 0.02
# The in-step correlation at which two clips are as likely to be copies of one recording as not, and
# how fast the certainty grows. Scripted runs of one game over one track reach 0.74 without being
# copies (docs/explanation/quality.md).
COPY_MIDDLE, COPY_WEIGHT = 0.75, 25.0
# From this correlation up, two clips are called copies of one recording: the probability is 0.9.
SURE_COPY = 0.84


@dataclass(frozen=True)
class Calibration:
    """A logistic regression on a pair's evidence (Platt, "Probabilistic Outputs for Support Vector
    Machines", 1999, with several inputs): one weight for each part, and the intercept."""

    frames: float = 0.0
    words: float = 0.0
    rank: float = 0.0
    size: float = 0.0
    intercept: float = 0.0

    def log_odds(self, evidence: Evidence) -> float:
        """The log odds that both clips show the same bug, without the evidence of a copied
        recording."""
        return float(_inputs(evidence) @ self.weights())

    def probability(self, evidence: Evidence, share: float = FITTED_SHARE) -> float:
        """0 to 1. `share`: the share of the project's tickets that have an earlier duplicate, 0 to
        1."""
        odds = self.log_odds(evidence) + prior_odds(share)
        if evidence.copy > 0:
            odds = max(odds, _copy_odds(evidence.copy))
        return logistic(odds)

    def weights(self) -> Numbers:
        """The weights [5], the intercept last."""
        return np.array([self.frames, self.words, self.rank, self.size, self.intercept])


def copy_probability(copy: float) -> float:
    """The probability that two clips are copies of one recording, by their in-step correlation, 0
    to 1."""
    return logistic(_copy_odds(copy))


def _copy_odds(copy: float) -> float:
    return COPY_WEIGHT * (copy - COPY_MIDDLE)


def logistic(odds: float) -> float:
    """Log odds → a probability."""
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, odds))))


def prior_odds(share: float) -> float:
    """The term to add to a pair's log odds in a project with this share of duplicates."""
    at = max(LEAST_SHARE, min(GREATEST_SHARE, share))
    return math.log(at / (1 - at)) - math.log(FITTED_SHARE / (1 - FITTED_SHARE))


# Fitted on arrivals of the demo and of the development set, with a trust of 20 (see `fit`) in
# weights that were fitted elsewhere; validated on tickets of other games that describe the bug
# plainly (docs/explanation/quality.md).
FRAMES_ONLY = Calibration(frames=3.89, rank=-0.96, size=0.63, intercept=-1.45)
WITH_WORDS = Calibration(frames=5.05, words=11.57, rank=-0.7, size=0.65, intercept=-1.32)
# For the words of tickets that have no clip.
WORDS_ONLY = Calibration(words=15.0, intercept=-2.1)


@dataclass(frozen=True)
class Calibrations:
    """One calibration for pairs of clips by their frames alone, one for frames and words, one for
    the words of tickets without a clip. `share`: the share of the studio's tickets that have an
    earlier duplicate."""

    frames: Calibration = field(default=FRAMES_ONLY)
    with_words: Calibration = field(default=WITH_WORDS)
    words: Calibration = field(default=WORDS_ONLY)
    share: float = FITTED_SHARE

    def choose(self, *, with_words: bool) -> Calibration:
        """The one for pairs of clips with or without words."""
        return self.with_words if with_words else self.frames

    def probability(self, evidence: Evidence) -> float:
        """The probability, 0 to 1, that a pair of clips shows the same bug."""
        worded = evidence.words is not None
        least = OTHER_WORDS if worded else 0.0
        curve = self.choose(with_words=worded)
        return least + (1 - least) * curve.probability(evidence, self.share)

    def by_pictures_alone(self, evidence: Evidence) -> float:
        """The probability that a pair of clips would have without their tickets' words."""
        return self.probability(replace(evidence, words=None))


def fit(
    evidence: Sequence[Evidence],
    same: Sequence[bool],
    prior: Calibration,
    *,
    trust: float = 1.0,
) -> Calibration:
    """Pairs' evidence and whether they were the same bug → a calibration.

    Maximum a posteriori. At a trust of 1 the prior's weights have a standard deviation of 30 %, and
    its intercept one of 0.8, so a studio's first ten verdicts bend the curve but do not break it.
    A weight that is 0 in the prior stays 0. With no pairs, returns the prior. Raises ValueError
    when the lengths differ.
    """
    if len(evidence) != len(same):
        raise ValueError(f"got {len(evidence)} pairs but {len(same)} verdicts")
    x = np.array([_inputs(each) for each in evidence]).reshape(len(evidence), len(WEIGHTS))
    y = np.asarray(same, float)
    middle = prior.weights()
    spread = trust / np.append((0.3 * np.abs(middle[:-1])).clip(1e-6) ** 2, 0.8**2)
    held = {n: 0.0 for n, weight in enumerate(middle[:-1]) if weight == 0}
    while True:
        free = [n for n in range(len(middle)) if n not in held]
        found = np.array([held.get(n, 0.0) for n in range(len(middle))])
        found[free] = _likeliest(x[:, free], y, x @ found, middle[free], spread[free])
        # Hold weights that crossed a bound at the bound, and fit the others again.
        bounded = found.clip(LOWEST, HIGHEST)
        crossed = {n: float(bounded[n]) for n in free if bounded[n] != found[n]}
        if not crossed:
            break
        held |= crossed
    return replace(prior, **{name: float(found[n]) for n, name in enumerate(WEIGHTS)})


WEIGHTS = ("frames", "words", "rank", "size", "intercept")
# Bounds of each weight in a fit; the size's weight and the intercept may be any number.
LOWEST = (LEAST_WEIGHT, LEAST_WEIGHT, -math.inf, -math.inf, -math.inf)
HIGHEST = (math.inf, math.inf, 0.0, math.inf, math.inf)


def _inputs(evidence: Evidence) -> Numbers:
    return np.array([evidence.frames, evidence.words or 0.0, evidence.rank, evidence.size, 1.0])


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
        p = np.exp(-np.logaddexp(0, -(x @ at + offset)))
        gradient = x.T @ (p - y) + spread * (at - middle)
        if np.abs(gradient).max() < STILL:
            break
        step = np.linalg.solve((x.T * (p * (1 - p))) @ x + np.diag(spread), gradient)
        # A full step from far away can overshoot, and two such steps can form a cycle: halve it
        # until it gains what a step of its length should (Armijo's rule).
        size = 1.0
        while loss(at - size * step) > loss(at) - 1e-4 * size * float(gradient @ step):
            size /= 2
            if size < STILL:
                return at
        at = at - size * step
    return at
