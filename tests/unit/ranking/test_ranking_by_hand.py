"""The default ranking's arithmetic against a slow version, written out one number at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dejabug import ranking
from dejabug.evaluation import paper
from dejabug.ranking import (
    KEPT,
    Calibration,
    Calibrations,
    Likeness,
    Origins,
    Recipe,
    Reference,
    Side,
    TimedVectors,
    background_of,
    frame_backgrounds,
    reference_of,
    spread,
)
from dejabug.ranking.calibration import FRAMES_ONLY, WITH_WORDS
from dejabug.ranking.pairs import MATCHES_WITH_MOMENTS
from dejabug.ranking.reference import (
    BACKGROUND_SHARE,
    SAME_LIKENESS,
    UNKNOWN,
    USUAL,
    rank_evidence,
    size_evidence,
)
from dejabug.ranking.vectors import unit_rows

Row = Sequence[float]
DIMENSIONS = 8
NOWHERE = Origins(np.zeros(DIMENSIONS, np.float32), np.zeros(DIMENSIONS, np.float32))


def made(rng: np.random.Generator, frames: int) -> TimedVectors:
    rows = rng.normal(size=(frames, DIMENSIONS)) + 0.7
    vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return TimedVectors(np.arange(frames, dtype=np.float32) / 2, vectors.astype(np.float32))


# By hand


def cosine(a: Row, b: Row) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def seen_from(row: Row, origin: Row) -> Row:
    moved = [x - y for x, y in zip(row, origin, strict=True)]
    length = math.sqrt(cosine(moved, moved))
    return [x / length for x in moved]


def best(row: Row, others: Sequence[Row]) -> float:
    return max(cosine(row, other) for other in others)


def mean_of(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def soft(values: Sequence[float], softness: float) -> float:
    return math.log(mean_of([math.exp(softness * value) for value in values])) / softness


# How alike two clips are


@pytest.mark.parametrize("frames", [1, 5, 40])
def test_likeness_is_what_the_formula_says(frames: int) -> None:
    rng = np.random.default_rng(frames)
    clip, others = made(rng, frames), {str(n): made(rng, n) for n in (1, 7, 33)}
    mine = clip.vectors.tolist()
    found = ranking.compare(
        clip.vectors, {n: o.vectors for n, o in others.items()}, Recipe(softness=2.0)
    )
    for name, other in others.items():
        theirs = other.vectors.tolist()
        there = [best(row, theirs) for row in mine]
        back = [best(row, mine) for row in theirs]
        both = (soft(there, 2.0) + soft(back, 2.0)) / 2
        compared = found[name]
        assert compared.cosines.shape == (frames, len(theirs))
        assert compared.cosines == pytest.approx(clip.vectors @ other.vectors.T, abs=1e-6)
        assert compared.there.both == compared.back.both == pytest.approx(both, abs=1e-5)
        standing = [there[n] for n in spread(len(there)).tolist()]
        assert compared.there.mean == pytest.approx(mean_of(standing), abs=1e-5)
        standing = [back[n] for n in spread(len(back)).tolist()]
        assert compared.back.mean == pytest.approx(mean_of(standing), abs=1e-5)


def test_a_clip_is_compared_with_none() -> None:
    assert ranking.compare(np.ones((2, 3), np.float32), {}) == {}


def test_frames_that_stand_for_a_clip_are_spread_from_its_first_to_its_last() -> None:
    assert spread(5).tolist() == [0, 1, 2, 3, 4]
    assert spread(16).tolist() == list(range(16))
    assert spread(31).tolist() == list(range(0, 31, 2))
    assert spread(7, 3).tolist() == [0, 3, 6]
    assert spread(4, 3).tolist() == [0, 2, 3]


def test_a_row_of_hardly_any_length_has_no_direction() -> None:
    rows = np.array([[3, 4], [0, 0], [1e-7, 0], [1e-6, 0]], np.float32)
    assert unit_rows(rows)[:1].tolist() == [pytest.approx([0.6, 0.8])]
    assert not unit_rows(rows)[1:].any()


# What is usual


def test_the_background_is_the_second_to_eighth_of_the_others() -> None:
    likenesses = [0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.4, 0.6, 0.5, 0.0]
    expected = mean_of([0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2])
    assert background_of(likenesses, 50) == pytest.approx(expected)
    assert background_of(likenesses, 1000) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("likenesses", "others", "expected"),
    [
        ([], 0, [USUAL] * 7),
        ([0.9], 1, [USUAL] * 7),  # the only other may be the duplicate
        ([0.9, 0.8], 2, [0.8, *[USUAL] * 6]),
        ([0.9, 0.1], 2, [USUAL] * 7),
        ([0.9] * 8, 42, [0.9] * 7),
        ([0.9, *[0.1] * 9], 42, [USUAL] * 7),
        ([0.9, *[0.1] * 9], 43, [USUAL] * 7),
        ([0.9, *[0.1] * 9], 44, [*[USUAL] * 6, 0.1]),
        ([0.9, *[0.1] * 9], 49, [USUAL, *[0.1] * 6]),
        ([0.9, *[0.1] * 9], 50, [0.1] * 7),
        # Of a large project, too few are kept: right after some were deleted.
        ([0.9, 0.8, 0.1], 60, [0.8, *[USUAL] * 5, 0.1]),
    ],
)
def test_where_the_others_are_few_the_usual_stands_in_for_them(
    likenesses: list[float], others: int, expected: list[float]
) -> None:
    assert background_of(likenesses, others) == pytest.approx(mean_of(expected))


LIKENESSES = st.lists(st.floats(-1, 1), max_size=40)


@given(LIKENESSES, st.floats(0, 1))
def test_the_more_alike_others_are_the_higher_is_the_background(
    likenesses: list[float], more: float
) -> None:
    few = len(likenesses)
    raised = [each + more for each in likenesses]
    assert background_of(raised, few) >= background_of(likenesses, few) - 1e-9
    assert background_of(likenesses, few) <= max([USUAL, *likenesses]) + 1e-9


def test_a_reference_is_what_the_formula_says() -> None:
    near = {"a": Likeness(0.7, 0.9), "b": Likeness(0.5, 0.6), "c": Likeness(0.3, 0.95)}
    found = reference_of(near, {"a": 0.2, "b": 0.8}, 4)
    assert found.background == pytest.approx(mean_of([0.5, *[USUAL] * 6]))
    assert found.size == 4
    assert found.rivals == {
        "a": pytest.approx(0.9 - BACKGROUND_SHARE * 0.2),
        "b": pytest.approx(0.6 - BACKGROUND_SHARE * 0.8),
        "c": pytest.approx(0.95 - BACKGROUND_SHARE * UNKNOWN),
    }


def test_no_more_others_count_than_are_kept_of_every_clip() -> None:
    near = {f"{n:02}": Likeness(1 - n / 100, n / 100) for n in range(KEPT + 10)}
    found = reference_of(near, {}, 100)
    assert set(found.rivals) == {f"{n:02}" for n in range(10, KEPT + 10)}
    # By the mean, those that are kept begin with number 10.
    assert found.background == pytest.approx(mean_of([1 - n / 100 for n in range(11, 18)]))
    assert reference_of(ranking.nearest_of(near), {}, 100) == found


def test_of_others_that_are_equally_alike_those_first_by_name_are_kept() -> None:
    near = {f"{n:02}": Likeness(0.5, 0.5) for n in reversed(range(KEPT + 3))}
    assert list(ranking.nearest_of(near)) == [f"{n:02}" for n in range(KEPT)]


@pytest.mark.parametrize(
    ("size", "expected"),
    [(49, [USUAL, USUAL, *[0.1] * 5]), (50, [USUAL, *[0.1] * 6]), (51, [0.1] * 7)],
)
def test_a_clip_s_others_are_all_clips_of_its_project_but_itself(
    size: int, expected: list[float]
) -> None:
    near = {str(n): Likeness(0.1 if n else 0.9, 0.5) for n in range(10)}
    assert reference_of(near, {}, size).background == pytest.approx(mean_of(expected))


@pytest.mark.parametrize(
    ("steps", "third"), [([0.1, 0.9, 0.3, 0.6], 0.3), ([0.2, 0.9, 0.5], 0.2), ([0.9, 0.8], 0.0)]
)
def test_what_moves_in_step_as_usual_is_the_third_greatest_of_the_nearest(
    steps: list[float], third: float
) -> None:
    near = {str(n): Likeness(0.5, 0.5, step) for n, step in enumerate(steps)}
    assert reference_of(near, {}, 10).step == third


def test_rivals_are_counted_that_are_more_alike_by_more_than_rounding() -> None:
    usual = Reference(0.0, {"a": 0.5, "b": 0.4, "c": 0.4 + SAME_LIKENESS * 2, "d": -0.1})
    assert usual.rank(0.4) == 2
    assert usual.rank(0.4 + SAME_LIKENESS * 1.5) == 1
    assert usual.rank(0.3) == 3
    assert usual.rank(0.3, without={"a", "d"}) == 2
    assert usual.rank(0.9) == 0
    assert Reference(rivals={"a": 0.4 + SAME_LIKENESS}).rank(0.4) == 0
    assert Reference().rank(-1.0) == 0


def test_each_the_other_s_nearest_is_the_best_rank() -> None:
    assert rank_evidence(0, 0) == 0
    assert rank_evidence(3, 0) == rank_evidence(0, 3) == pytest.approx(math.log(4))
    assert rank_evidence(3, 1) == pytest.approx(math.log(8))


def test_size_counts_up_to_where_there_are_enough_others() -> None:
    assert size_evidence(1, 1) == size_evidence(0, 1) == 0
    assert size_evidence(10, 20) == pytest.approx((math.log(10) + math.log(20)) / 2)
    assert size_evidence(50, 50) == size_evidence(51, 9000) == pytest.approx(math.log(50))


def test_what_is_usual_around_a_frame_is_the_second_to_eighth_of_other_clips() -> None:
    rng = np.random.default_rng(11)
    clip = made(rng, 3)
    for count in (0, 4, 12):
        others = {str(n): made(rng, 5) for n in range(count)}
        compared = ranking.compare(clip.vectors, {n: o.vectors for n, o in others.items()})
        found = frame_backgrounds(compared, 3)
        assert found.dtype == np.float32
        padding = [USUAL] * max(0, 8 - count)
        for frame, row in zip(found.tolist(), clip.vectors.tolist(), strict=True):
            likest = [best(row, other.vectors.tolist()) for other in others.values()]
            ranked = sorted([*likest, *padding], reverse=True)
            assert frame == pytest.approx(mean_of(ranked[1:8]), abs=1e-6)


def test_a_frame_that_is_like_no_other_clip_has_no_background() -> None:
    here, elsewhere = np.eye(2, dtype=np.float32)[:, None]
    for count in (7, 8, 9):
        compared = ranking.compare(here, {str(n): elsewhere for n in range(count)})
        assert frame_backgrounds(compared, 1).tolist() == [0.0]
    # Of the two that are made up beside six others, the nearest does not count.
    compared = ranking.compare(here, {str(n): elsewhere for n in range(6)})
    assert frame_backgrounds(compared, 1).tolist() == [pytest.approx(USUAL / 7)]


# The score of a pair


def pair(seed: int) -> tuple[Side, Side]:
    """Two clips of different projects, each with rivals."""
    rng = np.random.default_rng(seed)
    sides = []
    for name in ("query", "other"):
        rivals = {f"{name}'s {n}": float(rng.uniform(-0.3, 0.6)) for n in range(20)}
        usual = Reference(float(rng.uniform(0.3, 0.7)), rivals, int(rng.integers(2, 80)))
        words = unit_rows(rng.normal(size=(1, DIMENSIONS)).astype(np.float32) + 1)[0]
        said = Reference(float(rng.uniform(0, 0.3)), {}, 5)
        siblings = frozenset({name})
        sides.append(Side(made(rng, 4), usual, None, words, said, 8, siblings=siblings))
    return sides[0], sides[1]


@pytest.mark.parametrize("seed", range(5))
def test_evidence_is_what_the_formula_says(seed: int) -> None:
    query, other = pair(seed)
    here, there = query.reference, other.reference
    assert here is not None
    assert there is not None
    rng = np.random.default_rng([seed, 1])
    origins = Origins(*(rng.normal(size=(2, DIMENSIONS)).astype(np.float32) / 5))
    recipe = Recipe(softness=2.0, background=0.6, words_cap=0.3, words_background=0.4)
    (match,) = ranking.rank_pairs(query, {"other": other}, origins, recipe=recipe)

    origin = origins.pictures.tolist()
    mine = [seen_from(row, origin) for row in query.clip.vectors.tolist()]
    theirs = [seen_from(row, origin) for row in other.clip.vectors.tolist()]
    there_and_back = [best(row, theirs) for row in mine], [best(row, mine) for row in theirs]
    both = mean_of([soft(values, 2.0) for values in there_and_back])
    assert match.frames == pytest.approx(
        both - 0.6 * (here.background + there.background), abs=2e-5
    )

    said = [seen_from(row.tolist(), origins.words.tolist()) for row in words_of(query, other)]
    common = sum(usual.background for usual in words_references(query, other))
    assert match.words == pytest.approx(min(cosine(*said) - 0.4 * common, 0.3), abs=2e-5)

    before_other = sum(each > both - 0.6 * there.background for each in here.rivals.values())
    before_query = sum(each > both - 0.6 * here.background for each in there.rivals.values())
    expected = math.log(1 + before_other) + math.log(1 + before_query)
    assert match.rank == pytest.approx(expected)
    assert match.size == pytest.approx(
        (math.log(min(here.size, 50)) + math.log(min(there.size, 50))) / 2
    )
    assert match.score == pytest.approx(with_other_words(WITH_WORDS.probability(match.evidence)))


def with_other_words(probability: float) -> float:
    """Of pairs of clips with words, one in fifty tells the same bug in quite other words."""
    return 0.02 + 0.98 * probability


def words_of(*sides: Side) -> list[np.ndarray]:
    return [side.words for side in sides if side.words is not None]


def words_references(*sides: Side) -> list[Reference]:
    return [side.words_reference for side in sides if side.words_reference is not None]


def test_siblings_and_the_pair_itself_are_not_counted_as_rivals() -> None:
    clip = TimedVectors(np.zeros(1, np.float32), np.eye(1, DIMENSIONS, dtype=np.float32))
    # All of these are more alike than the pair, less its background.
    here = Reference(0.8, {"other": 0.9, "other's sibling": 0.9, "rival": 0.9}, 9)
    there = Reference(0.8, {"query": 0.9, "query's sibling": 0.9, "rival": 0.9, "more": 0.9}, 9)
    query = Side(clip, here, siblings=frozenset({"query", "query's sibling"}))
    other = Side(clip, there, siblings=frozenset({"other", "other's sibling"}))
    (match,) = ranking.rank_pairs(query, {"other": other}, NOWHERE)
    assert match.rank == pytest.approx(math.log(1 + 1) + math.log(1 + 2))
    # Even where it is not known which clips an issue has, a clip is no rival of itself.
    unknown = replace(other, siblings=frozenset())
    (match,) = ranking.rank_pairs(query, {"other": unknown}, NOWHERE)
    assert match.rank == pytest.approx(math.log(1 + 2) + math.log(1 + 2))


def test_words_of_which_only_one_side_s_usual_is_known_take_it_for_both() -> None:
    said = unit_rows(np.array([[1, 0.5], [1, 0.0]], np.float32))
    alike, zero = cosine(*said.tolist()), np.zeros(2, np.float32)
    recipe = Recipe(words_cap=1.0, words_background=0.5)
    usual = Reference(0.6)
    found = ranking.words_evidence(said, zero, None, usual, recipe)
    assert found == pytest.approx(alike - 0.6, abs=1e-6)
    found = ranking.words_evidence(said, zero, usual, Reference(0.2), recipe)
    assert found == pytest.approx(alike - 0.4, abs=1e-6)
    found = ranking.words_evidence(said, zero, None, None, recipe)
    assert found == pytest.approx(alike - UNKNOWN, abs=1e-6)
    assert ranking.words_evidence(said, zero, usual, usual, Recipe(words_cap=0.1)) == 0.1


@pytest.mark.parametrize(
    ("terms", "told"), [(0, 0.0), (3, 0.0), (4, 0.2), (5, 0.4), (7, 0.8), (8, 1.0), (40, 1.0)]
)
def test_the_less_a_ticket_says_the_less_unlike_words_speak_against_it(
    terms: int, told: float
) -> None:
    zero, nothing = np.zeros(2, np.float32), Reference(0.0)
    for alike, expected in ((-0.9, -0.9 * told), (-0.1, -0.1 * told), (0.1, 0.1)):
        said = np.array([[1, 0], [alike, math.sqrt(1 - alike**2)]], np.float32)
        found = ranking.words_evidence(said, zero, nothing, nothing, terms=terms)
        assert found == pytest.approx(expected, abs=1e-6)


def test_of_two_tickets_the_one_that_says_less_tells_how_much_unlike_words_count() -> None:
    query, other = pair(6)
    assert query.words is not None
    opposite = replace(other, words=-query.words)
    for terms in ((4, 40), (40, 4)):
        one, two = (
            replace(side, terms=n) for side, n in zip((query, opposite), terms, strict=True)
        )
        (match,) = ranking.rank_pairs(one, {"other": two}, NOWHERE)
        usual = [side.background for side in words_references(query, other)]
        assert match.words == pytest.approx(0.2 * (-1 - sum(usual) / 2), abs=1e-5)


def test_tickets_are_compared_as_seen_from_the_origin_of_words() -> None:
    rng = np.random.default_rng(12)
    rows = unit_rows((rng.normal(size=(4, 5)) + 1).astype(np.float32))
    origin = rng.normal(size=5).astype(np.float32) / 4
    seen = [seen_from(row, origin.tolist()) for row in rows.tolist()]
    found = ranking.likenesses(rows[0], rows[1:], origin)
    assert found.tolist() == pytest.approx([cosine(seen[0], row) for row in seen[1:]], abs=1e-6)


def test_a_pair_without_words_is_judged_by_the_calibration_for_frames() -> None:
    query, other = pair(20)
    for one, two in ((replace(query, words=None), other), (query, replace(other, words=None))):
        (match,) = ranking.rank_pairs(one, {"other": two}, NOWHERE)
        assert match.words is None
        assert match.score == FRAMES_ONLY.probability(match.evidence)


def test_a_calibration_of_one_s_own_is_used() -> None:
    query, other = pair(23)
    own = Calibrations(
        frames=Calibration(frames=2.0, intercept=0.1),
        with_words=Calibration(words=3.0, intercept=0.2),
        share=0.1,
    )
    (match,) = ranking.rank_pairs(
        replace(query, words=None), {"other": other}, NOWHERE, calibrations=own
    )
    assert match.score == own.frames.probability(match.evidence, 0.1)
    (match,) = ranking.rank_pairs(query, {"other": other}, NOWHERE, calibrations=own)
    own_words = own.with_words.probability(match.evidence, 0.1)
    assert match.score == pytest.approx(with_other_words(own_words))


def test_where_all_are_certain_the_better_evidence_is_first_and_then_the_name() -> None:
    query = made(np.random.default_rng(24), 3)
    other = TimedVectors(query.times, unit_rows(query.vectors + 0.4))
    candidates = {name: Side(clip) for name, clip in (("c", query), ("b", other), ("a", query))}
    certain = Calibrations(frames=Calibration(frames=1000.0, intercept=10_000.0))
    found = ranking.rank_pairs(Side(query), candidates, NOWHERE, calibrations=certain)
    assert [match.score for match in found] == [1.0, 1.0, 1.0]
    assert [match.clip_id for match in found] == ["a", "c", "b"]


# Moments


def test_moments_are_sought_beyond_the_backgrounds_of_both_clips_frames() -> None:
    rng = np.random.default_rng(21)
    clips = [made(rng, 9), made(rng, 6)]
    usual = [rng.uniform(0, 0.9, len(clip.times)).astype(np.float32) for clip in clips]
    query, other = (
        Side(clip, frame_background=each) for clip, each in zip(clips, usual, strict=True)
    )
    cosines = clips[0].vectors @ clips[1].vectors.T
    times = [clip.times for clip in clips]
    for one, two in ((query, other), (replace(query, frame_background=None), other)):
        (match,) = ranking.rank_pairs(one, {"other": two}, NOWHERE)
        expected = ranking.matching_moments(
            cosines, *times, one.frame_background, two.frame_background
        )
        assert told(match) == [(m.query_time, m.match_time) for m in expected]
    plain = ranking.matching_moments(cosines, *times)
    # Of a clip that was indexed again meanwhile, what was usual around its frames fits no more.
    stale = replace(query, frame_background=usual[0][:4])
    (match,) = ranking.rank_pairs(stale, {"other": Side(clips[1])}, NOWHERE)
    assert told(match) == [(m.query_time, m.match_time) for m in plain]


def test_what_every_clip_shows_is_no_moment_of_a_match() -> None:
    frames = np.eye(2, DIMENSIONS, dtype=np.float32)
    other = TimedVectors(np.array([5, 6], np.float32), unit_rows(frames + 0.1 * frames[::-1]))
    query = TimedVectors(np.array([1, 2], np.float32), frames)
    for common, expected in (([0.9, 0.0], (2, 6)), ([0.0, 0.9], (1, 5))):
        side = Side(query, frame_background=np.array(common, np.float32))
        (match,) = ranking.rank_pairs(side, {"other": Side(other)}, NOWHERE)
        assert told(match) == [expected]
        side = Side(other, frame_background=np.array(common, np.float32))
        (match,) = ranking.rank_pairs(Side(query), {"other": side}, NOWHERE)
        assert told(match) == [expected]


def told(match: ranking.Match) -> list[tuple[float, float]]:
    return [(moment.query_time, moment.match_time) for moment in match.moments]


def test_moments_are_told_for_the_first_matches_only() -> None:
    query = Side(made(np.random.default_rng(25), 2))
    candidates = {f"{number:02}": query for number in range(MATCHES_WITH_MOMENTS + 2)}
    found = ranking.rank_pairs(query, candidates, NOWHERE)
    assert all(match.moments for match in found[:MATCHES_WITH_MOMENTS])
    assert [match.moments for match in found[MATCHES_WITH_MOMENTS:]] == [(), ()]


# Orders


def test_ties_go_by_the_clip_s_id() -> None:
    hits = [ranking.Hit(name, 0, 0.5) for name in ("b", "c", "a")]
    assert [match.clip_id for match in paper.top_k(hits)] == ["a", "b", "c"]
    assert [match.clip_id for match in paper.majority(hits)] == ["a", "b", "c"]
