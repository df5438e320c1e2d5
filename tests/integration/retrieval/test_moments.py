"""Moments at their limits: ends of clips, the second moment, backgrounds, and a start before 0."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dejabug import ranking
from dejabug.index import ClipLocation
from dejabug.ranking import (
    Floats,
    Moment,
    Origins,
    Scale,
    Side,
    TimedVectors,
    matching_moments,
    moments,
)
from dejabug.retrieval.retriever import TEXT_MOMENT
from dejabug.services import Services


def times(count: int, first: float = 0.0) -> Floats:
    """One frame a second."""
    return np.arange(count, dtype=np.float32) + np.float32(first)


def found(cosines: Floats, *backgrounds: Floats | None) -> tuple[Moment, ...]:
    """Moments with frames at 0, 1, 2 … s of the query, and at 100, 101, 102 … s of the match."""
    rows, columns = cosines.shape
    return matching_moments(cosines, times(rows), times(columns, 100), *backgrounds)


def ranges(moment: Moment) -> tuple[float, float, float, float]:
    return moment.query_start, moment.query_end, moment.match_start, moment.match_end


@pytest.mark.parametrize(
    ("row", "column", "expected"),
    [(4, 3, (2.0, 4.0, 101.0, 103.0)), (2, 2, (0.0, 2.0, 100.0, 102.0))],
)
def test_a_moment_reaches_the_first_and_the_last_frame(
    row: int, column: int, expected: tuple[float, ...]
) -> None:
    cosines = np.zeros((5, 4), np.float32)
    for back in range(3):
        cosines[row - back, column - back] = 0.9
    cosines[row - 1, column - 1] = 0.95
    (moment,) = found(cosines)
    assert ranges(moment) == expected
    assert (moment.query_time, moment.match_time) == (row - 1.0, 100.0 + column - 1)


def test_a_clip_of_one_frame_has_a_moment_of_no_length() -> None:
    (moment,) = found(np.full((1, 1), 0.7, np.float32))
    assert ranges(moment) == (0.0, 0.0, 100.0, 100.0)
    assert moment.similarity == pytest.approx(0.7)


def test_a_gap_ends_a_moment_on_both_sides() -> None:
    cosines = np.zeros((7, 7), np.float32)
    np.fill_diagonal(cosines, [0.9, 0.0, 0.9, 0.95, 0.9, 0.0, 0.9])
    first, *_ = found(cosines)
    assert ranges(first) == (2.0, 4.0, 102.0, 104.0)


def test_a_stretch_in_the_match_is_like_this_stretch_of_the_query_and_no_other() -> None:
    """Seconds 103 and 104 show what the query shows at its end, far from the moment."""
    cosines = np.zeros((6, 6), np.float32)
    cosines[1, 2], cosines[5, 3], cosines[5, 4] = 0.95, 0.85, 0.85
    first, *_ = found(cosines)
    assert ranges(first) == (1.0, 1.0, 102.0, 102.0)


def test_a_frame_at_exactly_the_depth_still_belongs_to_the_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(moments, "MOMENT_DEPTH", 0.25)  # exact as a binary fraction
    cosines = np.zeros((3, 3), np.float32)
    np.fill_diagonal(cosines, [0.5, 0.75, 0.5])
    assert ranges(found(cosines)[0]) == (0.0, 2.0, 100.0, 102.0)
    np.fill_diagonal(cosines, [0.49, 0.75, 0.49])
    assert ranges(found(cosines)[0]) == (1.0, 1.0, 101.0, 101.0)


def test_a_second_moment_at_exactly_the_depth_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "SECOND_MOMENT_DEPTH", 0.25)
    cosines = np.zeros((9, 9), np.float32)
    cosines[1, 1], cosines[7, 8] = 0.75, 0.5
    first, second = found(cosines)
    assert ranges(first) == (1.0, 1.0, 101.0, 101.0)
    assert ranges(second) == (7.0, 7.0, 108.0, 108.0)
    assert second.similarity == pytest.approx(0.5)
    cosines[7, 8] = 0.49
    assert len(found(cosines)) == 1


@pytest.mark.parametrize(("row", "column"), [(1, 7), (7, 1)])
def test_the_second_moment_shares_no_frame_with_the_first(row: int, column: int) -> None:
    """The best frame of one clip is nearly as like a second frame of the other: one moment, not
    two; what is told as the second is a pair of other frames."""
    cosines = np.zeros((9, 9), np.float32)
    cosines[1, 1], cosines[row, column], cosines[4, 4] = 0.95, 0.94, 0.9
    first, second = found(cosines)
    assert (first.query_time, first.match_time) == (1.0, 101.0)
    assert (second.query_time, second.match_time) == (4.0, 104.0)


def test_no_more_than_two_moments_are_told() -> None:
    cosines = np.zeros((9, 9), np.float32)
    cosines[0, 0], cosines[4, 4], cosines[8, 8] = 0.95, 0.94, 0.93
    assert [moment.query_time for moment in found(cosines)] == [0.0, 4.0]


@pytest.mark.parametrize("side", ["query", "match", "both"])
def test_a_frame_that_looks_like_everything_else_is_not_the_moment(side: str) -> None:
    """Background is taken off: the plain pair has the higher cosine, the rare one is the bug."""
    cosines = np.zeros((6, 8), np.float32)
    cosines[1, 6], cosines[4, 2] = 0.9, 0.8
    query, match = np.zeros(6, np.float32), np.zeros(8, np.float32)
    query[1], match[6] = 0.5, 0.5
    first, *more = found(
        cosines,
        query if side in ("query", "both") else None,
        match if side in ("match", "both") else None,
    )
    assert (first.query_time, first.match_time) == (4.0, 102.0)
    # What is told is the cosine itself.
    assert first.similarity == pytest.approx(0.8)
    assert more == []


def test_cosines_of_zero_have_no_moment() -> None:
    assert found(np.zeros((2, 2), np.float32)) == ()


@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 8), st.integers(1, 8)),
        elements=st.floats(-1, 1, width=32),
    ),
    st.floats(0, 1),
)
def test_moments_lie_within_their_clips_around_their_best_pair(
    cosines: Floats, background: float
) -> None:
    rows, columns = cosines.shape
    before = cosines.copy()
    told = found(cosines, np.full(rows, background, np.float32))
    assert np.array_equal(cosines, before)  # the caller goes on with them
    assert bool(told) is bool(cosines.max() > 0)
    for moment in told:
        assert 0 <= moment.query_start <= moment.query_time <= moment.query_end <= rows - 1
        assert 100 <= moment.match_start <= moment.match_time <= moment.match_end
        assert moment.match_end <= 99 + columns
        at = int(moment.query_time), int(moment.match_time) - 100
        assert moment.similarity == pytest.approx(float(cosines[at]))
    if len(told) == 2:
        first, second = told
        assert second.query_start > first.query_end or second.query_end < first.query_start
        assert second.match_start > first.match_end or second.match_end < first.match_start


def test_a_place_that_the_others_show_too_is_the_moment_on_neither_side() -> None:
    """Through the whole ranking: two clips share a place, which many clips show, and a bug. The
    cosine at the place is the higher one."""
    services, bug, third, fourth = np.eye(40, dtype=np.float32)[:4]

    def clip(*rows: Floats) -> TimedVectors:
        vectors = np.stack([row / np.linalg.norm(row) for row in rows])
        return TimedVectors(times(len(rows)), vectors.astype(np.float32))

    query = clip(third, services, third, bug + 0.2 * third)
    other = clip(bug + 0.2 * fourth, fourth, services)
    crowd = {
        f"crowd {n:02}": clip(services, np.eye(40, dtype=np.float32)[5 + n]) for n in range(30)
    }

    def side(own: TimedVectors, *, usual: bool) -> Side:
        compared = ranking.compare(own.vectors, {name: c.vectors for name, c in crowd.items()})
        return Side(
            own, None, ranking.frame_backgrounds(compared, len(own.times)) if usual else None
        )

    def moment(*, usual: bool) -> Moment:
        others = {"other": side(other, usual=usual)}
        zero = np.zeros(40, np.float32)
        (match,) = ranking.rank_pairs(side(query, usual=usual), others, Origins(zero, zero))
        return match.moments[0]

    assert (moment(usual=False).query_time, moment(usual=False).match_time) == (1.0, 2.0)
    assert (moment(usual=True).query_time, moment(usual=True).match_time) == (3.0, 0.0)


@pytest.mark.parametrize(
    ("at", "start", "end"),
    [
        (0.0, 0.0, TEXT_MOMENT / 2),
        (0.25, 0.0, 0.25 + TEXT_MOMENT / 2),
        (9.5, 9.5 - TEXT_MOMENT / 2, 9.5 + TEXT_MOMENT / 2),
    ],
)
def test_the_moment_that_words_find_lies_around_its_frame_and_starts_no_earlier_than_the_clip(
    cold_services: Services, at: float, start: float, end: float
) -> None:
    cold_services.collections.note_encoder(cold_services.collections.configured.name, 4, "a test's")
    cold_services.collections.active_encoder.claim(cold_services.collections.configured.name)
    seen = np.eye(4, dtype=np.float32)
    where = ClipLocation("1", "GAME", "")
    cold_services.collections.active.index.write_clip(
        "7", where, np.array([at], np.float32), seen[:1]
    )
    scale = Scale(words=(0.1, 0.6), pictures=(0.2, 0.3))
    (found,) = cold_services.retrievers.active.search("cows", seen[0], scale, ["GAME"])
    (moment,) = found.match.moments
    assert (moment.match_start, moment.match_end, moment.match_time) == (start, end, at)
    assert moment.similarity == pytest.approx(1.0, abs=1e-3)


TIMES = np.arange(10, dtype=np.float32) * 2


def told(cosines: np.ndarray, *backgrounds: np.ndarray | None) -> list[tuple[float, ...]]:
    """Each moment's stretch in the query, and in the match."""
    rows, columns = cosines.shape
    found = ranking.matching_moments(cosines, TIMES[:rows], TIMES[:columns], *backgrounds)
    return [(m.query_start, m.query_end, m.match_start, m.match_end) for m in found]


