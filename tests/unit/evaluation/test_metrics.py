"""Retrieval metrics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dejabug.evaluation import calibrate, metrics
from dejabug.evaluation.calibrate import Judged

RANKS = st.lists(st.sets(st.integers(1, 200), min_size=1, max_size=5).map(sorted), min_size=1)


def test_the_metrics_are_the_textbook_s() -> None:
    found = metrics.summarise([[1, 4], [3]])
    assert found.mrr == pytest.approx((1 + 1 / 3) / 2)
    assert found.map == pytest.approx(((1 + 2 / 4) / 2 + 1 / 3) / 2)
    assert (found.hit1, found.hit5, found.mean_rank, found.queries) == (0.5, 1.0, 2.0, 2)


def test_no_queries_are_zeros_and_no_error() -> None:
    assert metrics.summarise([]).queries == 0
    assert metrics.bootstrap([], []).ends == {}


@given(RANKS)
def test_metrics_keep_their_bounds_and_their_order(ranks: list[list[int]]) -> None:
    found = metrics.summarise(ranks)
    assert 0 < found.map <= 1
    assert found.hit1 <= found.mrr <= 1
    assert found.hit1 <= found.hit5
    assert found.mean_rank >= 1


def test_an_interval_holds_the_mean_and_widens_with_the_groups_drawn_together() -> None:
    rng = np.random.default_rng(0)
    ranks, groups = [], []
    for number in range(40):
        rank = int(rng.integers(1, 10))  # the queries of a group fare alike
        ranks += [[rank]] * 4
        groups += [str(number)] * 4
    low, high = metrics.bootstrap(ranks, groups).ends["mrr"]
    alone_low, alone_high = metrics.bootstrap(ranks, [str(n) for n in range(160)]).ends["mrr"]
    assert low < metrics.summarise(ranks).mrr < high
    assert high - low > 1.5 * (alone_high - alone_low)


def test_chance_is_what_a_shuffle_gives() -> None:
    found = metrics.at_random([1] * 50, [10] * 50)
    assert found.hit1 == pytest.approx(0.1, abs=0.03)
    assert found.mrr == pytest.approx(sum(1 / n for n in range(1, 11)) / 10, abs=0.03)
    assert found.queries == 50


def judged(query: str, place: int, score: float, same: bool) -> Judged:
    return Judged(query, place, score, score, same)


def test_precision_and_recall_count_what_would_be_commented() -> None:
    pairs = [
        judged("a", 1, 0.9, True), judged("a", 2, 0.8, False), judged("b", 1, 0.7, True),
        judged("c", 1, 0.6, False), judged("a", 4, 0.95, False),
    ]  # fmt: skip
    points = calibrate.precision_recall(pairs, limit=3, asking=4)
    told = [(p.threshold, p.named, p.right, p.found) for p in points]
    assert told == [(0.6, 4, 2, 0.5), (0.7, 3, 2, 0.5), (0.8, 2, 1, 0.25), (0.9, 1, 1, 0.25)]
    assert points[-1].precision == 1
    best = calibrate.threshold_for(points)
    assert best is not None
    assert best.threshold == 0.9
    lower = calibrate.threshold_for(points, 0.5)
    assert lower is not None
    assert lower.threshold == 0.6


def test_no_threshold_is_named_where_the_surest_match_is_wrong() -> None:
    points = calibrate.precision_recall([judged("a", 1, 0.9, False)], limit=3, asking=1)
    assert calibrate.threshold_for(points) is None


def test_the_calibration_error_is_nothing_for_honest_scores_and_large_for_boasts() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(5000)
    honest = [judged("q", 1, float(s), bool(rng.random() < s)) for s in scores]
    boasts = [judged("q", 1, 0.95, bool(rng.random() < 0.3)) for _ in range(500)]
    assert calibrate.expected_calibration_error(honest) < 0.05
    assert calibrate.expected_calibration_error(boasts) == pytest.approx(0.65, abs=0.08)
