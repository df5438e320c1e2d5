"""Tickets that arrive one by one, with the service's own finder."""

from __future__ import annotations

import json
from collections.abc import Sequence, Sized
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
import redis

from dejabug.evaluation.arrivals import ASKED, Arrival, Asked, Replay, replay
from dejabug.evaluation.backlog import FramesInMemory, TicketsInMemory
from dejabug.evaluation.corpus import Corpus, Item, indexed
from dejabug.evaluation.manifest import read_manifest
from dejabug.index import ClipLocation
from dejabug.infra.redis_server import RedisServer
from dejabug.ranking import Floats, TimedVectors
from dejabug.retrieval.neighbourhood import compare_clip, compare_ticket
from dejabug.services import ModelServices, encoder_name
from dejabug.settings import Settings
from support.demo_clips import data_set
from support.processes import dejabug
from support.remembering import Remembering

DIMENSIONS = 16


@dataclass
class Small:
    """Stands for an encoder whose vectors are made by hand."""

    name: str
    label: str = "made by hand"
    dimensions: int = DIMENSIONS
    image_size: int = 8

    def embed_images(self, pixels: Sized) -> Floats:
        """Only the origin is asked for: it is at zero."""
        return np.zeros((len(pixels), DIMENSIONS), np.float32)

    embed_texts = embed_images


def unit(rows: np.ndarray) -> Floats:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


@dataclass(frozen=True)
class Ticket:
    """A ticket made by hand: its name, and what its clip and its words are near to."""

    name: str
    group: str | None = None
    related: str | None = None
    project: str = "P"
    clip: str | None = ""  # what it shows; its group by default; None for a clip that failed
    words: bool = True
    attached: float | None = None
    still: bool = False
    issue: str = ""
    recording: str = ""  # tickets of one recording have the very same frames


def seed_of(what: str) -> int:
    return int.from_bytes(what.encode(), "little") % 2**32


def frames_of(ticket: Ticket) -> TimedVectors:
    """Frames that are near to those of all clips that show the same."""
    shown = ticket.clip or ticket.group or ticket.name
    what = np.random.default_rng(seed_of(shown)).normal(size=DIMENSIONS)
    rng = np.random.default_rng(seed_of(ticket.recording or ticket.name))
    count = 1 if ticket.still else int(rng.integers(3, 9))
    vectors = unit(what + 0.6 * rng.normal(size=(count, DIMENSIONS)))
    return TimedVectors(np.arange(count, dtype=np.float32) / 2, vectors)


def words_of(ticket: Ticket) -> Floats:
    said = np.random.default_rng(seed_of(f"said {ticket.group or ticket.name}"))
    own = np.random.default_rng(seed_of(f"own {ticket.name}"))
    return unit(said.normal(size=DIMENSIONS) + 0.5 * own.normal(size=DIMENSIONS))


def written(store: redis.Redis, tickets: Sequence[Ticket], **settings: int) -> Corpus:
    """A corpus of tickets made by hand, in a real index."""
    url = f"redis://127.0.0.1:{store.connection_pool.connection_kwargs['port']}"
    chosen = Settings(encoder="starter", redis_url=url, **settings)
    services = ModelServices(chosen, loaded=Small(encoder_name(chosen)))
    _ = services.encoder  # from now on the lengths of its vectors are known
    items = []
    for number, ticket in enumerate(tickets, start=1):
        clip, issue = str(number), ticket.issue or str(number)
        where = ClipLocation(issue, ticket.project, "Game")
        if ticket.clip is not None:
            frames = frames_of(ticket)
            services.collections.active.index.write_clip(clip, where, frames.times, frames.vectors)
            compare_clip(services.collections.active, clip)
        if ticket.words:
            services.collections.active.tickets.write(issue, ticket.project, words_of(ticket), "")
            compare_ticket(services.collections.active, issue)
        items.append(
            Item(
                clip,
                issue,
                ticket.name,
                "Game",
                None,
                ticket.group,
                "",
                ticket.project,
                ticket.related,
                ticket.still,
                ticket.attached,
            )
        )
    projects = tuple(sorted({ticket.project for ticket in tickets}))
    return Corpus(services, projects, tuple(items), {})


