"""The bundled clips and the planned ones: they include real games, and no sentence occurs twice."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest

from dejabug import media, ranking
from dejabug.evaluation.manifest import Entry, read_manifest
from dejabug.ingest.clip_indexer import signature_of
from support.ffmpegs import PACKAGED, ffmpeg_called
from tools.record import cases, supertux, torcs
from tools.record.cases import Case, Game
from tools.record.clips import MANIFEST_FIELDS, ClipSet, Encoding, Recording, merge_manifest
from tools.record.rerecord import LOOKS, Look, Rerecording, again, encoding_of, write_again
from tools.record.screen import Play, RecorderError, require
from tools.record.words import minetest as minetest_words
from tools.record.words import supertux as supertux_words
from tools.record.words import torcs as torcs_words
from tools.record.words.again import RERECORDINGS

REAL_GAMES = ("Minetest", "SuperTux", "TORCS")
BUNDLE_BYTES = 8_000_000
WORDS = (minetest_words.CASES, supertux_words.CASES, torcs_words.CASES)
LATER = (minetest_words.LATER, supertux_words.LATER, torcs_words.LATER)


@pytest.fixture
def entries(clips: Path) -> list[Entry]:
    return read_manifest(clips)


def sentences(text: str) -> list[str]:
    return [part.strip().lower() for part in re.split(r"[.!?;]\s", text + " ") if part.strip()]


def planned() -> Iterator[Case]:
    return chain.from_iterable(chain.from_iterable(words.values()) for words in (*WORDS, *LATER))


def test_the_bundle_stays_small(clips: Path) -> None:
    assert sum(file.stat().st_size for file in clips.iterdir()) <= BUNDLE_BYTES


def test_a_third_of_the_clips_or_more_show_real_games(entries: list[Entry]) -> None:
    shown = Counter(entry.game for entry in entries)
    assert all(shown[game] >= 15 for game in REAL_GAMES)
    assert 3 * sum(shown[game] for game in REAL_GAMES) >= len(entries)


def test_no_sentence_of_the_real_games_tickets_comes_twice() -> None:
    told = Counter(
        sentence
        for summary, description in chain(
            (ticket for case in planned() for ticket in case.tickets),
            ((plan.summary, plan.description) for of in RERECORDINGS.values() for plan in of),
        )
        for sentence in sentences(f"{summary}. {description}")
    )
    assert [sentence for sentence, times in told.items() if times > 1] == []


def test_the_manifest_says_what_is_planned(entries: list[Entry]) -> None:
    again = {(plan.summary, plan.description) for plan in RERECORDINGS["demo"]}
    bundled = {(entry.summary, entry.description) for entry in entries}
    assert again < bundled
    real = {(entry.summary, entry.description) for entry in entries if entry.game in REAL_GAMES}
    assert real - again == {
        ticket for words in (*WORDS, *LATER) for case in words["demo"] for ticket in case.tickets
    }


def lines_of(clips: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (clips / "manifest.jsonl").read_text().splitlines()]


def test_each_look_comes_back_three_times_with_its_originals_labels(clips: Path) -> None:
    lines = {line["file"]: line for line in lines_of(clips)}
    again = [line for line in lines.values() if "recording_of" in line]
    looks = {(plan.group, plan.summary): plan.look for plan in RERECORDINGS["demo"]}
    assert Counter(looks[line["group"], line["summary"]] for line in again) == dict.fromkeys(
        LOOKS, 3
    )
    for line in again:
        original = lines[line["recording_of"]]
        assert "recording_of" not in original
        for label in ("game", "scene", "bug", "bug_type", "group", "related"):
            assert line[label] == original.get(label)


def test_filmed_clips_and_dark_ones_have_sound(clips: Path) -> None:
    loud = {plan.summary for plan in RERECORDINGS["demo"] if plan.look != "low-bitrate"}
    heard = [
        line["summary"]
        for line in lines_of(clips)
        if "recording_of" in line and "Audio: aac" in said_of(clips / line["file"])
    ]
    assert set(heard) == loud


def said_of(clip: Path) -> str:
    return subprocess.run(
        [ffmpeg_called(PACKAGED), "-hide_banner", "-i", clip],
        capture_output=True,
        text=True,
        check=False,
    ).stderr


@pytest.mark.parametrize("look", LOOKS)
def test_a_re_recording_shows_the_same_in_another_look(
    look: Look, clips: Path, tmp_path: Path
) -> None:
    original = clips / "supertux-04.mp4"
    made = write_again(original, look, 3, tmp_path)
    before, after = media.sample_frames(original), media.sample_frames(made)
    assert after.duration == pytest.approx(before.duration, abs=0.8)
    bright = float(before.pixels.mean()), float(after.pixels.mean())
    assert (bright[1] < 0.6 * bright[0]) == (look == "dark")
    width, height = encoding_of(look, 3)[0].size
    assert f"{width}x{height}" in said_of(made)
    assert (
        ranking.likeness_in_step(*(ranking.motion_of(signature_of(f)) for f in (before, after)))
        > 0.4
    )


def test_games_recorded_anew_keep_their_re_recordings_and_those_give_way_to_new_ones(
    tmp_path: Path,
) -> None:
    manifest = tmp_path / "manifest.jsonl"

    def write(*lines: dict[str, str]) -> None:
        manifest.write_text("".join(f"{json.dumps(line)}\n" for line in lines))

    def line(file: str, **more: str) -> dict[str, str]:
        return {**dict.fromkeys(MANIFEST_FIELDS, "x"), "file": file, "game": "Game", **more}

    def recording(file: str, game: str = "Game") -> Recording:
        return Recording(
            file, game, "x", "x", "x", "group", "x", "x", Encoding((2, 2), 1), lambda: iter(())
        )

    write(line("a-01.mp4"), line("a-02.mp4", recording_of="a-01.mp4"), line("b-01.mp4", game="B"))
    merge_manifest([recording("a-01.mkv")], manifest)
    assert [entry["file"] for entry in lines_of(tmp_path)] == ["a-01.mkv", "a-02.mp4", "b-01.mp4"]
    plan = (Rerecording("group", "dark", "s", "d"), Rerecording("nowhere", "dark", "s", "d"))
    made = list(again(plan, "demo", manifest))
    assert [(Path(item.file).stem, original) for item, original in made] == [("a-02", "a-01.mkv")]
    merge_manifest([item for item, _ in made], manifest, {made[0][0].file: "a-01.mkv"})
    assert [entry.get("recording_of") for entry in lines_of(tmp_path)] == [None, "a-01.mkv", None]


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


def test_cases_that_came_later_take_the_numbers_after_all_others() -> None:
    words = (("a", "b"), ("c", "d"))
    plan = (Case("hole", "yard", words), Case("", "yard", words))
    more = (Case("hole", "yard", (("e", "f"),), 2, "menu"),)
    game = Game(
        "Game", "game", {"hole": ("a hole", "hole")}, {"yard": "the yard"}, {"demo": plan},
        lambda *_: Play((), (2, 2), 1.0),
    )  # fmt: skip
    before = list(cases.recordings(game, "demo", 0))
    opened = {"menu": cases.opened("Escape", 1.0, 2.0)}
    after = list(cases.recordings(replace(game, later={"demo": more}, dialogs=opened), "demo", 0))
    assert [item.file for item in after[:4]] == [item.file for item in before]
    assert [(item.file[:7], item.group, item.related) for item in after[4:]] == [
        ("game-05", "game-hole-yard", None)
    ]
    steps = opened["menu"](Play((), (2, 2), 1.0)).steps
    assert [(step.second, step.xdotool) for step in steps] == [
        (1.0, ("keydown", "Escape")), (1.15, ("keyup", "Escape")),
        (2.0, ("keydown", "Escape")), (2.15, ("keyup", "Escape")),
    ]  # fmt: skip


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
