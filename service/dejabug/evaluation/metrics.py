"""Retrieval metrics, with bootstrap intervals: mRR, mAP, HIT@k, mean rank.

All use ranks: for one query, the ranks (1 is first) of its relevant clips in a ranking of all other
clips. Definitions as in Manning, Raghavan, Schütze, "Introduction to Information Retrieval", 2008,
chapter 8; the choice of metrics follows Tango (Cooper et al., ICSE 2021) and Janus (ICSE 2024).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

# Resamples of a bootstrap; the interval's ends then vary by less than a third of a point.
RESAMPLES = 2000
# The share of resamples within an interval.
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Metrics:
    """Means over queries. `mean_rank` is of each query's first relevant clip."""

    mrr: float
    map: float
    hit1: float
    hit5: float
    mean_rank: float
    queries: int

    def as_json(self) -> dict[str, float | int]:
        """The same, for a JSON file."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Interval:
    """Both ends of a 95 % bootstrap interval for each metric, by its name."""

    ends: dict[str, tuple[float, float]]


def reciprocal_rank(ranks: Sequence[int]) -> float:
    """1 / the rank of the first relevant clip."""
    return 1 / min(ranks)


def average_precision(ranks: Sequence[int]) -> float:
    """The mean, over the relevant clips, of the precision down to each one's rank."""
    return float(np.mean([number / rank for number, rank in enumerate(sorted(ranks), start=1)]))


def summarise(ranks: Sequence[Sequence[int]]) -> Metrics:
    """Ranks of each query's relevant clips (none of them empty) → means. Zero without queries."""
    return _means(_columns(ranks))


def bootstrap(ranks: Sequence[Sequence[int]], groups: Sequence[str], seed: int = 0) -> Interval:
    """The 95 % interval of each metric, resampling whole groups of duplicates.

    The queries of one group (`groups` [n]) share their relevant clips, so they are drawn together:
    drawn separately, they would make the interval too narrow.
    """
    columns = _columns(ranks)
    rng = np.random.default_rng(seed)
    names = sorted(set(groups))
    members = [np.flatnonzero([group == name for group in groups]) for name in names]
    drawn: dict[str, list[float]] = {name: [] for name in columns}
    for _ in range(RESAMPLES if members else 0):
        picked = rng.integers(len(members), size=len(members))
        chosen = np.concatenate([members[number] for number in picked])
        for name, column in columns.items():
            drawn[name].append(float(column[chosen].mean()))
    tail = 100 * (1 - CONFIDENCE) / 2
    return Interval(
        {
            name: (float(np.percentile(values, tail)), float(np.percentile(values, 100 - tail)))
            for name, values in drawn.items()
            if values
        }
    )


def at_random(relevant: Sequence[int], others: Sequence[int], seed: int = 0) -> Metrics:
    """The metrics of a random ranking: for each query, `relevant` of its `others` are relevant."""
    rng = np.random.default_rng(seed)
    rounds = max(1, RESAMPLES // max(1, len(relevant)))
    ranks = [
        sorted((rng.choice(total, size=count, replace=False) + 1).tolist())
        for count, total in zip(relevant, others, strict=True)
        for _ in range(rounds)
    ]
    found = summarise(ranks)
    return Metrics(found.mrr, found.map, found.hit1, found.hit5, found.mean_rank, len(relevant))


_COLUMNS: dict[str, Callable[[Sequence[int]], float]] = {
    "mrr": reciprocal_rank,
    "map": average_precision,
    "hit1": lambda ranks: float(min(ranks) == 1),
    "hit5": lambda ranks: float(min(ranks) <= 5),
    "mean_rank": lambda ranks: float(min(ranks)),
}


def _columns(ranks: Sequence[Sequence[int]]) -> dict[str, npt.NDArray[np.float64]]:
    return {name: np.array([of(query) for query in ranks]) for name, of in _COLUMNS.items()}


def _means(columns: dict[str, npt.NDArray[np.float64]]) -> Metrics:
    values = {name: float(c.mean()) if len(c) else 0.0 for name, c in columns.items()}
    return Metrics(**values, queries=len(columns["mrr"]))
