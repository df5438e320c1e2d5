"""Learning from duplicates, and whether it pays: each lesson is kept only if it wins on held-out
groups."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dejabug.evaluation.calibrate import Judged, judge
from dejabug.evaluation.corpus import Corpus, Item, Progress, unseen
from dejabug.evaluation.metrics import RESAMPLES, Metrics, average_precision, summarise
from dejabug.evaluation.rankings import rank_all
from dejabug.lessons import Lessons
from dejabug.ranking import Calibration, Calibrations, Floats, fit
from dejabug.ranking.adapter import fit_projection
from dejabug.ranking.calibration import FRAMES_ONLY, WITH_WORDS

# Parts that the groups are split into; each is held out once.
FOLDS = 5
# With fewer groups of duplicates nothing is learned: chance would decide.
FEWEST_GROUPS = 10
# A projection is kept when its gain in mAP is above zero in this share of bootstrap resamples.
SURE = 0.95
# Clips that a projection is learned from at most: what fits in memory with room to spare.
MOST_CLIPS = 20_000


class TooFewError(ValueError):
    """There are not enough duplicates to learn from; the message says how many there are."""


@dataclass(frozen=True)
class Learned:
    """What learning gave. `before` and `after` are of held-out groups, ranked without and with a
    projection learned from the others; the losses (mean negative log-likelihood of held-out pairs,
    in nats) likewise of the calibration. `lessons` holds what won, learned from everything."""

    before: Metrics
    after: Metrics
    sure: float
    loss_before: float
    loss_after: float
    lessons: Lessons

    @property
    def projection_wins(self) -> bool:
        """Whether the projection is among the lessons."""
        return self.lessons.projection is not None

    @property
    def calibration_wins(self) -> bool:
        """Whether refitted calibrations are among the lessons."""
        return self.lessons.calibrations is not None


def learn(corpus: Corpus, progress: Progress = unseen) -> Learned:
    """Learn a projection and calibrations from a corpus's groups; minutes for thousands of clips.

    Raises TooFewError.
    """
    names = sorted({item.group for item in corpus.queries() if item.group is not None})
    if len(names) < FEWEST_GROUPS:
        raise TooFewError(
            f"{len(names)} groups of duplicates are known, and {FEWEST_GROUPS} are needed to learn "
            "from. Link duplicates in Jira, or tell pairs with: dejabug verdict"
        )
    order = np.random.default_rng(0).permutation(len(names))
    fold_of = {names[number]: place % FOLDS for place, number in enumerate(order)}
    held_out: dict[str, tuple[int, ...]] = {}
    queries = corpus.queries()
    plain = {query.clip_id: _ranks(corpus, query, Lessons()) for query in queries}
    learner = _Learner(corpus)
    for fold in range(FOLDS):
        others = {name for name in names if fold_of[name] != fold}
        lessons = Lessons(projection=learner.projection(others))
        for query in queries:
            if fold_of[query.group or ""] == fold:
                held_out[query.clip_id] = _ranks(corpus, query, lessons)
                progress(len(held_out), len(queries))
    sure = _surety(queries, plain, held_out)
    projection = learner.projection(set(names)) if sure >= SURE else None
    kept = Lessons(projection=projection)
    frames, words = (_judged(corpus, kept, use_words=use) for use in (False, True))
    parts = [fold_of.get(corpus_group, 0) for corpus_group in _groups_of(corpus, words)]
    calibrations = Calibrations(_curve(frames, FRAMES_ONLY), _curve(words, WITH_WORDS))
    loss_before = _loss(words, WITH_WORDS)
    loss_after = _held_out_loss(words, parts)
    return Learned(
        summarise([plain[query.clip_id] for query in queries]),
        summarise([held_out[query.clip_id] for query in queries]),
        sure,
        loss_before,
        loss_after,
        replace(kept, calibrations=calibrations if loss_after < loss_before else None),
    )


def _ranks(corpus: Corpus, query: Item, lessons: Lessons) -> tuple[int, ...]:
    matches = corpus.place.finder_with(lessons).like_clip(query.clip_id, corpus.projects)
    return rank_all(corpus, query, {match.clip_id: match.score for match in matches})


class _Learner:
    """A corpus's frames, read once for all folds."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        index = corpus.place.index
        self._clips = index.clip_vectors([item.clip_id for item in corpus.items][:MOST_CLIPS])
        self._mean = index.mean(corpus.projects)

    def projection(self, groups: Container[str]) -> Floats:
        """Learned from the pairs within these groups; all clips show what tells clips apart."""
        pairs = [
            (query.clip_id, other.clip_id)
            for query in self._corpus.queries()
            if query.group in groups
            for other in self._corpus.relevant(query)
            if query.clip_id < other.clip_id
            and {query.clip_id, other.clip_id} <= self._clips.keys()
        ]
        return fit_projection(self._clips, pairs, *self._mean)


def _surety(
    queries: Sequence[Item],
    before: dict[str, tuple[int, ...]],
    after: dict[str, tuple[int, ...]],
) -> float:
    """The share of bootstrap resamples of groups in which held-out mAP rises."""
    gains: dict[str, list[float]] = {}
    for query in queries:
        gain = average_precision(after[query.clip_id]) - average_precision(before[query.clip_id])
        gains.setdefault(query.group or "", []).append(gain)
    sums = np.array([sum(values) for values in gains.values()])
    drawn = np.random.default_rng(0).integers(len(sums), size=(RESAMPLES, len(sums)))
    return float((sums[drawn].sum(axis=1) > 0).mean())


def _judged(corpus: Corpus, lessons: Lessons, *, use_words: bool) -> list[Judged]:
    """Pairs with a truth: those of clips that have a duplicate, and those that were rejected."""
    asking = {query.clip_id for query in corpus.queries()}
    judged = judge(corpus, use_words=use_words, lessons=lessons)
    return [pair for pair in judged if pair.query in asking or pair.rejected]


def _groups_of(corpus: Corpus, judged: Iterable[Judged]) -> list[str]:
    group_of = {item.clip_id: item.group or "" for item in corpus.items}
    return [group_of[pair.query] for pair in judged]


def _curve(judged: Sequence[Judged], prior: Calibration) -> Calibration:
    return fit([pair.evidence for pair in judged], [pair.same for pair in judged], prior)


def _loss(judged: Sequence[Judged], curve: Calibration) -> float:
    chances = np.array([curve.probability(pair.evidence) for pair in judged]).clip(1e-6, 1 - 1e-6)
    same = np.array([pair.same for pair in judged])
    return float(-np.log(np.where(same, chances, 1 - chances)).mean())


def _held_out_loss(judged: Sequence[Judged], parts: Sequence[int]) -> float:
    total = 0.0
    for part in set(parts):
        rest = [pair for pair, at in zip(judged, parts, strict=True) if at != part]
        held = [pair for pair, at in zip(judged, parts, strict=True) if at == part]
        total += _loss(held, _curve(rest, WITH_WORDS)) * len(held)
    return total / max(1, len(judged))
