"""Metrics of suggestions on arrival: precision, recall and calibration, with intervals.

Over all arrivals of all orders (see `arrivals`), at a threshold:

- named: suggestions with a score of at least the threshold, at most `limit` for each arrival;
- precision: right / (right + wrong). Related ones are counted separately, and are neither;
- recall: of the arrivals that have an earlier duplicate, the share with a right suggestion;
- recall_at_95: the greatest recall at any threshold at which the precision is 0.95 or more.

The calibration error (ECE; Naeini et al., AAAI 2015) is over the first `limit` suggestions of every
arrival, whatever their score, without the related ones: ten bins of equal width, the difference
between a bin's mean score and its share of right ones, weighted by its size. `ece_of_ten`
is the same over the first ten. It is lower, since most of those correctly score near 0.

A figure without data is None: the precision when no right or wrong suggestion is named, the recall
when no arrival has an earlier duplicate, `recall_at_95` when no threshold reaches 95 %.

Intervals (95 %) are percentiles of a bootstrap over groups of duplicates. A group's arrivals in all
orders are drawn together, since they share their clips; a ticket without a group is a separate
group. Resamples in which a figure is None are left out of its interval, except that a resample that
never reaches 95 % counts as a `recall_at_95` of 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from dejabug.evaluation.arrivals import Arrival
from dejabug.evaluation.calibrate import FITTED, WANTED_PRECISION, Point
from dejabug.evaluation.metrics import CONFIDENCE, RESAMPLES

Numbers = npt.NDArray[np.float64]

# Thresholds in the table.
THRESHOLDS = (0.5, 0.7, 0.8, 0.9, 0.95)
BINS = 10
# Precisions are quotients of small integers; this is less than any two of them differ.
ROUNDING = 1e-9

Ends = tuple[float, float]


@dataclass(frozen=True)
class AtThreshold:
    """The figures at a threshold; `intervals` by the figure's name."""

    threshold: float
    named: int
    right: int
    related: int
    precision: float | None
    recall: float | None
    intervals: dict[str, Ends] = field(default_factory=dict)

    @property
    def wrong(self) -> int:
        """Named suggestions that are neither right nor related."""
        return self.named - self.right - self.related


@dataclass(frozen=True)
class Bin:
    """The suggestions whose scores are in one tenth: how many, their mean score, and the share that
    is right."""

    count: int
    score: float
    right: float


@dataclass(frozen=True)
class Figures:
    """All figures for one kind of query. `curve` has a point for every score, from the lowest;
    `intervals` are of `ece` and `recall_at_95`."""

    arrivals: int
    with_duplicate: int
    ece: float | None
    ece_of_ten: float | None
    default: AtThreshold
    at: tuple[AtThreshold, ...]
    recall_at_95: float | None
    bins: tuple[Bin, ...]
    curve: tuple[Point, ...]
    intervals: dict[str, Ends] = field(default_factory=dict)


def figures(
    arrivals: Sequence[Arrival], *, limit: int, default: float, resamples: int = RESAMPLES
) -> Figures:
    """Measure arrivals, each with its best `limit` suggestions, at THRESHOLDS and at the `default`
    threshold."""
    table = _Table(arrivals, limit)
    thresholds = (default, *THRESHOLDS)
    found = table.measure(np.ones(table.clusters), thresholds)
    intervals = table.intervals(found, thresholds, resamples)
    told = []
    for number, threshold in enumerate(thresholds):
        right, wrong, related = (int(part[number]) for part in found.counts)
        told.append(
            AtThreshold(
                threshold,
                right + wrong + related,
                right,
                related,
                _number(found.values[f"precision {number}"]),
                _number(found.values[f"recall {number}"]),
                {
                    name: intervals[f"{name} {number}"]
                    for name in ("precision", "recall")
                    if f"{name} {number}" in intervals
                },
            )
        )
    of_ten = _Table(arrivals, FITTED).measure(np.ones(table.clusters), ()).values["ece"]
    return Figures(
        len(arrivals),
        sum(arrival.has_duplicate for arrival in arrivals),
        _number(found.values["ece"]),
        _number(of_ten),
        told[0],
        tuple(told[1:]),
        _number(found.values["recall_at_95"]),
        table.bins(),
        table.curve(),
        {name: intervals[name] for name in ("ece", "recall_at_95") if name in intervals},
    )


def as_json(told: Figures) -> dict[str, Any]:
    """The figures for a JSON file: `ece`, `default`, a key for each threshold, `recall_at_95`."""
    return {
        "arrivals": told.arrivals,
        "with_duplicate": told.with_duplicate,
        "ece": _rounded(told.ece),
        "ece_of_ten": _rounded(told.ece_of_ten),
        "default": _as_json(told.default),
        **{f"{each.threshold:g}": _as_json(each) for each in told.at},
        "recall_at_95": _rounded(told.recall_at_95),
        "interval": _ends_as_json(told.intervals),
    }


def _as_json(told: AtThreshold) -> dict[str, Any]:
    return {
        "threshold": told.threshold,
        "named": told.named,
        "right": told.right,
        "related": told.related,
        "precision": _rounded(told.precision),
        "recall": _rounded(told.recall),
        "interval": _ends_as_json(told.intervals),
    }


