"""Where two clips show the same."""

from __future__ import annotations

import numpy as np
import pytest

from dejabug import ranking
from dejabug.ranking import Moment

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


def test_no_more_than_two_moments_are_told() -> None:
    cosines = square()
    cosines[0, 0] = cosines[2, 2] = cosines[4, 4] = 0.8
    assert told(cosines) == [(0, 0, 0, 0), (4, 4, 4, 4)]


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