BACKLOG = [
    *(Ticket(f"t{n:02}", group="abcd"[n % 4]) for n in range(12)),
    *(Ticket(f"q{n}", clip="abcd"[n]) for n in range(4)),
    Ticket("silent", group="a", words=False),
]


def test_the_order_of_the_manifest_s_lines_changes_nothing(store: redis.Redis) -> None:
    # Both are equally like any other, so that their order is a matter of names.
    copies = [
        Ticket("x", "a", recording="r", words=False),
        Ticket("y", clip="a", recording="r", words=False),
    ]
    told = replay(written(store, [*BACKLOG, *copies]))
    store.flushall()
    again = replay(written(store, [*reversed(copies), *reversed(BACKLOG)]))
    for asked in ASKED:
        assert scores(again[asked]) == scores(told[asked])


def scores(arrivals: Sequence[Arrival]) -> list[list[tuple[float, bool]]]:
    return [[(round(s.score, 5), s.right) for s in each.suggestions] for each in arrivals]


def test_orders_differ_and_a_seed_repeats_them(store: redis.Redis) -> None:
    corpus = written(store, BACKLOG)
    told = replay(corpus, orders=2, seed=1)
    assert len(told["clip"]) == 2 * len(BACKLOG)
    assert replay(corpus, orders=2, seed=1) == told
    assert replay(corpus, orders=2, seed=2) != told
    first, second = told["clip"][: len(BACKLOG)], told["clip"][len(BACKLOG) :]
    assert first != second
    # More orders only add to what there was.
    assert replay(corpus, orders=1, seed=1)["clip"] == first


def test_the_first_of_a_group_has_no_earlier_duplicate_and_finds_none(store: redis.Redis) -> None:
    told = replay(written(store, BACKLOG), orders=4)
    for asked in ASKED:
        arrivals = told[asked]
        for order in range(4):
            one = arrivals[order * len(BACKLOG) : (order + 1) * len(BACKLOG)]
            assert sum(each.has_duplicate for each in one) == 13 - 4
            assert one[0].suggestions == ()
            assert [len(each.suggestions) for each in one] == [min(n, 10) for n in range(len(one))]
        for each in arrivals:
            assert each.has_duplicate or not any(s.right for s in each.suggestions)


def test_a_project_is_searched_by_itself(store: redis.Redis) -> None:
    """The same with and without another project of the very same bugs."""
    alone = [replace(each, project="A") for each in BACKLOG]
    told = replay(written(store, alone))
    store.flushall()
    beside = [replace(each, project="B", name=f"z{each.name}") for each in BACKLOG]
    both = replay(written(store, [*alone, *beside]))
    for asked in ASKED:
        assert scores([a for a in both[asked] if a.project == "A"]) == scores(told[asked])
        assert len(both[asked]) == 2 * len(told[asked])


def test_projects_of_one_ticket_ask_in_vain(store: redis.Redis) -> None:
    told = replay(written(store, [Ticket("one", "a"), Ticket("two", "a", project="Q")]))
    for asked in ASKED:
        assert [(a.has_duplicate, a.suggestions) for a in told[asked]] == [(False, ())] * 6


def test_groups_that_are_related_are_neither_right_nor_wrong(store: redis.Redis) -> None:
    tickets = [
        Ticket("a1", "a", related="flood"),
        Ticket("a2", "a", related="flood"),
        Ticket("b1", "b", related="flood"),
        Ticket("c1", "c", related="other"),
        Ticket("d1", "d"),
    ]
    told = replay(written(store, tickets), orders=8)
    kinds = {(each.cluster, s.right, s.related) for each in told["clip"] for s in each.suggestions}
    # Of a's pairs some are right, some related, some neither; of c's and d's all are wrong.
    of_a = {(right, related) for cluster, right, related in kinds if cluster.endswith("group a")}
    of_c = {(right, related) for cluster, right, related in kinds if cluster.endswith("group c")}
    of_d = {(right, related) for cluster, right, related in kinds if cluster.endswith("group d")}
    assert of_a == {(True, False), (False, True), (False, False)}
    assert of_c == of_d == {(False, False)}


