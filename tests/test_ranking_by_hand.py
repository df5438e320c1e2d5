"""The default ranking's arithmetic against the same, written out slowly, one number at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from dejabug import ranking
from dejabug.ranking import Calibration, Calibrations, Recipe, TimedVectors, adapter
from dejabug.ranking.background import mean_of_ranks, spread, trusted_mean, unit_rows
from dejabug.ranking.calibration import FRAMES_ONLY, WITH_WORDS
from dejabug.ranking.frames import MATCHES_WITH_MOMENTS

Row = Sequence[float]
DIMENSIONS = 8


def made(rng: np.random.Generator, frames: int) -> TimedVectors:
    rows = rng.normal(size=(frames, DIMENSIONS)) + 0.7
    vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return TimedVectors(np.arange(frames, dtype=np.float32) / 2, vectors.astype(np.float32))


def history(rng: np.random.Generator, clips: int, frames: int = 40) -> dict[str, TimedVectors]:
    """Clips of 1 to 40 frames: more than stand for a clip as background of others, too."""
    return {f"clip {n}": made(rng, int(rng.integers(1, frames + 1))) for n in range(clips)}


# By hand


def cosine(a: Row, b: Row) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def seen_from(row: Row, origin: Row) -> Row:
    moved = [x - y for x, y in zip(row, origin, strict=True)]
    length = math.sqrt(cosine(moved, moved))
    return [x / length for x in moved]


def second_to_sixth(likenesses: list[float], usual: float, others: int) -> float:
    """The mean of those ranks, others at `usual` standing in where there are fewer than fifty."""
    made_up = math.ceil(max(0.0, 1 - others / 50) * 6)
    return math.fsum(sorted([*likenesses, *[usual] * made_up], reverse=True)[1:6]) / 5


def spread_by_hand(rows: Sequence[Row]) -> list[Row]:
    if len(rows) <= 16:
        return list(rows)
    return [rows[round(number * (len(rows) - 1) / 15)] for number in range(16)]


class ByHand:
    """Evidence and backgrounds of a query against its candidates."""

    def __init__(
        self, query: TimedVectors, candidates: Mapping[str, TimedVectors], mean: Row, clips: int
    ) -> None:
        origin = [x * clips / (clips + 5) for x in mean]
        self.asked = [seen_from(row, origin) for row in query.vectors.tolist()]
        self.clips = {
            name: [seen_from(row, origin) for row in clip.vectors.tolist()]
            for name, clip in candidates.items()
        }
        self.asked_background = [
            second_to_sixth(
                [self.best(row, clip) for clip in self.clips.values()], 0.5, len(self.clips)
            )
            for row in self.asked
        ]

    @staticmethod
    def best(row: Row, others: Sequence[Row]) -> float:
        return max(cosine(row, other) for other in others)

    def background(self, name: str, row: Row) -> float:
        """How alike a frame of this clip is to the other clips, and to the query."""
        others = [
            self.best(row, spread_by_hand(clip))
            for other, clip in self.clips.items()
            if other != name
        ]
        # The clip itself counts as one of those that there are.
        return second_to_sixth([*others, self.best(row, self.asked)], 0.5, len(self.clips) + 1)

    def evidence(self, name: str, softness: float, share: float) -> float:
        clip = self.clips[name]
        there = [self.best(row, clip) for row in self.asked]
        back = [self.best(row, self.asked) for row in clip]
        alike = (soft(there, softness) + soft(back, softness)) / 2
        sampled = [self.background(name, row) for row in spread_by_hand(clip)]
        common = mean_of(self.asked_background) + mean_of(sampled)
        return alike - share * common


def mean_of(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def soft(values: Sequence[float], softness: float) -> float:
    return math.log(mean_of([math.exp(softness * value) for value in values])) / softness


# The default ranking


@pytest.mark.parametrize(("clips", "frames"), [(1, 40), (3, 40), (8, 30), (55, 3)])
def test_evidence_is_what_the_formula_says(clips: int, frames: int) -> None:
    rng = np.random.default_rng(clips)
    query, candidates = made(rng, 5), history(rng, clips, frames)
    mean = rng.normal(size=DIMENSIONS).astype(np.float32) / 5
    by_hand = ByHand(query, candidates, mean.tolist(), 7)
    recipe = Recipe(softness=2.0, background=0.6)
    found = ranking.by_frames(query, candidates, mean, 7, recipe=recipe)
    assert len(found) == clips
    for match in found:
        expected = by_hand.evidence(match.clip_id, 2.0, 0.6)
        assert match.frames == pytest.approx(expected, abs=2e-5)
        assert match.score == FRAMES_ONLY.probability(match.frames)
        assert match.words is None


def test_moments_are_sought_beyond_the_backgrounds_of_both_clips() -> None:
    rng = np.random.default_rng(21)
    query, candidates = made(rng, 9), history(rng, 5)
    zero = np.zeros(DIMENSIONS, np.float32)
    by_hand = ByHand(query, candidates, zero.tolist(), 0)
    for match in ranking.by_frames(query, candidates, zero, 0):
        clip = candidates[match.clip_id]
        behind = [by_hand.background(match.clip_id, row) for row in clip.vectors.tolist()]
        expected = ranking.matching_moments(
            query.vectors @ clip.vectors.T,
            query.times,
            clip.times,
            np.array(by_hand.asked_background, np.float32),
            np.array(behind, np.float32),
        )
        told = [(m.query_time, m.match_time) for m in match.moments]
        assert told == [(m.query_time, m.match_time) for m in expected]


def test_words_count_beside_frames_by_the_recipe_and_turn_the_calibration() -> None:
    rng = np.random.default_rng(22)
    query, candidates = made(rng, 3), history(rng, 4)
    zero = np.zeros(DIMENSIONS, np.float32)
    words = {"clip 0": 0.5, "clip 1": 0.2, "clip 2": 0.1}
    alone = {m.clip_id: m.frames for m in ranking.by_frames(query, candidates, zero, 0)}
    recipe = Recipe(words=0.9)
    for match in ranking.by_frames(query, candidates, zero, 0, words=words, recipe=recipe):
        said = words.get(match.clip_id, 0.2)  # without words: the middle of the others
        assert match.words == said
        assert match.frames == alone[match.clip_id]
        assert match.score == WITH_WORDS.probability(match.frames + 0.9 * said)


def test_a_calibration_of_one_s_own_is_used() -> None:
    rng = np.random.default_rng(23)
    query, candidates = made(rng, 3), history(rng, 2)
    own = Calibrations(frames=Calibration(2.0, 0.1), with_words=Calibration(3.0, 0.2))
    zero = np.zeros(DIMENSIONS, np.float32)
    for words, curve in ((None, own.frames), ({"clip 0": 0.0}, own.with_words)):
        found = ranking.by_frames(query, candidates, zero, 0, words=words, calibrations=own)
        assert all(match.score == curve.probability(match.frames) for match in found)


def test_where_all_are_certain_the_better_evidence_is_first_and_then_the_name() -> None:
    rng = np.random.default_rng(24)
    query = made(rng, 3)
    other = TimedVectors(query.times, unit_rows(query.vectors + 0.4))
    candidates = {"c": query, "b": other, "a": query}
    certain = Calibrations(frames=Calibration(1000.0, 1000.0))
    zero = np.zeros(DIMENSIONS, np.float32)
    found = ranking.by_frames(query, candidates, zero, 0, calibrations=certain)
    assert [match.score for match in found] == [1.0, 1.0, 1.0]
    assert [match.clip_id for match in found] == ["a", "c", "b"]


def test_moments_are_told_for_the_first_matches_only() -> None:
    rng = np.random.default_rng(25)
    query = made(rng, 2)
    candidates = {f"{number:02}": query for number in range(MATCHES_WITH_MOMENTS + 2)}
    found = ranking.by_frames(query, candidates, np.zeros(DIMENSIONS, np.float32), 0)
    assert all(match.moments for match in found[:MATCHES_WITH_MOMENTS])
    assert [match.moments for match in found[MATCHES_WITH_MOMENTS:]] == [(), ()]


def test_a_projection_turns_the_centred_vectors() -> None:
    rng = np.random.default_rng(26)
    query, candidates = made(rng, 3), history(rng, 5)
    mean = rng.normal(size=DIMENSIONS).astype(np.float32) / 5
    turn = rng.normal(size=(DIMENSIONS, 3)).astype(np.float32)
    origin = mean * (9 / 14)

    def turned(clip: TimedVectors) -> TimedVectors:
        return TimedVectors(clip.times, unit_rows(unit_rows(clip.vectors - origin) @ turn))

    found = ranking.by_frames(query, candidates, mean, 9, projection=turn)
    zero = np.zeros(3, np.float32)
    others = {name: turned(clip) for name, clip in candidates.items()}
    expected = ranking.by_frames(turned(query), others, zero, 0)
    assert [m.clip_id for m in found] == [m.clip_id for m in expected]
    assert [m.frames for m in found] == pytest.approx([m.frames for m in expected], abs=1e-5)


# Background


def test_frames_that_stand_for_a_clip_are_spread_from_its_first_to_its_last() -> None:
    assert spread(5).tolist() == [0, 1, 2, 3, 4]
    assert spread(16).tolist() == list(range(16))
    assert spread(31).tolist() == list(range(0, 31, 2))
    assert spread(7, 3).tolist() == [0, 3, 6]
    assert spread(4, 3).tolist() == [0, 2, 3]


def test_the_background_of_each_row_is_its_own_and_of_single_precision() -> None:
    rng = np.random.default_rng(27)
    rows = rng.random((4, 60)).astype(np.float32) ** 2
    found = mean_of_ranks(rows, 0.5)
    assert found.dtype == np.float32
    expected = [second_to_sixth(row, 0.5, 60) for row in rows.tolist()]
    assert found.tolist() == pytest.approx(expected, abs=1e-6)


def test_a_row_of_hardly_any_length_has_no_direction() -> None:
    rows = np.array([[3, 4], [0, 0], [1e-7, 0], [1e-6, 0]], np.float32)
    assert unit_rows(rows)[:1].tolist() == [pytest.approx([0.6, 0.8])]
    assert not unit_rows(rows)[1:].any()


def test_a_mean_over_few_clips_is_trusted_less() -> None:
    mean = np.array([1, -2], np.float32)
    assert trusted_mean(mean, 0).tolist() == [0, 0]
    assert trusted_mean(mean, 5).tolist() == [0.5, -1]
    assert trusted_mean(mean, 95).tolist() == pytest.approx([0.95, -1.9])


# Words


@pytest.mark.parametrize("tickets", [2, 7, 60])
def test_the_words_evidence_is_what_the_formula_says(tickets: int) -> None:
    rng = np.random.default_rng(tickets)
    rows = unit_rows((rng.normal(size=(tickets + 1, 5)) + 1).astype(np.float32))
    recipe = Recipe(words_cap=0.5, words_background=0.6)
    count = tickets + 1
    origin = [math.fsum(column) / count * count / (count + 10) for column in rows.T.tolist()]
    centred = [seen_from(row, origin) for row in rows.tolist()]

    def likeness(a: int, b: int) -> float:
        return min(cosine(centred[a], centred[b]), 0.5)

    def background(a: int) -> float:
        others = [likeness(a, b) for b in range(count) if b != a]
        return second_to_sixth(others, 0.3, count)

    expected = [likeness(0, n) - 0.6 * (background(0) + background(n)) for n in range(1, count)]
    found = ranking.word_evidence(rows[0], rows[1:], recipe)
    assert found.dtype == np.float32
    assert found.tolist() == pytest.approx(expected, abs=1e-5)


def test_words_that_nobody_wrote_count_as_none() -> None:
    assert ranking.combined_evidence(0.25, None) == 0.25
    assert ranking.combined_evidence(0.25, 0.5) == pytest.approx(0.45)
    assert ranking.combined_evidence(0.25, 0.5, Recipe(words=2)) == 1.25


# Orders


def test_ties_go_by_the_clip_s_id() -> None:
    hits = [ranking.Hit(name, 0, 0.5) for name in ("b", "c", "a")]
    assert [match.clip_id for match in ranking.top_k(hits)] == ["a", "b", "c"]
    assert [match.clip_id for match in ranking.majority(hits)] == ["a", "b", "c"]


# The studio's own projection


def studio() -> tuple[dict[str, TimedVectors], list[tuple[str, str]], np.ndarray]:
    rng = np.random.default_rng(28)
    clips = {f"clip {number}": made(rng, 3 + number % 4) for number in range(9)}
    pairs = [("clip 0", "clip 1"), ("clip 2", "clip 3"), ("clip 0", "clip 5")]
    return clips, pairs, rng.normal(size=DIMENSIONS).astype(np.float32) / 4


def differences(
    clips: Mapping[str, TimedVectors], pairs: Sequence[tuple[str, str]], origin: np.ndarray
) -> np.ndarray:
    """Of each pair's frames, less the best counterpart in the other clip."""
    rows: list[Any] = []
    for pair in pairs:
        for name, other in (pair, pair[::-1]):
            theirs = (clips[other].vectors - origin).astype(np.float64)
            for frame in (clips[name].vectors - origin).astype(np.float64):
                rows.append(frame - max(theirs, key=lambda each, frame=frame: float(each @ frame)))
    return np.array(rows)


