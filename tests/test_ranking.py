"""Hits → matches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dejabug import ranking
from dejabug.ranking import Calibration, Hit, Recipe, TimedVectors
from dejabug.ranking.adapter import fit_projection
from dejabug.ranking.background import mean_of_ranks

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


ROWS = hnp.arrays(np.float32, st.integers(1, 12), elements=st.floats(-1, 1, width=32))


@given(ROWS, st.floats(0.1, 20))
def test_the_softened_maximum_lies_between_mean_and_maximum(row: np.ndarray, soft: float) -> None:
    found = ranking.soft_maximum(row, soft)
    assert row.mean() - 1e-4 <= found <= row.max() + 1e-4
    assert ranking.soft_maximum(row, 0) == pytest.approx(float(row.mean()))


def test_by_its_plainest_recipe_the_evidence_is_the_symmetric_mean_of_maxima() -> None:
    query, other = clip([1, 0, 0], [0, 1, 0]), clip([1, 1, 0], [0, 0, 1], [0, 1, 0])
    cosines = query.vectors @ other.vectors.T
    expected = (cosines.max(axis=1).mean() + cosines.max(axis=0).mean()) / 2
    plain = Recipe(centred=False, background=0, softness=0)
    (found,) = ranking.by_frames(query, {"other": other}, np.ones(3, np.float32), 9, recipe=plain)
    assert found.frames == pytest.approx(float(expected), abs=1e-6)


def test_a_clip_is_most_like_itself_and_least_like_its_opposite() -> None:
    query = clip([1, 0, 0], [0, 1, 0])
    candidates = {"same": query, "other": clip([0, 0, 1], [0, 0, 1]), "anti": clip([-1, -1, 0])}
    found = ranking.by_frames(query, candidates, np.zeros(3, np.float32), 0)
    assert [m.clip_id for m in found] == ["same", "other", "anti"]
    assert 1 > found[0].score > 0.5 > found[1].score > found[2].score > 0


def test_what_all_clips_share_says_nothing_once_centred() -> None:
    # A status bar in every frame: a large common part, and a small part that tells clips apart.
    def bar(own: list[float]) -> list[float]:
        return [5.0, *own]

    query, same, other = clip(bar([1, 0])), clip(bar([1, 0.1])), clip(bar([0, 1]))
    mean = np.mean([v.vectors.mean(0) for v in (query, same, other)], axis=0)
    plain = Recipe(centred=False, background=0)
    (alike,) = ranking.by_frames(query, {"other": other}, mean, 1000, recipe=plain)
    assert alike.frames > 0.9  # without centring, everything looks alike
    both = {"same": same, "other": other}
    centred = ranking.by_frames(query, both, mean, 1000, recipe=Recipe(background=0))
    assert centred[0].clip_id == "same"
    assert centred[0].frames > 0.9 > 0 > centred[1].frames


def noisy(
    rng: np.random.Generator, base: np.ndarray, noise: float, frames: int = 6
) -> TimedVectors:
    rows = base[None] + noise * rng.normal(size=(frames, len(base)))
    return TimedVectors(np.arange(frames, dtype=np.float32) / 2, unit(rows))


def test_a_place_that_everybody_visits_does_not_win_over_the_rare_bug() -> None:
    """The query shows a much-visited place and, for some frames, a bug. One candidate shows the bug
    elsewhere, sixty show the place."""
    rng = np.random.default_rng(1)
    place, bug, elsewhere = np.eye(40)[:3] * 3

    def mixed(first: np.ndarray, second: np.ndarray) -> TimedVectors:
        a, b = noisy(rng, first, 0.3, 4), noisy(rng, second, 0.3, 3)
        vectors = np.concatenate([a.vectors, b.vectors])
        return TimedVectors(np.arange(7, dtype=np.float32), vectors)

    query = mixed(place, bug)
    candidates = {f"place {n}": noisy(rng, place, 0.3) for n in range(60)}
    candidates["bug"] = mixed(elsewhere, bug)
    zero = np.zeros(40, np.float32)
    plain = ranking.by_frames(query, candidates, zero, 0, recipe=Recipe(background=0, softness=0))
    assert plain[0].clip_id != "bug"
    found = ranking.by_frames(query, candidates, zero, 0)
    assert found[0].clip_id == "bug"
    moment = found[0].moments[0]
    assert moment.query_time >= 4  # the bug's seconds, in both clips
    assert moment.match_time >= 4


def test_the_background_is_the_second_to_sixth_of_the_others() -> None:
    row = np.array([0.9, 0.1, 0.2, 0.3, 0.4, 0.5, *[0.0] * 60], np.float32)
    assert mean_of_ranks(row[None], 0.6) == pytest.approx(np.mean([0.5, 0.4, 0.3, 0.2, 0.1]))


def test_where_the_others_are_few_the_usual_stands_in_for_them() -> None:
    few = np.array([[0.9, 0.5, -np.inf]], np.float32)
    assert mean_of_ranks(few, 0.6) == pytest.approx(0.6)
    some = np.array([[0.9, *[0.7] * 19, 0.1]], np.float32)
    assert mean_of_ranks(some, 0.6) == pytest.approx(0.7)


def test_a_young_project_with_two_clips_is_not_sure_of_a_mere_likeness() -> None:
    rng = np.random.default_rng(2)
    base = np.eye(40)[0] * 3
    query, other = noisy(rng, base, 0.4), noisy(rng, base, 0.4)
    (found,) = ranking.by_frames(query, {"other": other}, np.zeros(40, np.float32), 0)
    assert found.score < 0.9


def test_words_help_where_they_discriminate_and_not_where_all_say_the_same() -> None:
    rng = np.random.default_rng(3)
    common, rare = np.eye(30)[:2] * 2
    query = unit((common + rare)[None])[0]
    others = unit(np.stack([common + 0.2 * rng.normal(size=30) for _ in range(60)]))
    same = unit((common + rare + 0.2 * rng.normal(size=30))[None])
    evidence = ranking.word_evidence(query, np.vstack([others, same]))
    assert evidence.argmax() == 60
    assert evidence[60] - evidence[:60].max() > 0.2
    everyone = ranking.word_evidence(unit(common[None])[0], others)
    assert everyone.max() < evidence[60]


def test_a_ticket_copied_word_for_word_says_no_more_than_one_told_in_other_words() -> None:
    rng = np.random.default_rng(4)
    query = unit(rng.normal(size=(1, 30)))
    near = unit(query + 0.1 * rng.normal(size=(1, 30)))
    others = unit(rng.normal(size=(60, 30)))
    evidence = ranking.word_evidence(query[0], np.vstack([query, near, others]))
    assert evidence[0] == pytest.approx(evidence[1], abs=0.05)


def test_a_candidate_without_words_counts_as_the_middle_of_the_others() -> None:
    query = clip([1, 0, 0], [0, 1, 0])
    candidates = dict.fromkeys("abc", query)
    words = {"a": 0.5, "b": -0.5}
    zero = np.zeros(3, np.float32)
    found = {m.clip_id: m for m in ranking.by_frames(query, candidates, zero, 0, words=words)}
    assert found["a"].score > found["c"].score > found["b"].score
    assert found["c"].words == pytest.approx(0.0)


@given(hnp.arrays(np.float32, (5, 4), elements=st.floats(-1, 1, width=32)), st.integers(1, 40))
def test_scores_are_probabilities_and_come_best_first(rows: np.ndarray, count: int) -> None:
    vectors = ranking.centre(rows, np.zeros(4, np.float32))
    query = TimedVectors(np.arange(5, dtype=np.float32), vectors)
    candidates = {str(n): query for n in range(count)}
    found = ranking.by_frames(query, candidates, rows.mean(axis=0), count)
    scores = [match.score for match in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert len(found) == count


def test_no_candidates_are_no_matches() -> None:
    assert ranking.by_frames(clip([1, 0]), {}, np.zeros(2, np.float32), 0) == []


@given(st.floats(0.001, 0.999), st.floats(0.5, 50), st.floats(-10, 10))
def test_a_calibration_and_its_inverse_agree(chance: float, slope: float, intercept: float) -> None:
    curve = Calibration(slope, intercept)
    assert curve.probability(curve.evidence(chance)) == pytest.approx(chance, abs=1e-6)


def test_a_fit_finds_the_curve_that_the_verdicts_were_drawn_from() -> None:
    rng = np.random.default_rng(5)
    truth = Calibration(slope=12.0, intercept=1.0)
    evidence = rng.uniform(-0.5, 0.5, 4000)
    same = rng.random(4000) < [truth.probability(x) for x in evidence]
    found = ranking.fit(evidence.tolist(), same.tolist(), Calibration(5.0, 0.0), trust=0.1)
    assert found.slope == pytest.approx(12.0, rel=0.1)
    assert found.intercept == pytest.approx(1.0, abs=0.25)


def test_few_verdicts_bend_the_curve_and_do_not_break_it() -> None:
    prior = Calibration(14.0, 2.0)
    assert ranking.fit([], [], prior) == prior
    bent = ranking.fit([0.1] * 5, [False] * 5, prior)
    assert prior.probability(0.1) - 0.4 < bent.probability(0.1) < prior.probability(0.1)
    assert bent.slope > 0
    with pytest.raises(ValueError, match="2 pairs and 1"):
        ranking.fit([0.1, 0.2], [True], prior)


def test_a_projection_shrinks_what_differs_between_clips_of_one_bug() -> None:
    """Each bug has a direction; each run adds much along a few directions of its own (a camera)."""
    rng = np.random.default_rng(6)
    cameras = rng.normal(size=(3, 40))
    bugs = rng.normal(size=(20, 40))
    clips, pairs = {}, []
    for number, bug in enumerate(bugs):
        for run in "ab":
            view = rng.normal(size=3) @ cameras * 1.5
            clips[f"{number}{run}"] = noisy(rng, bug + view, 0.2)
        pairs.append((f"{number}a", f"{number}b"))
    zero = np.zeros(40, np.float32)
    projection = fit_projection(clips, pairs[:14], zero, 0)

    def right(projection: np.ndarray | None) -> int:
        firsts = 0
        for a, b in pairs[14:]:
            others = {name: clip for name, clip in clips.items() if name != a}
            firsts += (
                ranking.by_frames(clips[a], others, zero, 0, projection=projection)[0].clip_id == b
            )
        return firsts

    assert right(projection) >= 4
    assert right(projection) > right(None)
    with pytest.raises(ValueError, match=r"^no pairs to learn from$"):
        fit_projection(clips, [], zero, 0)


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