def test_a_clip_that_failed_asks_nothing_and_its_duplicates_are_missed(store: redis.Redis) -> None:
    told = replay(written(store, [Ticket("a", "a", clip=None), Ticket("b", "a")]), orders=6)
    for asked in ASKED:
        assert sum(each.has_duplicate for each in told[asked]) == 6
        assert not any(each.suggestions for each in told[asked])


def test_clips_of_one_ticket_arrive_together_and_find_an_issue_once(store: redis.Redis) -> None:
    tickets = [
        Ticket("a-first", "a", issue="7"),
        Ticket("a-second", "a", clip="elsewhere", issue="7"),
        Ticket("b", "a", issue="8"),
    ]
    told = replay(written(store, tickets), orders=4)
    assert len(told["clip"]) == 2 * 4
    for each in told["clip"]:
        assert len(each.suggestions) == each.has_duplicate
        assert all(found.right for found in each.suggestions)


def test_with_dates_there_is_one_order_and_unknown_dates_come_first(store: redis.Redis) -> None:
    times = {"c": 30.0, "a": 20.0, "late": 99.0, "old": 0.0}
    tickets = [Ticket(name, name, attached=time) for name, time in times.items()]
    told = replay(written(store, tickets), orders=5)
    groups = [each.cluster.split()[-1] for each in told["clip"]]
    assert groups == ["old", "a", "c", "late"]


def test_a_screenshot_beside_a_screenshot_is_capped_as_in_the_service(store: redis.Redis) -> None:
    many = [Ticket(f"n{n}", f"n{n}") for n in range(60)]
    pair = [Ticket("a", "a", still=True), Ticket("b", "a", clip="a", still=True)]
    told = replay(written(store, [*many, *pair]), orders=1)
    (asked,) = [each for each in told["clip_text"] if each.has_duplicate]
    found = next(each for each in asked.suggestions if each.right)
    assert found.stills
    assert found.score == 0.5


@pytest.mark.parametrize("sizes", [{}, {"candidate_frames": 12, "candidate_clips": 3}])
def test_what_is_asked_in_memory_is_what_the_service_would_find(
    store: redis.Redis, redis_server: RedisServer, sizes: dict[str, int]
) -> None:
    """Against the plain way: an index in Redis, filled ticket by ticket, and the real finder."""
    corpus = written(store, BACKLOG, **sizes)
    told = replay(corpus, orders=2, seed=3)
    for asked, arrivals in plainly(corpus, orders=2, seed=3).items():
        for expected, found in zip(arrivals, told[asked], strict=True):
            assert [s.right for s in found.suggestions] == [right for _, right in expected]
            assert [s.score for s in found.suggestions] == pytest.approx(
                [score for score, _ in expected], abs=2e-3
            )


def plainly(
    corpus: Corpus, *, orders: int, seed: int
) -> dict[Asked, list[list[tuple[float, bool]]]]:
    """Scores of the ten best issues and whether they are right, for each ticket as it arrives."""
    services = corpus.services
    items = sorted(corpus.items, key=lambda item: item.name)
    clips = services.collections.active.index.clip_vectors([item.clip_id for item in items])
    words = services.collections.active.tickets.vectors([item.issue_id for item in items])
    told: dict[Asked, list[list[tuple[float, bool]]]] = {asked: [] for asked in ASKED}
    for number in range(orders):
        project = f"ORDER{number}"
        drawn = np.random.default_rng([seed, number, crc32(items[0].project.encode())])
        item_of = {}
        for n in drawn.permutation(len(items)):
            item = items[n]
            # Ids in the order of names, as ties go by them.
            name = f"o{number}n{n:06d}"
            item_of[name] = item
            clip = clips[item.clip_id]
            where = ClipLocation(name, project, item.game)
            services.collections.active.index.write_clip(name, where, clip.times, clip.vectors)
            compare_clip(services.collections.active, name)
            if item.issue_id in words:
                services.collections.active.tickets.write(name, project, words[item.issue_id], "")
                compare_ticket(services.collections.active, name)
            for asked in ASKED:
                matches = services.retrievers.active.like_clip(
                    name, [project], use_words=asked == "clip_text"
                )
                told[asked].append(
                    [
                        (m.score, item.group is not None and item.group == item_of[m.clip_id].group)
                        for m in matches[:10]
                    ]
                )
    return told


