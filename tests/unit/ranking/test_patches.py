"""What two images have in common, patch by patch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dejabug import ranking
from dejabug.ranking.patches import COMMON, FULL, LEAST, UNSEEN

AXES = np.eye(6, dtype=np.float32)


def picture(*rows: list[int]) -> np.ndarray:
    """A picture whose patches are unit vectors along these axes."""
    return AXES[np.array(rows)]


def grids(seed: int, *shape: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(*shape, 5)).astype(np.float32)
    found: np.ndarray = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return found


def test_a_patch_matches_its_like_wherever_that_lies_in_the_other_picture() -> None:
    mine, theirs = ranking.likeness_of_patches(picture([0, 1], [2, 3]), picture([5, 4, 3]))
    np.testing.assert_array_equal(mine, [[0, 0], [0, 1]])
    np.testing.assert_array_equal(theirs, [[0, 0, 1]])


@given(st.integers(0, 99))
def test_both_ways_are_the_same_with_the_pictures_exchanged(seed: int) -> None:
    here, there = grids(seed, 2, 3), grids(seed + 100, 4, 2)
    mine, theirs = ranking.likeness_of_patches(here, there)
    again = ranking.likeness_of_patches(there, here)
    np.testing.assert_allclose(mine, again[1], atol=1e-6)
    np.testing.assert_allclose(theirs, again[0], atol=1e-6)
    assert (mine.shape, theirs.shape) == ((2, 3), (4, 2))


def test_what_the_nearest_other_clip_alone_shows_is_not_usual_yet() -> None:
    seen = picture([0, 1])
    others = [picture([0, 5]), picture([1, 5]), picture([1, 4]), picture([1, 3]), picture([2])]
    # The first axis is in one other picture, perhaps of the same bug; the second is in three.
    usual = ranking.usual_of_patches(seen, others)
    assert usual is not None
    np.testing.assert_allclose(usual, [[0, 2 / 3]], atol=1e-6)


def test_of_two_other_clips_what_the_second_nearest_shows_is_usual() -> None:
    usual = ranking.usual_of_patches(picture([0, 1, 2]), [picture([0, 1]), picture([1, 5])])
    np.testing.assert_array_equal(usual, [[0, 1, 0]])


def test_of_one_other_clip_what_it_shows_is_usual_and_of_none_nothing_is_known() -> None:
    seen = picture([0, 1])
    np.testing.assert_array_equal(ranking.usual_of_patches(seen, [picture([1])]), [[0, 1]])
    assert ranking.usual_of_patches(seen, []) is None


def test_what_matches_no_more_than_is_usual_is_not_shown_as_a_match() -> None:
    likeness = np.array([[0.95, 0.95, 0.3, 0.9]], np.float32)
    usual = np.array([[0.95, 0.1, 0.1, 0.7]], np.float32)
    shown = ranking.matching(likeness, usual)
    np.testing.assert_allclose(shown, [[0, 1, 0, 0.2 / FULL]], atol=1e-6)
    # Without knowing what is usual, all that is alike is a match.
    alone = ranking.matching(likeness, None)
    np.testing.assert_allclose(alone, [[1, 1, 0, 1]], atol=1e-6)


def test_unusual_is_what_is_unlike_others_between_two_fixed_ends() -> None:
    usual = np.array([COMMON, 1, UNSEEN, -1, (COMMON + UNSEEN) / 2], np.float32)
    np.testing.assert_allclose(ranking.unusual(usual), [0, 0, 1, 1, 0.5], atol=1e-6)


@given(st.integers(0, 99), st.integers(0, 5))
def test_all_that_is_shown_lies_between_nothing_and_all(seed: int, count: int) -> None:
    here, there = grids(seed, 3, 3), grids(seed + 100, 3, 3)
    usual = ranking.usual_of_patches(here, [grids(seed + n, 3, 3) for n in range(200, 200 + count)])
    for likeness in ranking.likeness_of_patches(here, there):
        shown = ranking.matching(likeness, usual)
        assert ((shown >= 0) & (shown <= 1)).all()
        assert not shown[likeness <= LEAST].any()
    if usual is not None:
        assert ((ranking.unusual(usual) >= 0) & (ranking.unusual(usual) <= 1)).all()


def test_patches_are_seen_from_their_origin() -> None:
    origin = AXES[0] / 2
    seen = ranking.centre_patches(picture([0, 1], [0, 2]), origin)
    np.testing.assert_allclose(np.linalg.norm(seen, axis=-1), 1, atol=1e-6)
    assert seen[0, 0] @ seen[0, 1] == pytest.approx(-0.5 / np.hypot(1, 0.5), abs=1e-6)
