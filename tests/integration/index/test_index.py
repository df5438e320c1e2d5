"""The frames in a real Redis with vector search."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest
import redis

from dejabug.index import (
    BadVectorsError,
    ClipLocation,
    FrameIndex,
    IndexUnavailableError,
    OtherModelError,
    completeness,
    escape_tag,
    hnsw,
    slug_of,
)
from dejabug.index import queries as queries_module
from support.patience import PATIENCE
from support.vectors import DIMENSIONS, HOME, times, unit
from support.waiting import wait_until

ALL = ["GAME"]


def test_the_nearest_frames_are_those_of_plain_arithmetic(frames: FrameIndex) -> None:
    vectors = {f"{n}": unit(20, n) for n in range(10)}
    for clip, rows in vectors.items():
        frames.write_clip(clip, HOME, times(20), rows)
    query = unit(3, 99)
    for row, hits in zip(query, frames.nearest_frames(query, 15, ALL), strict=True):
        exact = sorted(
            (
                (float(row @ v), clip, i / 2)
                for clip, rows in vectors.items()
                for i, v in enumerate(rows)
            ),
            reverse=True,
        )[:15]
        # Half precision may swap neighbours of nearly the same similarity, and nothing else.
        assert len({(hit.clip_id, hit.time) for hit in hits}) == 15
        np.testing.assert_allclose(
            [hit.similarity for hit in hits], [s for s, _, _ in exact], atol=2e-3
        )
        told = [float(row @ vectors[hit.clip_id][round(hit.time * 2)]) for hit in hits]
        np.testing.assert_allclose([hit.similarity for hit in hits], told, atol=2e-3)


def test_a_clip_with_a_thousand_near_frames_does_not_crowd_out_the_others(
    frames: FrameIndex,
) -> None:
    query = unit(1)
    crowd = np.repeat(query, 900, axis=0)
    frames.write_clip("crowd", HOME, times(900), crowd)
    for n in range(5):
        frames.write_clip(f"{n}", HOME, times(4), unit(4, n + 1))
    # What the paper's plain nearest frames would see: one clip.
    assert {hit.clip_id for hit in frames.nearest_frames(query, 100, ALL)[0]} == {"crowd"}
    found = frames.nearest_clips(query, 1000, ALL)
    assert {clip for clip, _ in found} == {"crowd", *"01234"}
    assert found[0] == ("crowd", pytest.approx(1, abs=1e-3))


@pytest.mark.parametrize(
    "vectors",
    [
        unit(3)[:, :8],
        np.hstack([unit(3), unit(3)]),
        unit(3) * 1.1,
        unit(3) * np.nan,
        np.zeros((3, DIMENSIONS), np.float32),
        unit(0),
    ],
)
def test_vectors_that_are_not_right_never_reach_redis(
    frames: FrameIndex, store: redis.Redis, vectors: np.ndarray
) -> None:
    with pytest.raises(BadVectorsError):
        frames.write_clip("1", HOME, times(len(vectors)), vectors)
    assert not store.keys("dejabug:frame:*")
    assert frames.state().failures == 0


def test_as_many_times_as_vectors(frames: FrameIndex) -> None:
    with pytest.raises(BadVectorsError):
        frames.write_clip("1", HOME, times(2), unit(3))


def test_a_foreign_vector_of_the_wrong_size_is_seen_in_the_state(
    frames: FrameIndex, store: redis.Redis
) -> None:
    # While Redis still makes the index, it may meet the same key twice.
    wait_until(lambda: frames.state().ready)
    store.hset(f"dejabug:frame:{slug_of('test')}:x:0", mapping={"clip": "x", "vector": b"1234"})
    assert frames.state().failures == 1


def test_queries_of_the_wrong_size_are_refused(frames: FrameIndex) -> None:
    with pytest.raises(BadVectorsError):
        frames.nearest_frames(unit(1)[:, :5], 10, ALL)


def test_writing_a_clip_again_replaces_it_whole(frames: FrameIndex) -> None:
    frames.write_clip("1", HOME, times(10), unit(10))
    frames.write_clip("1", HOME, times(4), unit(4, 5))
    assert frames.state().frames == 4
    back = frames.clip_vectors(["1"])["1"]
    assert back.times.tolist() == [0, 0.5, 1, 1.5]
    np.testing.assert_allclose(back.vectors, unit(4, 5), atol=2e-3)


def test_forgetting_leaves_nothing(frames: FrameIndex, store: redis.Redis) -> None:
    before = set(store.keys())
    frames.write_clip("1", HOME, times(10), unit(10))
    frames.forget_clip("1")
    frames.forget_clip("1")
    assert set(store.keys()) == before
    assert frames.state().frames == 0
    assert frames.nearest_frames(unit(1), 10, ALL) == [[]]


def test_a_moved_clip_is_found_in_its_new_project_only(frames: FrameIndex) -> None:
    frames.write_clip("1", HOME, times(3), unit(3))
    frames.move_clip("1", ClipLocation("1", "OTHER", "Racer"))
    assert frames.nearest_clips(unit(1), 10, ["GAME"]) == []
    assert [clip for clip, _ in frames.nearest_clips(unit(1), 10, ["OTHER"])] == ["1"]
    assert frames.places(["1", "unknown"]) == {"1": ClipLocation("1", "OTHER", "Racer")}
    assert frames.clip_count(["GAME"]) == 0
    assert frames.clip_count(["OTHER"]) == 1


def test_a_clip_that_is_written_for_another_project_leaves_its_old_one(frames: FrameIndex) -> None:
    frames.write_clip("1", HOME, times(3), unit(3))
    frames.write_clip("1", ClipLocation("2", "OTHER", "Racer"), times(3), unit(3))
    assert (frames.clip_count(["GAME"]), frames.clip_count(["OTHER"])) == (0, 1)
    assert frames.issues_of_clips_on(["1", "2"]) == {"1": "2"}


class Interrupted(redis.Connection):
    """Lets another act just before a transaction is sent, once."""

    act: ClassVar[Callable[[], None] | None] = None

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        act = Interrupted.act
        if act is not None and b"EXEC" in b"".join(command):
            Interrupted.act = None
            act()
        super().send_packed_command(command, check_health)


@pytest.fixture
def raced(store: redis.Redis, frames: FrameIndex) -> FrameIndex:
    """The same index, to another process that is slower."""
    about = store.connection_pool.connection_kwargs
    pool = redis.ConnectionPool(connection_class=Interrupted, **about)
    return FrameIndex(redis.Redis(connection_pool=pool), "test", DIMENSIONS)


def test_a_clip_that_is_forgotten_while_it_moves_leaves_nothing(
    frames: FrameIndex, raced: FrameIndex, store: redis.Redis
) -> None:
    before = set(store.keys())
    frames.write_clip("1", HOME, times(3), unit(3))
    Interrupted.act = lambda: frames.forget_clip("1")
    raced.move_clip("1", ClipLocation("1", "OTHER", "Racer"))
    assert set(store.keys()) == before


def test_a_clip_that_is_written_anew_while_it_is_forgotten_leaves_nothing(
    frames: FrameIndex, raced: FrameIndex, store: redis.Redis
) -> None:
    before = set(store.keys())
    frames.write_clip("1", HOME, times(3), unit(3))
    Interrupted.act = lambda: frames.write_clip("1", HOME, times(9), unit(9))
    raced.forget_clip("1")
    assert set(store.keys()) == before


def test_of_two_who_write_a_clip_the_last_one_s_frames_are_in(
    frames: FrameIndex, raced: FrameIndex
) -> None:
    Interrupted.act = lambda: frames.write_clip("1", HOME, times(9), unit(9))
    raced.write_clip("1", ClipLocation("1", "OTHER", "Racer"), times(3), unit(3))
    assert frames.state().frames == 3
    assert (frames.clip_count(["GAME"]), frames.clip_count(["OTHER"])) == (0, 1)


@pytest.mark.parametrize("project", ["A-B", "a b", "{x}|*", "ÜBER", "a,b", '"', "-1"])
def test_project_names_cannot_break_out_of_the_filter(frames: FrameIndex, project: str) -> None:
    frames.write_clip("1", ClipLocation("1", project, "Racer"), times(2), unit(2))
    frames.write_clip("2", HOME, times(2), unit(2))
    if "," in project:
        # A tag field splits at commas; no Jira project key has one.
        return
    assert [c for c, _ in frames.nearest_clips(unit(1), 10, [project])] == ["1"]


def test_no_project_finds_nothing(frames: FrameIndex) -> None:
    frames.write_clip("1", HOME, times(2), unit(2))
    assert frames.nearest_frames(unit(2), 10, []) == [[], []]
    assert frames.nearest_clips(unit(2), 10, []) == []


def test_two_encoders_never_meet(store: redis.Redis) -> None:
    one = FrameIndex(store, "clip:a@center", DIMENSIONS)
    two = FrameIndex(store, "clip:a@squash", DIMENSIONS)
    one.write_clip("1", HOME, times(3), unit(3))
    assert two.state().frames == 0
    assert two.nearest_clips(unit(1), 10, ALL) == []


def test_one_name_with_another_length_is_refused(store: redis.Redis) -> None:
    FrameIndex(store, "test", DIMENSIONS)
    with pytest.raises(OtherModelError, match="another model"):
        FrameIndex(store, "test", DIMENSIONS * 2)


def test_a_query_that_times_out_is_an_error_and_never_an_empty_answer(
    frames: FrameIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(40):
        frames.write_clip(f"{n}", HOME, times(500), unit(500, n))
    monkeypatch.setattr(queries_module, "QUERY_TIMEOUT_MS", 1)
    with pytest.raises(IndexUnavailableError):
        frames.nearest_frames(np.repeat(unit(1), 100, axis=0), 10_000, ALL)


def test_a_text_finds_the_best_frame_of_each_clip(frames: FrameIndex) -> None:
    vectors = {f"{n}": unit(20, n) for n in range(10)}
    for clip, rows in vectors.items():
        place = ClipLocation(clip, "OTHER" if clip == "9" else "GAME", "Racer")
        frames.write_clip(clip, place, times(20), rows)
    query = unit(1, 99)[0]
    exact = {clip: float((rows @ query).max()) for clip, rows in vectors.items()}
    found = frames.best_frames(query, 200, ALL)
    assert [hit.clip_id for hit in found] == sorted(
        exact, key=lambda c: -exact[c] if c != "9" else 9
    )[:9]
    assert found == frames.best_frames_of([hit.clip_id for hit in found], query, ALL)
    for hit in found:
        assert hit.time == (vectors[hit.clip_id] @ query).argmax() / 2
        assert hit.similarity == pytest.approx(exact[hit.clip_id], abs=2e-3)
    asked = frames.best_frames_of(["3", "9", "unknown"], query, ALL)
    assert [hit.clip_id for hit in asked] == ["3"]
    assert frames.best_frames_of(["unknown"], query, ALL) == []
    assert [hit.clip_id for hit in frames.best_frames_of(["3", "9"], query, ["OTHER"])] == ["9"]


@pytest.mark.parametrize("step", [0, 10**9])
def test_hnsw_tells_only_of_the_projects_asked_for_however_it_looks(
    store: redis.Redis, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """By the graph, or one by one: which is quicker is a matter of how many frames pass. The graph,
    which Redis builds by chance, may miss a few."""
    monkeypatch.setattr(hnsw, "STEP", step)
    frames = FrameIndex(store, "test", DIMENSIONS, algorithm="hnsw")
    for n in range(30):
        frames.write_clip(
            f"{n}", ClipLocation(f"{n}", ["A", "B", "C"][n % 3], "g"), times(10), unit(10, n)
        )
    query = unit(2, 99)
    everything = frames.nearest_frames(query, 300, ["A", "B", "C"])
    for projects in (["A"], ["A", "C"], ["B"]):
        clips = {f"{n}" for n in range(30) if ["A", "B", "C"][n % 3] in projects}
        for found, among in zip(
            frames.nearest_frames(query, 20, projects), everything, strict=True
        ):
            exact = [hit for hit in among if hit.clip_id in clips][:20]
            if step:
                assert found == exact
            assert {hit.clip_id for hit in found} <= clips
            assert found == sorted(found, key=lambda hit: -hit.similarity)
            assert sum(hit in exact for hit in found) >= 16


def test_redis_away_is_an_error(store: redis.Redis, frames: FrameIndex) -> None:
    frames._searcher = queries_module.Searcher(redis.Redis(port=1), frames.alias)
    with pytest.raises(IndexUnavailableError):
        frames.nearest_frames(unit(1), 10, ALL)


def test_a_large_flat_index_grows_into_hnsw_while_it_answers(
    store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hnsw, "FLAT_LIMIT", 200)
    frames = FrameIndex(store, "test", DIMENSIONS)
    for n in range(15):
        frames.write_clip(f"{n}", HOME, times(20), unit(20, n))
    exact = frames.nearest_clips(unit(1, 3)[:1], 100, ALL)
    assert frames.state().algorithm == "FLAT"
    deadline = time.monotonic() + PATIENCE
    while not frames.growth.grow():
        assert frames.nearest_clips(unit(1, 3)[:1], 100, ALL) == exact
        assert time.monotonic() < deadline
    state = frames.state()
    assert (state.algorithm, state.frames, state.ready) == ("HNSW", 300, True)
    assert frames.nearest_clips(unit(1, 3)[:1], 100, ALL)[0] == exact[0]
    assert not frames.growth.grow()
    # A process that starts now finds the new index.
    assert FrameIndex(store, "test", DIMENSIONS).state().algorithm == "HNSW"


def answered(frames: FrameIndex, vector: Any) -> str | None:
    """The clip of the frame nearest to a vector; None while the index is being built."""
    try:
        return frames.best_frames(vector, 10, ALL)[0].clip_id
    except IndexUnavailableError:
        return None


def test_an_index_that_is_made_anew_is_not_taken_for_the_complete_one_before(
    store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = FrameIndex(store, "test", DIMENSIONS, algorithm="hnsw")
    for n in range(60):
        frames.write_clip(f"{n}", HOME, times(100), unit(100, n))
    assert wait_until(lambda: answered(frames, unit(100, 59)[0])) == "59"
    monkeypatch.setattr(completeness, "BUILDING", 0)
    # Slow to build, so that it is asked before it is built.
    monkeypatch.setattr(hnsw, "HNSW_EF_CONSTRUCTION", 1000)
    for _ in range(20):
        store.execute_command("FT.DROPINDEX", frames.state().name)
        FrameIndex(store, "test", DIMENSIONS, algorithm="hnsw")
        try:
            (found, *_) = frames.best_frames(unit(100, 59)[0], 10, ALL)
        except IndexUnavailableError as error:
            refusal = str(error)
            break
        assert found.clip_id == "59"  # on a busy machine it may be built by now
    else:
        raise AssertionError("it was built each time before it was asked")
    assert "being built" in refusal
    assert wait_until(lambda: answered(frames, unit(100, 59)[0])) == "59"


def test_an_index_that_is_made_while_another_is_looked_at_does_not_refuse_a_question(
    frames: FrameIndex, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames.write_clip("one", HOME, times(4), unit(4))
    learn, made = completeness.Completeness.learn, []

    def looked(self: completeness.Completeness, stamp: tuple[Any, ...]) -> None:
        learn(self, stamp)
        if len(made) < 2:  # as when a worker of another encoder makes its two
            made.append(FrameIndex(store, f"other{len(made)}", DIMENSIONS))

    monkeypatch.setattr(completeness.Completeness, "learn", looked)
    (found, *_) = frames.best_frames(unit(1)[0], 1, ALL)
    assert found.clip_id == "one"
    assert len(made) == 2


def test_hnsw_can_be_asked_for(store: redis.Redis) -> None:
    assert FrameIndex(store, "t", DIMENSIONS, algorithm="hnsw").state().algorithm == "HNSW"


def test_names_become_different_slugs_that_are_safe_in_keys() -> None:
    names = ["clip:a/b@center", "clip:a-b@center", "clip:a/b@squash", "ü" * 100]
    slugs = [slug_of(name) for name in names]
    assert len(set(slugs)) == len(names)
    assert all(":" not in slug and len(slug) < 80 for slug in slugs)


def test_tags_are_escaped() -> None:
    assert escape_tag("a-b c") == r"a\-b\ c"