def test_a_project_in_memory_knows_no_other() -> None:
    frames, tickets = FramesInMemory("P", 2), TicketsInMemory("P")
    assert frames.nearest_clips(unit(np.ones((1, 2))), 5, ["P"]) == []
    assert tickets.nearest(unit(np.ones(2)), 5, ["P"]) == []
    clip = TimedVectors(np.zeros(1, np.float32), unit(np.ones((1, 2))))
    frames.write_clip("1", ClipLocation("7", "P", "Game"), clip)
    tickets.write("7", unit(np.ones(2)))
    assert frames.issues_of_clips_on(["8", "7", "7"]) == {"1": "7"}
    assert [name for name, _ in frames.nearest_clips(clip.vectors, 5, ["P"])] == ["1"]
    assert frames.nearest_clips(clip.vectors, 5, ["Q"]) == []
    assert tickets.nearest(clip.vectors[0], 5, ["Q"]) == []


def test_a_manifest_may_tell_projects_and_what_is_related(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    line = {"file": "a.mp4", "game": "Racer", "group": "g", "related": "r", "project": "RACE"}
    (tmp_path / "manifest.jsonl").write_text(json.dumps(line))
    (entry,) = read_manifest(tmp_path)
    assert (entry.related, entry.project) == ("r", "RACE")


def meadow(entry: dict[str, Any]) -> bool:
    """A clip of one of two bugs, or of one bug-free place."""
    return entry["group"] in ("crafter-flood-meadow", "crafter-ground-meadow") or (
        entry["game"] == "Crafter" and entry["group"] is None and entry["scene"] == "the meadow"
    )


def test_a_data_set_s_projects_are_its_games_unless_it_names_them(
    tmp_path: Path, remembering: Remembering
) -> None:
    how = Settings(encoder="starter")
    games = data_set(tmp_path / "games", meadow, broken=True)
    with indexed(games, how, encoder=remembering) as corpus:
        told: Replay = replay(corpus, orders=1)
        assert {each.project for each in told["clip"]} == {"Crafter"}
        clips = len(corpus.items)
    assert len(told["clip"]) == clips
    named = data_set(tmp_path / "named", meadow, broken=True, project="CRAFT")
    with indexed(named, how, encoder=remembering) as corpus:
        assert {item.project for item in corpus.items} == {"CRAFT", "Crafter"}
        told = replay(corpus, orders=1)
    assert sum(each.project == "CRAFT" for each in told["clip"]) == clips - 1


def test_the_command_tells_people_and_machines_what_arrivals_give(tmp_path: Path) -> None:
    data = data_set(tmp_path / "data", meadow, broken=True)
    told, page, picture = (tmp_path / name for name in ("r.json", "r.html", "r.png"))
    files = ("--json", str(told), "--html", str(page), "--curve", str(picture))
    done = dejabug(
        "eval",
        str(data),
        "--arrivals",
        "--orders",
        "2",
        "--fit",
        *files,
        DEJABUG_ENCODER="starter",
        DEJABUG_REDIS_URL="redis://127.0.0.1:1",
        COLUMNS="140",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for part in (
        "tickets with an earlier duplicate get no correct suggestion",
        "suggestions as tickets arrive, in 2 random orders (1 project)",
        "WITH_WORDS: frames",
        "none can be left out of the fit",
    ):
        assert part in " ".join(done.stdout.split())
    arrivals = json.loads(told.read_text())["arrivals"]
    assert set(arrivals) == {"clip", "clip_text"}
    for each in arrivals.values():
        assert {"ece", "default", "0.5", "0.7", "0.8", "0.9", "0.95", "recall_at_95"} <= set(each)
        assert each["with_duplicate"] == 2 * 4  # two groups of three, in two orders
        assert each["default"]["threshold"] == 0.8
        assert {"threshold", "named", "precision", "recall", "related"} <= set(each["0.5"])
    text = page.read_text("utf-8")
    assert text.count("<svg") == 2
    assert "Suggestions in order of arrival" in text
    assert "http" not in text.replace("http-equiv", "")
    assert picture.stat().st_size > 1_000
