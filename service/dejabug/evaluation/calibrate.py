"""Precision and recall of comments, calibration error, and the fit of the score curves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dejabug.evaluation.corpus import Corpus, Item, Progress, unseen
from dejabug.ranking import Calibration, Calibrations, Evidence, fit
from dejabug.ranking.calibration import FRAMES_ONLY, WITH_WORDS
from dejabug.records.learned_parameters import LearnedParameters

# The best candidates of each clip that curves are fitted on: below, no pair is a duplicate.
FITTED = 10
# The target precision of comments.
WANTED_PRECISION = 0.95


@dataclass(frozen=True)
class Judged:
    """A match with its label: the evidence behind it, its score, its rank among the query's matches
    (1 is first), whether both clips show the same bug, and whether somebody rejected it."""

    query: str
    services: int
    score: float
    evidence: Evidence
    same: bool
    rejected: bool = False


@dataclass(frozen=True)
class Point:
    """The results at a threshold: how many matches are named, how many of them are right, and the
    share of tickets with a duplicate that get a right one."""

    threshold: float
    named: int
    right: int
    found: float

    @property
    def precision(self) -> float:
        """The share of named matches that are right; 1 if none is named."""
        return self.right / self.named if self.named else 1.0


def judge(
    corpus: Corpus,
    *,
    use_words: bool,
    lessons: LearnedParameters | None = None,
    asking: Sequence[Item] | None = None,
    progress: Progress = unseen,
) -> list[Judged]:
    """Use every clip of a corpus, also the bug-free ones, as a query for its FITTED best matches;
    if it is known when clips were attached, among earlier ones.

    `lessons`: learned weights other than the current ones; `asking`: only these clips are queries.
    """
    who = corpus.items if asking is None else asking
    item_of = {item.clip_id: item for item in corpus.items}
    retriever = (
        corpus.services.retrievers.active
        if lessons is None
        else corpus.services.retrievers.learned_from(lessons)
    )
    judged = []
    for number, item in enumerate(who, start=1):
        found = retriever.like_clip(item.clip_id, corpus.projects, use_words=use_words)
        matches = [
            match
            for match in found
            if match.clip_id in item_of and _is_earlier(item_of[match.clip_id], item)
        ][:FITTED]
        issues = [item_of[match.clip_id].issue_id for match in matches]
        rejected = corpus.services.records.verdicts.rejected(item.issue_id, issues)
        judged += [
            Judged(
                item.clip_id,
                services,
                match.score,
                match.evidence,
                item.group is not None and item.group == item_of[match.clip_id].group,
                issue in rejected,
            )
            for services, (match, issue) in enumerate(zip(matches, issues, strict=True), start=1)
        ]
        progress(number, len(who))
    return judged


def _is_earlier(other: Item, item: Item) -> bool:
    return other.attached is None or item.attached is None or other.attached <= item.attached


def refit(frames: Sequence[Judged], with_words: Sequence[Judged]) -> Calibrations:
    """The two curves fitted on judged matches, with almost no weight on the current ones."""

    def curve(judged: Sequence[Judged], prior: Calibration) -> Calibration:
        return fit_alone([j.evidence for j in judged], [j.same for j in judged], prior)

    return Calibrations(curve(frames, FRAMES_ONLY), curve(with_words, WITH_WORDS))


def fit_alone(
    evidence: Sequence[Evidence], same: Sequence[bool], start: Calibration
) -> Calibration:
    """A curve fitted on pairs, with almost no weight on the one that the fit starts from."""
    return fit(evidence, same, start, trust=0.01)


def precision_recall(judged: Iterable[Judged], *, limit: int, asking: int) -> list[Point]:
    """What would be commented at each threshold, at most `limit` matches a ticket; thresholds rise.

    `asking` is the number of tickets that have a duplicate.
    """
    named = [match for match in judged if match.services <= limit]
    points = []
    for threshold in sorted({match.score for match in named}):
        shown = [match for match in named if match.score >= threshold]
        right = [match for match in shown if match.same]
        found = len({match.query for match in right}) / max(1, asking)
        points.append(Point(threshold, len(shown), len(right), found))
    return points


def threshold_for(points: Sequence[Point], precision: float = WANTED_PRECISION) -> Point | None:
    """The lowest threshold from which all higher ones keep this precision; None if none."""
    chosen = None
    for point in reversed(points):
        if point.precision < precision:
            break
        chosen = point
    return chosen


def expected_calibration_error(judged: Sequence[Judged], bins: int = 10) -> float:
    """The expected calibration error: the mean difference, over bins of equal width, between a
    bin's mean score and its share of true pairs, weighted by its size (Naeini et al., AAAI
    2015)."""
    scores = np.array([match.score for match in judged])
    same = np.array([match.same for match in judged], float)
    number = np.minimum((scores * bins).astype(int), bins - 1)
    return float(
        sum(
            abs(scores[number == n].mean() - same[number == n].mean()) * (number == n).mean()
            for n in range(bins)
            if (number == n).any()
        )
    )