def test_a_projection_evens_out_what_differs_within_pairs_and_sorts_what_tells_clips_apart() -> (
    None
):
    clips, pairs, mean = studio()
    found = adapter.fit_projection(clips, pairs, mean, 15)
    assert found.dtype == np.float32
    assert found.shape == (DIMENSIONS, DIMENSIONS)
    origin = mean * 0.75
    within = differences(clips, pairs, origin)
    covariance = within.T @ within / len(within)
    covariance += 0.3 * np.trace(covariance) / DIMENSIONS * np.eye(DIMENSIONS)
    assert found.T @ covariance @ found == pytest.approx(np.eye(DIMENSIONS), abs=1e-4)
    seen = np.concatenate([clip.vectors - origin for clip in clips.values()]) @ found
    apart = seen.T @ seen
    sizes = np.diag(apart)
    assert apart == pytest.approx(np.diag(sizes), abs=1e-3 * float(sizes.max()))
    assert sizes.tolist() == sorted(sizes.tolist(), reverse=True)


def test_a_projection_keeps_the_directions_that_tell_clips_apart_best(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clips, pairs, mean = studio()
    whole = adapter.fit_projection(clips, pairs, mean, 15)
    monkeypatch.setattr(adapter, "PROJECTED", 3)
    assert adapter.fit_projection(clips, pairs, mean, 15).tolist() == whole[:, :3].tolist()