def _ends_as_json(intervals: dict[str, Ends]) -> dict[str, list[float]]:
    return {name: [round(end, 4) for end in ends] for name, ends in intervals.items()}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


@dataclass(frozen=True)
class _Found:
    """One resample: right, wrong and related at each threshold, and each figure, NaN for none."""

    counts: tuple[Numbers, Numbers, Numbers]
    values: dict[str, float]


class _Table:
    """Suggestions as columns, by descending score, so that a resample is a few sums."""

    def __init__(self, arrivals: Sequence[Arrival], limit: int) -> None:
        names = {name: n for n, name in enumerate(sorted({a.cluster for a in arrivals}))}
        self.clusters = len(names)
        rows = [
            (suggestion, names[arrival.cluster], number)
            for number, arrival in enumerate(arrivals)
            for suggestion in arrival.suggestions[:limit]
        ]
        rows.sort(key=lambda row: -row[0].score)
        self._scores = np.array([suggestion.score for suggestion, *_ in rows])
        self._right = np.array([suggestion.right for suggestion, *_ in rows], float)
        self._related = np.array([suggestion.related for suggestion, *_ in rows], float)
        self._wrong = 1 - self._right - self._related
        self._cluster = np.array([cluster for _, cluster, _ in rows], int)
        # The suggestion by which an arrival counts as found, from its threshold down.
        self._finds = np.zeros(len(rows))
        found: set[int] = set()
        for place, (suggestion, _, number) in enumerate(rows):
            if suggestion.right and number not in found:
                found.add(number)
                self._finds[place] = 1
        self._asking = np.zeros(self.clusters)
        for arrival in arrivals:
            self._asking[names[arrival.cluster]] += arrival.has_duplicate
        self._bin = np.minimum((self._scores * BINS).astype(int), BINS - 1)
        # Suggestions with equal scores are named together or not at all.
        self._ends = np.flatnonzero(np.diff(self._scores, append=-np.inf))

    def measure(self, weights: Numbers, thresholds: Sequence[float]) -> _Found:
        """All figures, with each cluster counted `weights` [clusters] times."""
        weight = weights[self._cluster]
        right, wrong, related, finds = (
            np.cumsum(np.concatenate([[0.0], column * weight]))
            for column in (self._right, self._wrong, self._related, self._finds)
        )
        asking = float(weights @ self._asking)
        named = np.searchsorted(-self._scores, -np.asarray(thresholds), side="right")
        values = {"ece": self._ece(weight), "recall_at_95": np.nan}
        for number, place in enumerate(named):
            values[f"precision {number}"] = _share(right[place], right[place] + wrong[place])
            values[f"recall {number}"] = _share(finds[place], asking)
        ends = self._ends + 1
        decided = right[ends] + wrong[ends]
        enough = (decided > 0) & (right[ends] >= (WANTED_PRECISION - ROUNDING) * decided)
        if asking and enough.any():
            values["recall_at_95"] = float(finds[ends][enough].max() / asking)
        return _Found((right[named], wrong[named], related[named]), values)

    def intervals(
        self, found: _Found, thresholds: Sequence[float], resamples: int
    ) -> dict[str, Ends]:
        """The interval of each figure that is not NaN."""
        drawn: dict[str, list[float]] = {
            name: [] for name, value in found.values.items() if not np.isnan(value)
        }
        rng = np.random.default_rng(0)
        even = np.full(self.clusters, 1 / max(1, self.clusters))
        for _ in range(resamples if drawn else 0):
            weights = rng.multinomial(self.clusters, even).astype(float)
            values = self.measure(weights, thresholds).values
            for name, kept in drawn.items():
                value = values[name]
                if not np.isnan(value):
                    kept.append(value)
                elif name == "recall_at_95":
                    kept.append(0.0)
        tail = 100 * (1 - CONFIDENCE) / 2
        return {
            name: (float(np.percentile(kept, tail)), float(np.percentile(kept, 100 - tail)))
            for name, kept in drawn.items()
            if kept
        }

    def bins(self) -> tuple[Bin, ...]:
        """The reliability diagram, without related suggestions and empty bins."""
        told = []
        for number in range(BINS):
            inside = (self._bin == number) & (self._related == 0)
            if inside.any():
                mean, right = self._scores[inside].mean(), self._right[inside].mean()
                told.append(Bin(int(inside.sum()), float(mean), float(right)))
        return tuple(told)

    def curve(self) -> tuple[Point, ...]:
        """A point for every score as a threshold, from the lowest."""
        right, wrong, finds = (
            np.cumsum(column) for column in (self._right, self._wrong, self._finds)
        )
        asking = self._asking.sum()
        return tuple(
            Point(
                float(self._scores[end]),
                int(right[end] + wrong[end]),
                int(right[end]),
                float(finds[end] / asking) if asking else 0.0,
            )
            for end in self._ends[::-1]
        )

    def _ece(self, weight: Numbers) -> float:
        counted = weight * (1 - self._related)
        if not counted.any():
            return float("nan")
        scores = np.bincount(self._bin, counted * self._scores, BINS)
        right = np.bincount(self._bin, counted * self._right, BINS)
        return float(np.abs(scores - right).sum() / counted.sum())


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")
