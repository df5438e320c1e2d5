"""Hits → matches."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dejabug import ranking
from dejabug.evaluation import paper
from dejabug.ranking import Hit, Likeness, Match, Origins, Recipe, Side, TimedVectors
from dejabug.ranking.reference import UNKNOWN, USUAL, Reference

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
    assert [(m.clip_id, m.score) for m in paper.top_k(hits)] == [("b", 0.9), ("a", 0.8)]


def test_majority_counts_frames_in_the_pool_and_forgets_those_beyond_it() -> None:
    hits = [Hit("a", 0, 0.99), *(Hit("b", t, 0.9) for t in range(3)), Hit("a", 5, 0.1)]
    found = paper.majority([*hits, *(Hit("a", 9, 0.05) for _ in range(9))], pool_size=5)
    assert [(m.clip_id, m.score) for m in found] == [("b", 3 / 5), ("a", 2 / 5)]


def test_majority_breaks_ties_by_the_better_best_frame() -> None:
    hits = [Hit("a", 0, 0.8), Hit("b", 0, 0.9)]
    assert [m.clip_id for m in paper.majority(hits)] == ["b", "a"]


@given(HITS, st.integers(1, 50))
def test_majority_scores_are_shares_of_the_pool(hits: list[Hit], pool: int) -> None:
    found = paper.majority(hits, pool)
    assert sum(m.score for m in found) == pytest.approx(1 if hits else 0)
    assert [m.score for m in found] == sorted((m.score for m in found), reverse=True)


@given(HITS)
def test_top_k_names_each_clip_once_with_its_maximum(hits: list[Hit]) -> None:
    found = {m.clip_id: m.score for m in paper.top_k(hits)}
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


def origins(dimensions: int) -> Origins:
    return Origins(np.zeros(dimensions, np.float32), np.zeros(dimensions, np.float32))


def backlog(clips: Mapping[str, TimedVectors], **words: np.ndarray) -> dict[str, Side]:
    """Clips of one project, each on an issue of its own, with what is usual around them."""
    compared = {
        name: ranking.compare(clip.vectors, {o: c.vectors for o, c in clips.items() if o != name})
        for name, clip in clips.items()
    }
    near = {name: {o: c.there for o, c in each.items()} for name, each in compared.items()}
    return {
        name: Side(
            clip,
            reference,
            ranking.frame_backgrounds(compared[name], len(clip.times)),
            words.get(name),
            siblings=frozenset({name}),
        )
        for (name, clip), reference in zip(clips.items(), references(near), strict=True)
    }


def references(near: Mapping[str, Mapping[str, Likeness]]) -> list[Reference]:
    count = len(near)
    backgrounds = {
        name: ranking.background_of((each.mean for each in likenesses.values()), count - 1)
        for name, likenesses in near.items()
    }
    return [ranking.reference_of(each, backgrounds, count) for each in near.values()]


def rank(sides: Mapping[str, Side], name: str, recipe: Recipe | None = None) -> dict[str, Match]:
    """All others beside one, best first."""
    others = {other: side for other, side in sides.items() if other != name}
    zero = origins(sides[name].clip.vectors.shape[1])
    found = ranking.rank_pairs(sides[name], others, zero, recipe=recipe or Recipe())
    return {match.clip_id: match for match in found}


def test_by_its_plainest_recipe_the_evidence_is_the_symmetric_mean_of_maxima() -> None:
    query, other = clip([1, 0, 0], [0, 1, 0]), clip([1, 1, 0], [0, 0, 1], [0, 1, 0])
    cosines = query.vectors @ other.vectors.T
    expected = (cosines.max(axis=1).mean() + cosines.max(axis=0).mean()) / 2
    plain = Recipe(centred=False, background=0, softness=0)
    (found,) = ranking.rank_pairs(Side(query), {"other": Side(other)}, origins(3), recipe=plain)
    assert found.frames == pytest.approx(float(expected), abs=1e-6)


def test_a_clip_is_most_like_itself_and_least_like_its_opposite() -> None:
    query = clip([1, 0, 0], [0, 1, 0])
    candidates = {"same": query, "other": clip([0, 0, 1], [0, 0, 1]), "anti": clip([-1, -1, 0])}
    sides = {name: Side(each) for name, each in candidates.items()}
    found = ranking.rank_pairs(Side(query), sides, origins(3))
    assert [m.clip_id for m in found] == ["same", "other", "anti"]
    assert 1 > found[0].score > found[1].score > found[2].score > 0


def test_what_all_clips_share_says_nothing_once_centred() -> None:
    # A status bar in every frame: a large common part, and a small part that tells clips apart.
    def bar(own: list[float]) -> list[float]:
        return [5.0, *own]

    query, same, other = clip(bar([1, 0])), clip(bar([1, 0.1])), clip(bar([0, 1]))
    mean = np.mean([v.vectors.mean(0) for v in (query, same, other)], axis=0)
    sides = {"same": Side(same), "other": Side(other)}
    seen = Origins(mean, mean)
    plain = Recipe(centred=False, background=0)
    alike = ranking.rank_pairs(Side(query), sides, seen, recipe=plain)
    assert all(match.frames > 0.9 for match in alike)  # without centring, everything looks alike
    centred = ranking.rank_pairs(Side(query), sides, seen, recipe=Recipe(background=0))
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

    clips = {"query": mixed(place, bug), "bug": mixed(elsewhere, bug)}
    clips |= {f"place {n}": noisy(rng, place, 0.3) for n in range(60)}
    sides = backlog(clips)
    plain = rank(sides, "query", Recipe(background=0, softness=0))
    assert max(plain.values(), key=lambda match: match.frames).clip_id != "bug"
    found = rank(sides, "query")
    assert next(iter(found)) == "bug"
    assert found["bug"].rank == 0  # each is the other's nearest
    moment = found["bug"].moments[0]
    assert moment.query_time >= 4  # the bug's seconds, in both clips
    assert moment.match_time >= 4


def test_a_young_project_with_two_clips_is_not_sure_of_a_mere_likeness() -> None:
    rng = np.random.default_rng(2)
    base = np.eye(40)[0] * 3
    sides = backlog({"a": noisy(rng, base, 0.4), "b": noisy(rng, base, 0.4)})
    assert rank(sides, "a")["b"].score < 0.5


# What a score depends on


def project(seed: int, count: int = 14, frames: int = 4) -> dict[str, Side]:
    """A backlog with words on some tickets."""
    rng = np.random.default_rng(seed)
    base = rng.normal(size=12)
    clips = {f"{n}": noisy(rng, base + rng.normal(size=12), 0.4, frames) for n in range(count)}
    words = {f"{n}": unit(rng.normal(size=12)) for n in range(0, count, 2)}
    usual = {name: Reference(0.1 * number, {}, count) for number, name in enumerate(words)}
    return {
        name: replace(side, words_reference=usual.get(name))
        for name, side in backlog(clips, **words).items()
    }


@given(st.integers(0, 10_000))
def test_a_pair_has_one_score_whichever_of_the_two_asks(seed: int) -> None:
    sides = project(seed, 9)
    for a, b in ("01", "02", "24", "13", "87"):
        there, back = rank(sides, a)[b], rank(sides, b)[a]
        assert there.score == pytest.approx(back.score, abs=1e-5)
        assert there.evidence.frames == pytest.approx(back.evidence.frames, abs=1e-5)
        assert there.evidence.words == pytest.approx(back.evidence.words, abs=1e-5)
        assert (there.rank, there.size) == pytest.approx((back.rank, back.size))


def test_a_pair_of_two_projects_has_one_score_too() -> None:
    here, there = project(1, 12), project(2, 3)
    a, b = here["0"], replace(there["2"], siblings=frozenset({"b"}))
    zero = origins(12)
    (one,) = ranking.rank_pairs(a, {"b": b}, zero)
    (other,) = ranking.rank_pairs(b, {"0": a}, zero)
    assert one.score == pytest.approx(other.score, abs=1e-5)
    assert one.size == other.size == pytest.approx((math.log(12) + math.log(3)) / 2)


@given(st.integers(0, 10_000), st.sets(st.sampled_from("123456789"), min_size=1))
def test_a_score_does_not_change_with_what_is_ranked_beside_it(
    seed: int, searched: set[str]
) -> None:
    sides = project(seed, 10)
    everything = rank(sides, "0")
    some = rank({name: side for name, side in sides.items() if name in {"0", *searched}}, "0")
    assert some.keys() == searched
    for name, match in some.items():
        assert match.score == pytest.approx(everything[name].score, abs=1e-5)
        assert match.evidence.rank == everything[name].evidence.rank


def test_a_clip_of_no_project_takes_what_is_usual_around_the_other() -> None:
    sides = project(3)
    upload = Side(sides["0"].clip)
    (found,) = ranking.rank_pairs(upload, {"5": sides["5"]}, origins(12))
    usual = sides["5"].reference
    assert usual is not None
    both = ranking.compare(upload.clip.vectors, {"5": sides["5"].clip.vectors})["5"].there.both
    assert found.frames == pytest.approx(both - 0.75 * 2 * usual.background, abs=1e-6)
    assert found.size == pytest.approx(math.log(14))
    farther = usual.rank(both - 0.75 * usual.background)
    assert found.rank == pytest.approx(2 * math.log1p(farther))
    (nowhere,) = ranking.rank_pairs(upload, {"5": Side(sides["5"].clip)}, origins(12))
    assert nowhere.frames == pytest.approx(both - 0.75 * 2 * UNKNOWN, abs=1e-6)
    assert (nowhere.rank, nowhere.size) == (0, 0)


def test_words_count_only_where_both_tickets_have_some() -> None:
    sides = project(4)
    found = rank(sides, "0")
    assert all((match.words is None) == (int(name) % 2 == 1) for name, match in found.items())
    assert all(match.words is None for match in rank(sides, "1").values())


def test_words_help_where_they_discriminate_and_not_where_all_say_the_same() -> None:
    said = unit(np.array([[1.0, 0.2], [1.0, 0.0]]))
    rare, common = Reference(USUAL), Reference(0.9)
    zero = np.zeros(2, np.float32)
    assert ranking.words_evidence(said, zero, rare, rare) > 0.2
    assert ranking.words_evidence(said, zero, common, common) < 0.1


def test_a_ticket_copied_word_for_word_says_no_more_than_one_told_in_other_words() -> None:
    rng = np.random.default_rng(4)
    query = unit(rng.normal(size=(1, 30)))
    near = unit(query + 0.08 * rng.normal(size=(1, 30)))
    usual, zero = Reference(0.2), np.zeros(30, np.float32)
    copied = ranking.words_evidence(np.vstack([query, query]), zero, usual, usual)
    told = ranking.words_evidence(np.vstack([query, near]), zero, usual, usual)
    assert copied == told == Recipe().words_cap


@given(hnp.arrays(np.float32, (5, 4), elements=st.floats(-1, 1, width=32)), st.integers(1, 40))
def test_scores_are_probabilities_and_come_best_first(rows: np.ndarray, count: int) -> None:
    vectors = ranking.centre(rows, np.zeros(4, np.float32))
    query = Side(TimedVectors(np.arange(5, dtype=np.float32), vectors))
    seen = Origins(rows.mean(axis=0), np.zeros(4, np.float32))
    found = ranking.rank_pairs(query, {str(n): query for n in range(count)}, seen)
    scores = [match.score for match in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert len(found) == count


def test_no_candidates_are_no_matches() -> None:
    assert ranking.rank_pairs(Side(clip([1, 0])), {}, origins(2)) == []


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
