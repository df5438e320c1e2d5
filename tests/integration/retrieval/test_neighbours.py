"""The nearest neighbours of each clip and ticket in its own project, in a real Redis."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

import numpy as np
import pytest
import redis

from dejabug.evaluation.backlog import FramesInMemory, TicketsInMemory
from dejabug.index import ClipLocation, FrameIndex, TicketIndex
from dejabug.index.neighbours import MOST, Neighbours
from dejabug.ranking import KEPT, Floats, Likeness, Origins, Reference, TimedVectors
from dejabug.ranking.reference import BACKGROUND_SHARE, UNKNOWN, USUAL, background_of
from dejabug.records.collection import Collection
from dejabug.records.types import ClipRecord, ClipStatus, IssueRecord
from dejabug.retrieval import neighbourhood
from dejabug.retrieval.neighbourhood import enter_clip, enter_ticket
from dejabug.retrieval.retriever import ClipRetriever
from dejabug.services import Services
from support.vectors import DIMENSIONS

NOWHERE = Origins(np.zeros(DIMENSIONS, np.float32), np.zeros(DIMENSIONS, np.float32))


@pytest.fixture
def neighbours(store: redis.Redis) -> Neighbours:
    return Neighbours(store, "clip", "test")


@pytest.fixture
def tickets(store: redis.Redis) -> TicketIndex:
    return TicketIndex(store, "test", DIMENSIONS)


def join(
    store: redis.Redis,
    neighbours: Neighbours,
    *members: str,
    project: str = "GAME",
    restricted: bool = False,
) -> None:
    with store.pipeline(transaction=True) as pipe:
        for member in members:
            neighbours.join(pipe, member, project, restricted=restricted)
        pipe.execute()


def leave(store: redis.Redis, neighbours: Neighbours, member: str, project: str = "GAME") -> None:
    with store.pipeline(transaction=True) as pipe:
        neighbours.leave(pipe, member, project)
        pipe.execute()


def alike(**cosines: float) -> dict[str, Likeness]:
    return {member: Likeness(cosine, cosine) for member, cosine in cosines.items()}


def reference(neighbours: Neighbours, member: str, project: str = "GAME") -> Reference:
    return neighbours.references({member: project})[member]


def rivals(neighbours: Neighbours, member: str, project: str = "GAME") -> set[str]:
    return set(reference(neighbours, member, project).rivals)


def halves(rows: Floats) -> Floats:
    """Unit rows as an index gives them back, in half precision."""
    unit = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
    halved: Floats = unit.astype(np.float16).astype(np.float32)
    return halved


def scene(seed: int, count: int = 3) -> TimedVectors:
    """A clip that shares something with all others."""
    rng = np.random.default_rng(seed)
    rows = 0.6 + rng.normal(size=DIMENSIONS) + 0.3 * rng.normal(size=(count, DIMENSIONS))
    return TimedVectors(np.arange(count, dtype=np.float32), halves(rows))


def write(index: FrameIndex, clip_id: str, clip: TimedVectors, services: ClipLocation) -> None:
    index.write_clip(clip_id, services, clip.times, clip.vectors)


def fill(index: FrameIndex, places: Mapping[str, ClipLocation]) -> None:
    """Clips that come one after another, each compared as it comes."""
    for number, (clip_id, services) in enumerate(places.items()):
        write(index, clip_id, scene(number), services)
        enter_clip(index, NOWHERE, clip_id)


def issues(*clip_ids: str, project: str = "GAME") -> dict[str, ClipLocation]:
    """Each clip on an issue of its own."""
    return {clip: ClipLocation(f"issue {clip}", project, "Racer") for clip in clip_ids}


def waiting(neighbours: Neighbours) -> set[str]:
    return set(neighbours.waiting(1000))


# Members


def test_a_member_waits_from_when_it_joins_until_it_is_compared(
    store: redis.Redis, neighbours: Neighbours
) -> None:
    join(store, neighbours, "a", "b")
    assert waiting(neighbours) == {"a", "b"}
    assert neighbours.waiting_count() == 2
    assert len(neighbours.waiting(1)) == 1
    assert reference(neighbours, "a") == Reference(UNKNOWN, {}, 2)
    neighbours.put("a", "GAME", alike(b=0.5), alike(b=0.5))
    assert waiting(neighbours) == {"b"}
    found = reference(neighbours, "a")
    assert found.size == 2
    assert found.background == pytest.approx(background_of([0.5], 1)) == pytest.approx(USUAL)
    # The one that waits has learned of it, and says nothing yet.
    assert reference(neighbours, "b") == Reference(UNKNOWN, {}, 2)
    neighbours.put("b", "GAME", alike(a=0.5), alike(a=0.5))
    assert neighbours.waiting_count() == 0
    expected = pytest.approx(0.5 - BACKGROUND_SHARE * USUAL)
    assert reference(neighbours, "b").rivals == {"a": expected}


def test_both_likenesses_of_a_neighbour_are_kept_with_four_places(
    store: redis.Redis, neighbours: Neighbours
) -> None:
    join(store, neighbours, *"abcd")
    told = {"b": Likeness(-0.12344, 0.98766), "c": Likeness(0.5, 0.25), "d": Likeness(0.7, 0.1)}
    neighbours.put("a", "GAME", told, {})
    found = reference(neighbours, "a")
    # Nobody else was compared yet, so that their backgrounds are not known.
    common = BACKGROUND_SHARE * UNKNOWN
    assert found.rivals == {
        "b": pytest.approx(0.9877 - common, abs=1e-6),
        "c": pytest.approx(0.25 - common, abs=1e-6),
        "d": pytest.approx(0.1 - common, abs=1e-6),
    }
    assert found.background == pytest.approx(background_of([0.7, 0.5, -0.1234], 3))


def test_what_is_asked_of_nobody_is_nothing(neighbours: Neighbours) -> None:
    assert neighbours.references({}) == {}
    assert neighbours.frame_backgrounds([]) == {}
    assert neighbours.open_among([], "GAME") == set()
    assert neighbours.waiting(5) == []
    assert reference(neighbours, "unknown") == Reference(pytest.approx(USUAL), {}, 1)


def test_a_member_that_leaves_is_nobody_s_neighbour_at_once(
    store: redis.Redis, neighbours: Neighbours
) -> None:
    join(store, neighbours, *"abc")
    neighbours.put("a", "GAME", alike(b=0.9, c=0.8), alike(b=0.9, c=0.8), b"frames")
    assert neighbours.frame_backgrounds(["a", "b"]) == {"a": b"frames"}
    leave(store, neighbours, "b")
    found = reference(neighbours, "a")
    assert set(found.rivals) == {"c"}
    assert found.size == 2
    assert found.background == pytest.approx(background_of([0.8], 1))
    leave(store, neighbours, "a")
    leave(store, neighbours, "c")
    assert store.keys("dejabug:neighbours:*background") == []
    assert store.keys("dejabug:neighbours:*frames") == []
    assert store.keys("dejabug:neighbours:*open:*") == []
    assert neighbours.waiting_count() == 0


def test_a_member_that_moved_has_the_neighbours_of_its_new_project(
    frames: FrameIndex,
) -> None:
    fill(frames, issues(*"abc") | issues(*"xyz", project="NEW"))
    assert rivals(frames.neighbours, "a") == {"b", "c"}
    frames.move_clip("a", ClipLocation("issue a", "NEW", "Racer"))
    assert rivals(frames.neighbours, "b") == {"c"}
    assert reference(frames.neighbours, "b").size == 2
    assert reference(frames.neighbours, "a", "NEW") == Reference(UNKNOWN, {}, 4)
    assert waiting(frames.neighbours) == {"a"}
    enter_clip(frames, NOWHERE, "a")
    assert rivals(frames.neighbours, "a", "NEW") == {"x", "y", "z"}
    assert rivals(frames.neighbours, "x", "NEW") == {"a", "y", "z"}
    assert reference(frames.neighbours, "x", "NEW").size == 4
    # Asked for together, each is seen in its own project.
    both = frames.neighbours.references({"a": "NEW", "b": "GAME"})
    assert set(both["a"].rivals) == {"x", "y", "z"}
    assert set(both["b"].rivals) == {"c"}
    assert [both["a"].size, both["b"].size] == [4, 2]


def test_a_member_that_is_deleted_leaves_nothing(store: redis.Redis, frames: FrameIndex) -> None:
    before = set(store.keys())
    fill(frames, issues(*"abc"))
    for clip in "abc":
        frames.forget_clip(clip)
    assert set(store.keys()) == before


# Security levels


def test_a_restricted_member_has_neighbours_and_is_nobody_s(frames: FrameIndex) -> None:
    fill(
        frames,
        {"secret": ClipLocation("issue s", "GAME", "Racer", restricted=True)} | issues(*"ab"),
    )
    enter_clip(frames, NOWHERE, "secret")
    assert rivals(frames.neighbours, "secret") == {"a", "b"}
    assert rivals(frames.neighbours, "a") == {"b"}
    # It counts in its own project's size, and in nobody else's.
    assert reference(frames.neighbours, "secret").size == 3
    assert reference(frames.neighbours, "a").size == 2


def test_open_neighbours_are_told_by_likeness_without_those_restricted_since(
    store: redis.Redis, neighbours: Neighbours
) -> None:
    join(store, neighbours, *"abcd")
    neighbours.put("a", "GAME", alike(b=0.5, c=0.9, d=0.7), {})
    assert neighbours.open_near("a", "GAME") == ["c", "d", "b"]
    join(store, neighbours, "c", restricted=True)
    leave(store, neighbours, "d")
    assert neighbours.open_near("a", "GAME") == ["b"]
    assert neighbours.open_near("a", "OTHER") == []
    assert neighbours.open_near("unknown", "GAME") == []


def test_the_references_of_others_do_not_tell_whether_there_is_a_restricted_member(
    frames: FrameIndex,
) -> None:
    fill(frames, issues(*"abcd"))
    asked = dict.fromkeys("abcd", "GAME")
    before = frames.neighbours.references(asked)
    write(frames, "secret", scene(0, 4), ClipLocation("issue s", "GAME", "Racer", restricted=True))
    enter_clip(frames, NOWHERE, "secret")
    assert frames.neighbours.references(asked) == before
    write(frames, "e", scene(9), issues("e")["e"])
    enter_clip(frames, NOWHERE, "e")
    with_secret = frames.neighbours.references(asked)
    frames.forget_clip("secret")
    assert frames.neighbours.references(asked) == with_secret


def test_a_restricted_member_learns_of_those_that_come_later(frames: FrameIndex) -> None:
    fill(
        frames, {"secret": ClipLocation("issue s", "GAME", "Racer", restricted=True)} | issues("a")
    )
    assert rivals(frames.neighbours, "secret") == {"a"}
    other = ClipLocation("issue t", "GAME", "Racer", restricted=True)
    write(frames, "another", scene(7), other)
    enter_clip(frames, NOWHERE, "another")
    assert rivals(frames.neighbours, "secret") == {"a"}
    assert rivals(frames.neighbours, "another") == {"a"}


def test_closing_an_issue_takes_it_out_of_references_at_once_and_opening_brings_it_back(
    frames: FrameIndex,
) -> None:
    fill(frames, issues(*"abc"))
    before = frames.neighbours.references(dict.fromkeys("ac", "GAME"))
    frames.move_clip("b", ClipLocation("issue b", "GAME", "Racer", restricted=True))
    assert rivals(frames.neighbours, "a") == {"c"}
    assert reference(frames.neighbours, "a").size == 2
    assert waiting(frames.neighbours) == {"b"}
    enter_clip(frames, NOWHERE, "b")
    assert rivals(frames.neighbours, "a") == {"c"}
    assert rivals(frames.neighbours, "b") == {"a", "c"}
    frames.move_clip("b", ClipLocation("issue b", "GAME", "Racer"))
    enter_clip(frames, NOWHERE, "b")
    assert frames.neighbours.references(dict.fromkeys("ac", "GAME")) == before


def test_what_was_usual_around_the_neighbours_of_a_closed_member_is_measured_without_it(
    frames: FrameIndex,
) -> None:
    """The backgrounds of rivals are kept, and not worked out when somebody asks."""
    names = [f"{number}" for number in range(12)]
    fill(frames, issues(*names))
    for clip in ("3", "8"):
        frames.move_clip(clip, ClipLocation(f"issue {clip}", "GAME", "Racer", restricted=True))
        enter_clip(frames, NOWHERE, clip)
    left = [name for name in names if name not in ("3", "8")]
    found = frames.neighbours.references(dict.fromkeys(left, "GAME"))
    for clip in left:  # once more, from nothing
        enter_clip(frames, NOWHERE, clip)
    again = frames.neighbours.references(dict.fromkeys(left, "GAME"))
    assert found == again


def test_a_closed_ticket_is_out_at_once_too(tickets: TicketIndex) -> None:
    for number, issue in enumerate("abc"):
        tickets.write(issue, "GAME", scene(number).vectors[0], "a truck")
        enter_ticket(tickets, NOWHERE, issue)
    assert rivals(tickets.neighbours, "a") == {"b", "c"}
    tickets.move("b", "GAME", restricted=True)
    assert rivals(tickets.neighbours, "a") == {"c"}
    enter_ticket(tickets, NOWHERE, "b")
    assert rivals(tickets.neighbours, "a") == {"c"}
    assert rivals(tickets.neighbours, "b") == {"a", "c"}
    tickets.forget("c")
    assert rivals(tickets.neighbours, "b") == {"a"}
    tickets.move("a", "NEW")
    assert rivals(tickets.neighbours, "b") == set()
    assert waiting(tickets.neighbours) == {"a"}


# Lists


def test_lists_are_cut_and_references_count_the_nearest_alone(
    store: redis.Redis, neighbours: Neighbours
) -> None:
    names = [f"{number:03}" for number in np.random.default_rng(1).permutation(150)]
    join(store, neighbours, "x", *names)
    neighbours.put("x", "GAME", {}, {})
    for came, name in enumerate(names, 1):
        cosine = 0.2 + int(name) / 1000
        neighbours.put(name, "GAME", alike(x=cosine), alike(x=cosine))
        (key,) = store.keys("dejabug:neighbours:*near:x")
        assert min(came, KEPT) <= store.hlen(key) <= MOST
        nearest = sorted(names[:came], reverse=True)[:KEPT]
        found = reference(neighbours, "x")
        assert set(found.rivals) == set(nearest)
        told = [0.2 + int(name) / 1000 for name in nearest]
        assert found.background == pytest.approx(background_of(told, len(names)))


def test_a_member_keeps_the_nearest_of_those_that_it_was_compared_with(
    store: redis.Redis, neighbours: Neighbours
) -> None:
    names = [f"{number:03}" for number in range(KEPT + 5)]
    join(store, neighbours, "x", *names)
    told = {name: Likeness(0.0, int(name) / 100) for name in names}
    neighbours.put("x", "GAME", told, told)
    assert rivals(neighbours, "x") == set(names[5:])
    assert reference(neighbours, names[0]).size == len(names) + 1


def test_a_full_list_forgets_those_that_are_gone_first(
    store: redis.Redis, neighbours: Neighbours
) -> None:
    gone = [f"gone {number}" for number in range(KEPT)]
    here = [f"here {number}" for number in range(KEPT + 1)]
    join(store, neighbours, "x", *gone, *here)
    neighbours.put("x", "GAME", {}, {})
    for name in gone:
        neighbours.put(name, "GAME", {}, alike(x=0.9))
        leave(store, neighbours, name)
    for name in here:
        neighbours.put(name, "GAME", {}, alike(x=0.1))
    assert len(rivals(neighbours, "x")) == KEPT
    assert rivals(neighbours, "x") <= set(here)


# Meanwhile


def test_a_member_that_came_while_another_was_compared_stays_its_neighbour(
    store: redis.Redis, neighbours: Neighbours
) -> None:
    """Two workers: one looks for the first's neighbours before the second is there, and
    writes them after it."""
    join(store, neighbours, "first", "second", "third")
    neighbours.put("second", "GAME", alike(first=0.8), alike(first=0.8))
    neighbours.put("first", "GAME", alike(third=0.5), alike(third=0.5))
    assert rivals(neighbours, "first") == {"second", "third"}


def test_members_that_are_put_in_at_once_by_two_threads_lose_nobody(
    store: redis.Redis, neighbours: Neighbours
) -> None:
    halves_of = [[f"{side}{number}" for number in range(KEPT // 2)] for side in "ab"]
    targets = [f"target {number}" for number in range(4)]
    join(store, neighbours, *targets, *halves_of[0], *halves_of[1])
    for target in targets:
        neighbours.put(target, "GAME", {}, {})
    together = threading.Barrier(2)

    def put(names: Iterable[str]) -> None:
        mine = Neighbours(store, "clip", "test")
        for name in names:
            together.wait(60)
            told = {target: Likeness(0.5, 0.5) for target in targets}
            mine.put(name, "GAME", told, told)

    threads = [threading.Thread(target=put, args=(names,)) for names in halves_of]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everybody = {*halves_of[0], *halves_of[1]}
    for target in targets:
        assert rivals(neighbours, target) == everybody
    assert all(rivals(neighbours, name) == set(targets) for name in everybody)
    assert neighbours.waiting_count() == 0


def test_a_clip_that_moves_while_it_is_compared_is_compared_again(
    frames: FrameIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(frames, issues(*"bc") | issues(*"yz", project="NEW"))
    write(frames, "a", scene(9), issues("a")["a"])
    look = frames.nearest_clips

    def look_and_move(*asked: object) -> list[tuple[str, float]]:
        monkeypatch.undo()
        found = look(*asked)  # type: ignore[arg-type]
        frames.move_clip("a", ClipLocation("issue a", "NEW", "Racer"))
        return found

    monkeypatch.setattr(frames, "nearest_clips", look_and_move)
    enter_clip(frames, NOWHERE, "a")
    assert rivals(frames.neighbours, "a", "NEW") == {"y", "z"}
    assert rivals(frames.neighbours, "b") == {"c"}
    assert rivals(frames.neighbours, "y", "NEW") == {"a", "z"}
    assert frames.neighbours.waiting_count() == 0


@pytest.mark.parametrize("kind", ["clip", "ticket"])
def test_what_is_forgotten_while_it_is_compared_leaves_nothing(
    store: redis.Redis,
    frames: FrameIndex,
    tickets: TicketIndex,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    if kind == "clip":
        write(frames, "a", scene(9), issues("a")["a"])
    else:
        tickets.write("a", "GAME", scene(9).vectors[0], "a truck")
    index = frames if kind == "clip" else tickets
    put = index.neighbours.put

    def forget_and_put(*told: object) -> None:
        if kind == "clip":
            frames.forget_clip("a")
        else:
            tickets.forget("a")
        put(*told)  # type: ignore[arg-type]

    monkeypatch.setattr(index.neighbours, "put", forget_and_put)
    if kind == "clip":
        enter_clip(frames, NOWHERE, "a")
    else:
        enter_ticket(tickets, NOWHERE, "a")
    assert store.keys("dejabug:neighbours:*") == []


def test_comparing_what_is_gone_settles_it(
    store: redis.Redis, frames: FrameIndex, tickets: TicketIndex
) -> None:
    join(store, frames.neighbours, "a")
    join(store, tickets.neighbours, "a")
    enter_clip(frames, NOWHERE, "a")
    enter_ticket(tickets, NOWHERE, "a")
    assert frames.neighbours.waiting_count() == tickets.neighbours.waiting_count() == 0


# Comparing


def test_a_clip_compared_twice_has_the_same_reference(frames: FrameIndex) -> None:
    fill(frames, issues(*"abcdef"))
    asked = dict.fromkeys("abcdef", "GAME")
    before = frames.neighbours.references(asked)
    for clip in "fca":
        enter_clip(frames, NOWHERE, clip)
    assert frames.neighbours.references(asked) == before


def test_clips_of_one_issue_are_no_neighbours(frames: FrameIndex) -> None:
    fill(frames, dict.fromkeys("ab", ClipLocation("1", "GAME", "Racer")) | issues("c"))
    assert rivals(frames.neighbours, "a") == rivals(frames.neighbours, "b") == {"c"}
    assert rivals(frames.neighbours, "c") == {"a", "b"}


def test_copies_of_one_recording_are_no_neighbours(frames: FrameIndex) -> None:
    fill(frames, issues(*"abc"))
    nearly = scene(0)
    turned = halves(nearly.vectors + 0.01 * scene(5).vectors)
    assert np.sum(turned * nearly.vectors, axis=1).min() > neighbourhood.COPIES
    write(frames, "copy", TimedVectors(nearly.times, turned), issues("copy")["copy"])
    enter_clip(frames, NOWHERE, "copy")
    assert rivals(frames.neighbours, "copy") == {"b", "c"}
    assert rivals(frames.neighbours, "a") == {"b", "c"}
    assert rivals(frames.neighbours, "b") == {"a", "c", "copy"}
    # A copy counts among the clips that there are.
    assert reference(frames.neighbours, "a").size == 4


def test_a_part_of_a_longer_recording_is_its_neighbour(frames: FrameIndex) -> None:
    """Only one way round is it a copy: the rest of the longer one is nowhere else."""
    fill(frames, issues("a"))
    first, second = scene(0), scene(50)
    both = TimedVectors(
        np.arange(6, dtype=np.float32), np.concatenate([first.vectors, second.vectors])
    )
    write(frames, "long", both, issues("long")["long"])
    enter_clip(frames, NOWHERE, "long")
    assert rivals(frames.neighbours, "a") == {"long"}


def test_a_clip_s_frames_are_told_what_is_usual_around_each(frames: FrameIndex) -> None:
    names = [f"{number}" for number in range(9)]
    fill(frames, issues(*names))
    own = scene(8).vectors
    best = np.sort([(own @ scene(n).vectors.T).max(axis=1) for n in range(8)], axis=0)[::-1]
    told = np.frombuffer(frames.neighbours.frame_backgrounds(["8"])["8"], np.float16)
    assert told.tolist() == pytest.approx(best[1:8].mean(axis=0).tolist(), abs=2e-3)


# The service beside the evaluation


def arrivals(count: int) -> dict[str, ClipLocation]:
    """Clips in the order of their arrival, some of them two on one issue."""
    return {
        f"{n:03}": ClipLocation(f"issue {n - n % 5 // 4}", "GAME", "Racer") for n in range(count)
    }


def test_references_in_redis_are_those_of_the_evaluation_in_memory(
    frames: FrameIndex, tickets: TicketIndex
) -> None:
    """More arrive than a list holds. Redis rounds likenesses, and stores half precision."""
    rng = np.random.default_rng(7)
    pictures, words = (rng.normal(size=DIMENSIONS).astype(np.float32) / 9 for _ in range(2))
    origins = Origins(pictures, words)
    frames_here, tickets_here = FramesInMemory("GAME", DIMENSIONS), TicketsInMemory("GAME")
    places = arrivals(MOST + 12)
    for number, (clip_id, services) in enumerate(places.items()):
        clip = scene(number, 2 + number % 3)
        write(frames, clip_id, clip, services)
        frames_here.write_clip(clip_id, services, clip)
        for index in (frames, frames_here):
            enter_clip(index, origins, clip_id)
        said = scene(1000 + number, 1).vectors[0]
        tickets.write(services.issue_id, "GAME", said, "")
        tickets_here.write(services.issue_id, said, 0)  # no words, as there
        for told in (tickets, tickets_here):
            enter_ticket(told, origins, services.issue_id)
    asked = dict.fromkeys(places, "GAME")
    agree(frames.neighbours.references(asked), frames_here.neighbours.references(asked))
    mine = frames.neighbours.frame_backgrounds(list(places))
    assert mine.keys() == places.keys()
    for clip_id, theirs in frames_here.neighbours.frame_backgrounds(list(places)).items():
        assert as_numbers(mine[clip_id]) == pytest.approx(as_numbers(theirs), abs=2e-3)
    asked = {services.issue_id: "GAME" for services in places.values()}
    agree(tickets.neighbours.references(asked), tickets_here.neighbours.references(asked))

    sizes = {"candidate_frames": 1000, "candidate_clips": 50}
    service = ClipRetriever(frames, tickets, origins, **sizes)
    evaluation = ClipRetriever(frames_here, tickets_here, origins, **sizes)
    for clip_id in ("000", "041", "075"):
        found = {m.clip_id: m for m in service.like_clip(clip_id, ["GAME"])}
        expected = {m.clip_id: m for m in evaluation.like_clip(clip_id, ["GAME"])}
        assert found.keys() == expected.keys()
        for name, match in found.items():
            assert match.frames == pytest.approx(expected[name].frames, abs=1e-3)
            assert match.words == pytest.approx(expected[name].words, abs=1e-3)
            assert match.score == pytest.approx(expected[name].score, abs=0.01)


def as_numbers(frame_background: bytes) -> list[float]:
    numbers: list[float] = np.frombuffer(frame_background, np.float16).tolist()
    return numbers


def agree(found: Mapping[str, Reference], expected: Mapping[str, Reference]) -> None:
    assert found.keys() == expected.keys()
    for member, reference in found.items():
        other = expected[member]
        assert reference.size == other.size
        assert reference.background == pytest.approx(other.background, abs=2e-4)
        # Two that are all but as like may change places where a list ends.
        names = reference.rivals.keys() & other.rivals.keys()
        assert len(names) >= len(other.rivals) - 1 == len(reference.rivals) - 1
        for name in names:
            assert reference.rivals[name] == pytest.approx(other.rivals[name], abs=3e-4)


# From an earlier version


def test_members_of_an_index_from_before_are_taken_up_once(
    store: redis.Redis, neighbours: Neighbours
) -> None:
    known = [("a", "GAME", False), ("b", "GAME", True), ("c", "NEW", False)]
    assert neighbours.adopt(known) == 3
    assert waiting(neighbours) == {"a", "b", "c"}
    assert neighbours.open_among(["a", "b", "c"], "GAME") == {"a"}
    assert neighbours.open_among(["a", "b", "c"], "NEW") == {"c"}
    neighbours.put("a", "GAME", {}, {})
    assert neighbours.adopt(known) == 0
    assert waiting(neighbours) == {"b", "c"}
    assert store.keys("dejabug:neighbours:*since")


def test_an_adoption_that_broke_off_is_taken_up_again(neighbours: Neighbours) -> None:
    def broken() -> Iterable[tuple[str, str, bool]]:
        yield "a", "GAME", False
        raise redis.ConnectionError

    with pytest.raises(redis.ConnectionError):
        neighbours.adopt(broken())
    assert neighbours.adopt([("a", "GAME", False), ("b", "GAME", False)]) == 2
    assert neighbours.open_among(["a", "b"], "GAME") == {"a", "b"}


@pytest.fixture
def old(cold_services: Services) -> Collection:
    """A collection that an earlier version filled: six clips and tickets, one of a closed issue and
    one that is only known."""
    cold_services.collections.note_encoder(
        cold_services.collections.configured.name, DIMENSIONS, "a test's"
    )
    cold_services.collections.active_encoder.claim(cold_services.collections.configured.name)
    collection = cold_services.collections.active
    for number in range(7):
        issue, clip_id = str(100 + number), str(number)
        record = IssueRecord(issue, f"GAME-{number}", "GAME", "Racer", restricted=number == 5)
        collection.catalogue.put_issue(record)
        collection.catalogue.put_clip(ClipRecord(clip_id, issue, "a.mp4", 1, ClipStatus.INDEXED))
        collection.catalogue.put_words(issue, "a truck")
        collection.catalogue.words_embedded(issue, "a truck")
        if number < 6:
            services = ClipLocation(issue, "GAME", "Racer", restricted=number == 5)
            write(collection.index, clip_id, scene(number), services)
            vector = scene(number).vectors[0]
            collection.tickets.write(issue, "GAME", vector, "a truck", restricted=number == 5)
    keys = cold_services.redis.keys("dejabug:neighbours:*")
    assert keys
    cold_services.redis.delete(*keys)
    return collection


def test_maintenance_compares_what_an_earlier_version_indexed(old: Collection) -> None:
    asked = dict.fromkeys("0123456", "GAME")
    told = {str(100 + number): "GAME" for number in range(7)}
    assert all(not each.rivals for each in old.index.neighbours.references(asked).values())
    assert neighbourhood.catch_up(old) == 12
    found = old.index.neighbours.references(asked)
    assert set(found["0"].rivals) == set("1234")
    assert set(found["5"].rivals) == set("01234")
    assert found["6"].rivals == {}
    assert [found["0"].size, found["5"].size] == [5, 6]
    said = old.tickets.neighbours.references(told)
    assert set(said["100"].rivals) == {"101", "102", "103", "104"}
    assert set(said["105"].rivals) == {"100", "101", "102", "103", "104"}
    assert neighbourhood.catch_up(old) == 0


def test_maintenance_compares_for_so_long_and_goes_on_the_next_time(old: Collection) -> None:
    for waiting in range(12, 0, -1):
        assert neighbourhood.catch_up(old, patience=0.0) == 1, "one at least, however slow it is"
        neighbours = old.index.neighbours, old.tickets.neighbours
        assert sum(each.waiting_count() for each in neighbours) == waiting - 1
    assert set(old.index.neighbours.references({"0": "GAME"})["0"].rivals) == set("1234")