def square(size: int = 6) -> np.ndarray:
    return np.zeros((size, size), np.float32)


def test_a_moment_tells_its_times_and_its_best_pair() -> None:
    cosines = square()
    cosines[1, 3], cosines[2, 4] = 0.8, 0.9
    assert ranking.matching_moments(cosines, TIMES[:6], TIMES[:6] + 100) == (
        Moment(2.0, 4.0, 106.0, 108.0, 4.0, 108.0, pytest.approx(0.9)),
    )


def test_a_moment_reaches_to_both_ends_of_both_clips() -> None:
    cosines = np.full((4, 5), 0.7, np.float32)
    assert told(cosines) == [(0, 6, 0, 8)]


def test_a_stretch_ends_where_a_frame_has_no_good_counterpart() -> None:
    cosines = square()
    for number in (0, 2, 3, 5):
        cosines[number, number] = 0.7
    cosines[2, 2] = 0.72
    assert told(cosines)[0] == (4, 6, 4, 6)


def test_a_frame_just_as_far_below_the_best_as_is_allowed_belongs_to_the_moment() -> None:
    cosines = square()
    cosines[2, 2], cosines[3, 2], cosines[2, 3] = 0.5, 0.35, 0.35
    assert told(cosines) == [(4, 6, 4, 6)]
    cosines[3, 2] = cosines[2, 3] = 0.349
    assert told(cosines) == [(4, 4, 4, 4)]


