"""Hits → matches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dejabug import ranking
from dejabug.ranking import Hit, TimedVectors

HITS = st.lists(
    st.builds(
        Hit,
        st.sampled_from("abcdef"),
        st.floats(0, 60, width=32),
        st.floats(-1, 1, width=32),
    ),
    max_size=40,
)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def clip(*rows: list[float]) -> TimedVectors:
    vectors = unit(np.array(rows, np.float32))
    return TimedVectors(np.arange(len(rows), dtype=np.float32) / 2, vectors)


def test_top_k_orders_clips_by_their_best_frame() -> None:
    hits = [Hit("a", 0, 0.7), Hit("b", 1, 0.9), Hit("a", 2, 0.8), Hit("a", 3, 0.75)]
    assert [(m.clip_id, m.score) for m in ranking.top_k(hits)] == [("b", 0.9), ("a", 0.8)]


def test_majority_counts_frames_in_the_pool_and_forgets_those_beyond_it() -> None:
    hits = [Hit("a", 0, 0.99), *(Hit("b", t, 0.9) for t in range(3)), Hit("a", 5, 0.1)]
    found = ranking.majority([*hits, *(Hit("a", 9, 0.05) for _ in range(9))], pool_size=5)
    assert [(m.clip_id, m.score) for m in found] == [("b", 3 / 5), ("a", 2 / 5)]


def test_majority_breaks_ties_by_the_better_best_frame() -> None:
    hits = [Hit("a", 0, 0.8), Hit("b", 0, 0.9)]
    assert [m.clip_id for m in ranking.majority(hits)] == ["b", "a"]


@given(HITS, st.integers(1, 50))
def test_majority_scores_are_shares_of_the_pool(hits: list[Hit], pool: int) -> None:
    found = ranking.majority(hits, pool)
    assert sum(m.score for m in found) == pytest.approx(1 if hits else 0)
    assert [m.score for m in found] == sorted((m.score for m in found), reverse=True)


@given(HITS)
def test_top_k_names_each_clip_once_with_its_maximum(hits: list[Hit]) -> None:
    found = {m.clip_id: m.score for m in ranking.top_k(hits)}
    assert found == {
        name: max(h.similarity for h in hits if h.clip_id == name)
        for name in {h.clip_id for h in hits}
    }


MATRICES = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
    elements=st.floats(-1, 1, width=32),
)


@given(MATRICES)
def test_the_symmetric_mean_of_maxima_is_the_same_both_ways_round(cosines: np.ndarray) -> None:
    there = ranking.symmetric_mean_of_maxima(cosines)
    back = ranking.symmetric_mean_of_maxima(np.ascontiguousarray(cosines.T))
    assert there == pytest.approx(back, abs=1e-6)
    assert cosines.min() - 1e-6 <= there <= cosines.max() + 1e-6


def test_the_symmetric_mean_of_maxima_is_the_formula() -> None:
    cosines = np.array([[0.9, 0.1, 0.2], [0.3, 0.4, 0.8]], np.float32)
    expected = ((0.9 + 0.8) / 2 + (0.9 + 0.4 + 0.8) / 3) / 2
    assert ranking.symmetric_mean_of_maxima(cosines) == pytest.approx(expected)


def test_a_clip_is_most_like_itself_and_least_like_its_opposite() -> None:
    query = clip([1, 0, 0], [0, 1, 0])
    candidates = {"same": query, "other": clip([0, 0, 1], [0, 0, 1]), "anti": clip([-1, -1, 0])}
    found = ranking.by_frames(query, candidates, np.zeros(3, np.float32), 0)
    assert [m.clip_id for m in found] == ["same", "other", "anti"]
    assert found[0].score == pytest.approx(1)


def test_what_all_clips_share_says_nothing_once_centred() -> None:
    # A status bar in every frame: a large common part, and a small part that tells clips apart.
    def bar(own: list[float]) -> list[float]:
        return [5.0, *own]

    query, same, other = clip(bar([1, 0])), clip(bar([1, 0.1])), clip(bar([0, 1]))
    mean = np.mean([v.vectors.mean(0) for v in (query, same, other)], axis=0)
    plain = ranking.by_frames(query, {"other": other}, np.zeros(3, np.float32), 0)
    centred = ranking.by_frames(query, {"same": same, "other": other}, mean, 1000)
    assert plain[0].score > 0.9  # without centring, everything looks alike
    assert centred[0].clip_id == "same"
    assert centred[0].score > 0.9 > 0 > centred[1].score


@given(hnp.arrays(np.float32, (4, 5), elements=st.floats(-1, 1, width=32)))
def test_centring_gives_unit_rows_or_zero(rows: np.ndarray) -> None:
    lengths = np.linalg.norm(ranking.centre(rows, rows[0]), axis=1)
    assert np.all((np.abs(lengths - 1) < 1e-3) | (lengths == 0))
    assert lengths[0] == 0


def test_moments_are_the_stretches_that_match_in_both_clips() -> None:
    # Query frames 2-4 (1.0-2.0 s) show what candidate frames 5-7 (2.5-3.5 s) show.
    cosines = np.full((8, 10), 0.05, np.float32)
    for offset in range(3):
        cosines[2 + offset, 5 + offset] = 0.9
    cosines[3, 6] = 0.95
    times = np.arange(10, dtype=np.float32) / 2
    moments = ranking.matching_moments(cosines, times[:8], times)
    assert len(moments) == 1
    found = moments[0]
    assert (found.query_start, found.query_end) == (1.0, 2.0)
    assert (found.match_start, found.match_end) == (2.5, 3.5)
    assert (found.query_time, found.match_time) == (1.5, 3.0)
    assert found.similarity == pytest.approx(0.95)


def test_a_second_moment_is_told_only_when_nearly_as_good() -> None:
    cosines = np.zeros((10, 10), np.float32)
    cosines[1, 1], cosines[7, 8] = 0.9, 0.85
    times = np.arange(10, dtype=np.float32)
    assert len(ranking.matching_moments(cosines, times, times)) == 2
    cosines[7, 8] = 0.5
    assert len(ranking.matching_moments(cosines, times, times)) == 1


def test_nothing_alike_has_no_moment() -> None:
    cosines = np.full((3, 4), -0.1, np.float32)
    assert ranking.matching_moments(cosines, np.arange(3.0), np.arange(4.0)) == ()
