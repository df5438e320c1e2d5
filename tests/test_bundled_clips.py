"""The bundled clips and the planned ones: real games among them, and no sentence twice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from dejabug.evaluation.manifest import Entry, read_manifest
from tools.record import cases, supertux, torcs
from tools.record.cases import Case, Game
from tools.record.clips import ClipSet
from tools.record.screen import RecorderError, require
from tools.record.words import minetest as minetest_words
from tools.record.words import supertux as supertux_words
from tools.record.words import torcs as torcs_words

REAL_GAMES = ("Minetest", "SuperTux", "TORCS")
BUNDLE_BYTES = 8_000_000
WORDS = (minetest_words.CASES, supertux_words.CASES, torcs_words.CASES)


@pytest.fixture
def entries(clips: Path) -> list[Entry]:
    return read_manifest(clips)


def sentences(text: str) -> list[str]:
    return [part.strip().lower() for part in re.split(r"[.!?;]\s", text + " ") if part.strip()]


def planned() -> Iterator[Case]:
    return chain.from_iterable(chain.from_iterable(words.values()) for words in WORDS)


def test_the_bundle_stays_small(clips: Path) -> None:
    assert sum(file.stat().st_size for file in clips.iterdir()) <= BUNDLE_BYTES


def test_a_third_of_the_clips_or_more_show_real_games(entries: list[Entry]) -> None:
    shown = Counter(entry.game for entry in entries)
    assert all(shown[game] >= 15 for game in REAL_GAMES)
    assert 3 * sum(shown[game] for game in REAL_GAMES) >= len(entries)


def test_no_sentence_of_the_real_games_tickets_comes_twice() -> None:
    told = Counter(
        sentence
        for case in planned()
        for summary, description in case.tickets
        for sentence in sentences(f"{summary}. {description}")
    )
    assert [sentence for sentence, times in told.items() if times > 1] == []


def test_the_manifest_says_what_is_planned(entries: list[Entry]) -> None:
    bundled = {(entry.summary, entry.description) for entry in entries if entry.game in REAL_GAMES}
    assert bundled == {
        ticket for words in WORDS for case in words["demo"] for ticket in case.tickets
    }


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("clip_set", ["demo", "development"])
def test_a_bug_has_two_tickets_or_more_and_places_have_clips_without_one(
    words: dict[ClipSet, tuple[Case, ...]], clip_set: ClipSet
) -> None:
    assert all(len(case.tickets) > 1 for case in words[clip_set] if case.bug)
    quiet = {case.place for case in words[clip_set] if not case.bug}
    assert len(quiet) >= 2


def test_groups_are_related_where_a_bug_is_planned_in_two_places(tmp_path: Path) -> None:
    def never(*_: object) -> None:
        raise AssertionError("planning must not start a game")

    words = (("a", "b"), ("c", "d"))
    plan = (
        Case("hole", "yard", words), Case("hole", "roof", words), Case("fog", "yard", words),
        Case("", "roof", words),
    )  # fmt: skip
    game = Game(
        "Game", "game", {"hole": ("a hole", "hole"), "fog": ("fog", "fog")},
        {"yard": "the yard", "roof": "the roof"}, {"demo": plan}, never,
    )  # fmt: skip
    made = list(cases.recordings(game, "demo", 0))
    assert len({item.file for item in made}) == len(made) == 8
    assert {(item.group, item.related) for item in made} == {
        ("game-hole-yard", "game-hole"), ("game-hole-roof", "game-hole"),
        ("game-fog-yard", None), (None, None),
    }  # fmt: skip


def test_an_overlay_links_all_but_what_is_changed(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "art" / "deep").mkdir(parents=True)
    for name in ("rules", "art/road", "art/deep/sky", "art/deep/sun"):
        (source / name).write_text(name)
    cases.overlay(source, target, {"art/deep/sky": b"black", "art/road": None})
    assert (target / "rules").is_symlink()
    assert (target / "art/deep/sky").read_bytes() == b"black"
    assert (target / "art/deep/sun").read_text() == "art/deep/sun"
    assert not (target / "art/road").exists()
    assert (source / "art/deep/sky").read_text() == "art/deep/sky"


def test_a_missing_package_is_named_with_the_command_that_installs_it() -> None:
    with pytest.raises(RecorderError, match=r"apt-get install --no-install-recommends the-game"):
        require({"/nowhere/the-game": "the-game", "/": "base-files"})


def test_a_raised_model_keeps_all_but_its_heights() -> None:
    model = "AC3Db\nOBJECT poly\nnumvert 2\n1.5 0.5 -2 0 1 0\n0 -0.25 0 0 1 0\nnumsurf 1\n"
    assert torcs.raised(model, 1.0).decode() == (
        "AC3Db\nOBJECT poly\nnumvert 2\n1.5 1.50000 -2 0 1 0\n0 0.75000 0 0 1 0\nnumsurf 1\n"
    )


def test_only_the_named_tiles_lose_their_collision() -> None:
    snow = '\n  (tiles\n    (ids 1 2)\n    (attributes 1 3)\n    (image "tiles/snow/a.png")\n  )'
    ice = '\n  (tiles\n    (ids 3)\n    (attributes 1)\n    (image "tiles/ice/b.png")\n  )'
    tiles = snow + ice
    changed = supertux.passable(tiles, "tiles/snow/")
    assert changed == tiles.replace("1 3", "0 0")