def test_two_clips_that_are_one_moment_throughout_have_no_second() -> None:
    assert len(told(np.full((2, 2), 0.9, np.float32))) == 1


def test_frames_that_have_nothing_in_common_have_no_moment() -> None:
    assert told(square()) == []
    cosines = square()
    cosines[1, 1] = 1e-6
    assert told(cosines) == [(0, 10, 0, 10)]  # it, and the rest, which is hardly worse


def test_what_looks_like_everything_else_is_no_moment_in_either_clip() -> None:
    cosines = square()
    cosines[1, 1], cosines[4, 4] = 0.9, 0.8
    common = np.full(6, 0.2, np.float32)
    common[1] = 0.9
    assert told(cosines)[0] == (2, 2, 2, 2)
    assert told(cosines, common)[0] == (8, 8, 8, 8)
    assert told(cosines, None, common)[0] == (8, 8, 8, 8)
    # Three quarters of a background count.
    common[1] = 0.2 + 0.1 / 0.75 - 0.01
    assert told(cosines, common)[0] == told(cosines, None, common)[0] == (2, 2, 2, 2)
    common[1] = 0.2 + 0.1 / 0.75 + 0.01
    assert told(cosines, common)[0] == told(cosines, None, common)[0] == (8, 8, 8, 8)


def test_the_cosines_that_were_handed_in_stay_as_they_are() -> None:
    cosines = np.random.default_rng(1).random((5, 6)).astype(np.float32)
    before = cosines.copy()
    told(cosines, np.ones(5, np.float32), np.ones(6, np.float32))
    assert (cosines == before).all()
