"""Copies of one recording: what moves in step."""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dejabug.ranking import (
    Calibrations,
    Evidence,
    Match,
    Reference,
    Side,
    Signature,
    likeness_in_step,
    motion_of,
    rank_pairs,
)
from dejabug.ranking.copies import SMALLER
from dejabug.ranking.pairs import Origins
from dejabug.ranking.types import TimedVectors

STEP = 0.25


def moving(count: int, seed: int) -> np.ndarray:
    """A walk through random pictures, uint8 [count, 12, 12]."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(0, 25, size=(count, 12, 12)), axis=0) + 128
    return np.clip(walk, 0, 255).astype(np.uint8)


def signed(pictures: np.ndarray, step: float = STEP) -> Signature:
    return Signature(np.arange(len(pictures), dtype=np.float32) * np.float32(step), pictures)


def alike(first: np.ndarray, second: np.ndarray) -> float:
    return likeness_in_step(motion_of(signed(first)), motion_of(signed(second)))


def test_a_clip_moves_in_step_with_itself_and_not_with_another() -> None:
    film, other = moving(60, 1), moving(60, 2)
    assert alike(film, film) == pytest.approx(1, abs=1e-4)
    assert abs(alike(film, other)) < 0.6


def test_a_dark_noisy_copy_is_still_in_step() -> None:
    film = moving(60, 1).astype(float)
    noise = np.random.default_rng(3).normal(0, 6, film.shape)
    dark = np.clip(film * 0.4 + 10 + noise, 0, 255).astype(np.uint8)
    assert alike(film.astype(np.uint8), dark) > 0.85


@pytest.mark.parametrize(("start", "stop"), [(0, 40), (20, 60), (13, 47)])
def test_a_part_that_was_cut_out_is_found_wherever_it_was(start: int, stop: int) -> None:
    film = moving(60, 1)
    assert alike(film, film[start:stop]) > 0.8
    assert alike(film[start:stop], film) == pytest.approx(alike(film, film[start:stop]))


def test_the_shift_must_leave_half_of_the_shorter_one() -> None:
    film = moving(60, 1)
    assert alike(film[:30], film[20:50]) < alike(film[:30], film[10:40])


@pytest.mark.parametrize(
    "pictures",
    [
        np.full((40, 12, 12), 90, np.uint8),
        np.repeat(moving(1, 5), 40, axis=0),
        moving(7, 1),
        np.zeros((0, 12, 12), np.uint8),
    ],
    ids=["flat", "frozen", "short", "a screenshot"],
)
def test_what_does_not_move_is_no_copy_of_anything(pictures: np.ndarray) -> None:
    assert len(motion_of(signed(pictures))) == 0
    assert alike(pictures, moving(60, 1)) == 0
    assert alike(pictures, pictures) == 0


def motion_by_hand(pictures: np.ndarray) -> np.ndarray:
    """What moves in pictures that are STEP apart, by the formula."""
    scaled = []
    for picture in pictures.reshape(len(pictures), -1).tolist():
        mean, contrast = statistics.fmean(picture), max(statistics.pstdev(picture), 2.0)
        scaled.append([(grey - mean) / contrast for grey in picture])
    usual = [statistics.fmean(values) for values in zip(*scaled, strict=True)]
    return np.array([[a - b for a, b in zip(row, usual, strict=True)] for row in scaled])


def test_motion_is_each_picture_s_pattern_less_the_clip_s() -> None:
    pictures = moving(8, 1)  # as few as can be compared
    pictures[3] = 100
    pictures[3, 5, :4] = 103  # noise of an encoder: a deviation of less than two
    found = motion_of(signed(pictures))
    assert (found.shape, found.dtype) == ((8, 144), np.float32)
    np.testing.assert_allclose(found, motion_by_hand(pictures), atol=1e-5)


def test_each_quarter_of_a_second_shows_the_picture_that_is_nearest_in_time() -> None:
    pictures = moving(9, 1)
    times = np.array([0, 0.1, 0.3, 0.62, 0.7, 1, 1.5, 1.65, 1.9], np.float32)
    found = motion_of(Signature(times, pictures))
    # At 0, 0.25, 0.5, …, 2; 1.25 lies half way between two pictures, and shows the later.
    expected = motion_by_hand(pictures[[0, 2, 3, 4, 5, 6, 6, 7, 8]])
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(("swapped", "moves"), [(1, False), (2, True)])
def test_a_clip_that_hardly_moves_gives_nothing(swapped: int, moves: bool) -> None:
    """Two of a chessboard's fields change places in some of eight pictures: the mean square of what
    moves is 2/144 · 4 · share · (1 - share), 0.078² where one does, and 0.102² where two do."""
    pictures = np.tile(np.array([[64, 192], [192, 64]], np.uint8), (8, 6, 6))
    pictures[:swapped, 0, :2] = 192, 64
    found = motion_of(signed(pictures))
    assert len(found) == (8 if moves else 0)
    assert found.shape[1] == 144


def test_the_shorter_clip_runs_beside_the_other_for_half_its_length_at_least() -> None:
    rng = np.random.default_rng(1)
    clip, more = rng.normal(size=(2, 16, 144)).astype(np.float32)
    for overlap, in_step in ((9, True), (8, True), (7, False)):
        follows = np.concatenate([clip[16 - overlap :], more])[:16]
        found = likeness_in_step(clip, follows)
        assert (found > 0.99) is in_step
        assert likeness_in_step(follows, clip) == pytest.approx(found, abs=1e-5)


def test_clips_of_eight_pictures_are_compared_and_of_seven_are_not() -> None:
    clip = np.random.default_rng(1).normal(size=(8, 144)).astype(np.float32)
    assert likeness_in_step(clip, clip) == pytest.approx(1, abs=1e-5)
    assert likeness_in_step(clip[:7], clip) == likeness_in_step(clip, clip[:7]) == 0


def test_it_does_not_matter_how_strongly_clips_move() -> None:
    first, second = np.random.default_rng(1).normal(size=(2, 20, 144)).astype(np.float32)
    second = first + second
    found = likeness_in_step(first / 1000, second / 1000)
    assert 0.6 < found == pytest.approx(likeness_in_step(first, second), abs=1e-4)


@pytest.mark.parametrize("size", SMALLER)
def test_a_clip_is_in_step_with_itself_shown_smaller(film: np.ndarray, size: float) -> None:
    motion = motion_of(signed(shown_in_a_frame(film, 96)))
    # A hair wider, since Pillow leaves out pixels that lie on the right edge exactly.
    wider = 1 / (size + 1e-6)
    start = 6 * (1 - wider)  # of a picture twelve pixels wide
    where = (wider, 0, start, 0, wider, start)
    smaller = [
        Image.fromarray(picture.reshape(12, 12)).transform(
            (12, 12), Image.Transform.AFFINE, where, Image.Resampling.BILINEAR
        )
        for picture in motion
    ]
    shown = np.array([np.asarray(picture).ravel() for picture in smaller])
    assert likeness_in_step(motion, shown) == pytest.approx(1, abs=1e-4)
    assert likeness_in_step(shown, motion) == pytest.approx(1, abs=1e-4)


def shown_in_a_frame(film: np.ndarray, size: int) -> np.ndarray:
    """Pictures [n, 96, 96] shown `size` pixels wide on a grey desk of 96, as 12×12 [n, 12, 12]."""
    edge = (96 - size) // 2
    shown = []
    for picture in film:
        desk = Image.new("L", (96, 96), 40)
        desk.paste(
            Image.fromarray(picture).resize((size, size), Image.Resampling.BOX), (edge, edge)
        )
        shown.append(np.asarray(desk.resize((12, 12), Image.Resampling.BOX)))
    return np.array(shown)


@pytest.fixture(scope="module")
def film() -> np.ndarray:
    """Large shapes that come and go, uint8 [60, 96, 96]."""
    shapes = [Image.fromarray(picture[:5, :5]) for picture in moving(60, 1)]
    return np.array([np.asarray(s.resize((96, 96), Image.Resampling.BICUBIC)) for s in shapes])


@pytest.mark.parametrize("size", [90, 84, 78, 72])
def test_a_screen_that_was_filmed_in_its_room_is_still_in_step(film: np.ndarray, size: int) -> None:
    whole, framed = shown_in_a_frame(film, 96), shown_in_a_frame(film, size)
    assert alike(whole, framed) > 0.85
    assert alike(framed, whole) == pytest.approx(alike(whole, framed), abs=0.01)


def test_what_is_not_alike_is_not_made_so_by_another_size(film: np.ndarray) -> None:
    other = shown_in_a_frame(film[::-1], 84)
    assert alike(shown_in_a_frame(film, 96), other) < 0.6


def test_gaps_between_pictures_count_as_time() -> None:
    film = signed(moving(60, 1))
    kept = np.array([n for n in range(60) if n % 5])  # near-duplicates may be left out
    gappy = Signature(film.times[kept], film.pictures[kept])
    assert likeness_in_step(motion_of(film), motion_of(gappy)) > 0.85


@pytest.fixture
def pair() -> tuple[Side, Side]:
    vectors = np.eye(3, dtype=np.float32)
    motion = motion_of(signed(moving(60, 1)))
    sides = [
        Side(TimedVectors(np.arange(3, dtype=np.float32), rows), Reference(size=20), motion=motion)
        for rows in (vectors, -vectors)
    ]
    return sides[0], sides[1]


def ranked(first: Side, second: Side) -> list[Match]:
    nothing = np.zeros(3, np.float32)
    return rank_pairs(first, {"other": second}, Origins(nothing, nothing))


def score(first: Side, second: Side) -> float:
    (match,) = ranked(first, second)
    return match.score


def with_reference(side: Side, **changes: Any) -> Side:
    return Side(side.clip, Reference(**{"size": 20, **changes}), motion=side.motion)


def test_copies_score_near_one_however_their_frames_look(pair: tuple[Side, Side]) -> None:
    first, second = pair
    assert score(first, second) > 0.99
    (match,) = ranked(first, second)
    assert match.copy == pytest.approx(1, abs=1e-4)
    assert score(Side(first.clip, first.reference), second) < 0.5


def test_where_a_game_replays_its_footage_motion_proves_nothing(pair: tuple[Side, Side]) -> None:
    first, second = pair
    for sides in (
        (with_reference(first, step=0.9), second),
        (first, with_reference(second, step=0.9)),
        (with_reference(first, size=8), second),  # too few others to know
    ):
        assert score(*sides) < 0.5


def test_a_copy_needs_no_prior() -> None:
    rare = Calibrations(share=0.01)
    assert rare.probability(Evidence(-1.0, copy=0.9)) > 0.97
    assert rare.probability(Evidence(-1.0, copy=0.4)) < 0.1
