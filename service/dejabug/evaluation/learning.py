"""Learns the score's weights from a studio's own duplicates, and keeps them only if they fit
held-out groups better."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dejabug.evaluation.calibrate import Judged, judge
from dejabug.evaluation.corpus import Corpus, Item, Progress, unseen
from dejabug.evaluation.metrics import RESAMPLES
from dejabug.infra.errors import UserError
from dejabug.ranking import Calibration, Calibrations, fit
from dejabug.ranking.calibration import FRAMES_ONLY, WITH_WORDS
from dejabug.records.learned_parameters import LearnedParameters

# Cross-validation folds of the groups; each is held out once.
FOLDS = 5
# With fewer groups of duplicates nothing is learned: chance would decide.
FEWEST_GROUPS = 10
# Learned weights are kept if their gain on held-out groups is above zero in this share of bootstrap
# resamples of groups.
SURE = 0.9
# Maximum number of query clips: first all that have a duplicate, then others at random.
MOST_ASKING = 2_000


class TooFewError(UserError):
    """There are not enough duplicates to learn from; the message says how many there are."""


@dataclass(frozen=True)
class Learned:
    """The result of learning.

    Attributes:
        groups, pairs: what was learned from.
        loss_before, loss_after: mean negative log-likelihood, in nats, of held-out pairs, with the
            weights as shipped and with weights learned from the other folds.
        sure: the share of bootstrap resamples of groups in which the loss falls.
        lessons: the better weights, learned from everything; as shipped if learning did not help.
    """

    groups: int
    pairs: int
    loss_before: float
    loss_after: float
    sure: float
    lessons: LearnedParameters

    @property
    def wins(self) -> bool:
        """Whether the learned weights are kept."""
        return self.lessons.calibrations is not None


def learn(
    corpus: Corpus, progress: Progress = unseen, *, most_asking: int = MOST_ASKING
) -> Learned:
    """Learn weights from a corpus's groups of duplicates. Each clip is a query once, with and
    without its ticket's words, `most_asking` clips at most. Raises TooFewError."""
    names = sorted({item.group for item in corpus.queries() if item.group is not None})
    if len(names) < FEWEST_GROUPS:
        raise TooFewError(
            f"{len(names)} groups of duplicates are known, but learning needs {FEWEST_GROUPS}. "
            "Link duplicates in Jira, or record pairs with: dejabug verdict"
        )
    asking = _asking(corpus, most_asking)
    done = 0

    def one_more(_done: int, _total: int) -> None:
        nonlocal done
        progress(done := done + 1, 2 * len(asking))

    frames, words = (
        judge(corpus, use_words=use, lessons=LearnedParameters(), asking=asking, progress=one_more)
        for use in (False, True)
    )
    order = np.random.default_rng(0).permutation(len(names))
    fold_of = {names[number]: place % FOLDS for place, number in enumerate(order)}
    group_of = {item.clip_id: item.group or item.issue_id for item in corpus.items}
    held_out = [
        (group_of[pair.query], loss)
        for fold in range(FOLDS)
        for pair, loss in _held_out(words, fold, fold_of, group_of)
    ]
    before, after = (np.array([loss[number] for _, loss in held_out]) for number in (0, 1))
    sure = _surety([group for group, _ in held_out], before - after)
    wins = bool(after.mean() < before.mean()) and sure >= SURE
    curves = Calibrations(_curve(frames, FRAMES_ONLY), _curve(words, WITH_WORDS))
    return Learned(
        len(names),
        len(words),
        float(before.mean()),
        float(after.mean()),
        sure,
        LearnedParameters(curves if wins else None),
    )


def _asking(corpus: Corpus, most: int) -> list[Item]:
    """The query clips: those with a duplicate first, then others at random."""
    queries = {item.clip_id for item in corpus.queries()}
    drawn = np.random.default_rng(0).permutation(len(corpus.items))
    shuffled = sorted(
        (corpus.items[n] for n in drawn), key=lambda item: item.clip_id not in queries
    )
    return shuffled[:most]


def _held_out(
    judged: Sequence[Judged], fold: int, fold_of: dict[str, int], group_of: dict[str, str]
) -> Iterable[tuple[Judged, tuple[float, float]]]:
    """The pairs of one fold, each with its losses before and after learning from the others."""

    def part(pair: Judged) -> int:
        group = group_of[pair.query]
        return fold_of.get(group, sum(map(ord, group)) % FOLDS)

    rest = [pair for pair in judged if part(pair) != fold]
    curve = _curve(rest, WITH_WORDS)
    for pair in judged:
        if part(pair) == fold:
            yield pair, (_loss(pair, WITH_WORDS), _loss(pair, curve))


def _surety(groups: Sequence[str], gains: np.ndarray) -> float:
    """The share of bootstrap resamples of groups in which the sum of gains is above zero."""
    sums: dict[str, float] = {}
    for group, gain in zip(groups, gains.tolist(), strict=True):
        sums[group] = sums.get(group, 0.0) + gain
    each = np.array(list(sums.values()))
    drawn = np.random.default_rng(0).integers(len(each), size=(RESAMPLES, len(each)))
    return float((each[drawn].sum(axis=1) > 0).mean())


def _curve(judged: Sequence[Judged], prior: Calibration) -> Calibration:
    return fit([pair.evidence for pair in judged], [pair.same for pair in judged], prior)


def _loss(pair: Judged, curve: Calibration) -> float:
    chance = min(1 - 1e-6, max(1e-6, curve.probability(pair.evidence)))
    return float(-np.log(chance if pair.same else 1 - chance))
