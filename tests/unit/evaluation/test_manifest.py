"""Data sets of labelled clips."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from dejabug.demo.studio import CLIPS, project_keys, split
from dejabug.evaluation.manifest import Entry, ManifestError, duplicates_of, read_manifest


def write(folder: Path, *lines: object) -> Path:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    (folder / "manifest.jsonl").write_text(text)
    return folder


def entry(file: str, **more: object) -> dict[str, object]:
    return {"file": file, "game": "Racer", "group": None, **more}


def test_the_bundled_clips_are_what_they_must_be() -> None:
    entries = read_manifest(CLIPS)
    assert len(entries) >= 40
    assert sum((CLIPS / e.file).stat().st_size for e in entries) <= 8 * 1024 * 1024
    assert len({e.game for e in entries}) >= 3
    groups = Counter(e.group for e in entries if e.group)
    assert set(groups.values()) <= {2, 3, 4}
    quiet = [e for e in entries if e.group is None]
    assert len(quiet) >= 20
    buggy_places = {(e.game, e.scene) for e in entries if e.group}
    assert all((e.game, e.scene) in buggy_places for e in quiet if e.game != "Freedoom")
    # Names and tickets give nothing away that a studio's would not.
    assert len({e.summary for e in entries}) == len(entries)
    assert not any(e.group in e.file for e in entries if e.group)
    # Everything in the folder is a clip, the manifest, or a licence.
    extra = {p.name for p in CLIPS.iterdir()} - {e.file for e in entries}
    assert all(n == "manifest.jsonl" or n.startswith(("LICENCE", "README")) for n in extra)


def test_a_manifest_is_read_from_its_folder_or_its_path(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    write(tmp_path, entry("a.mp4", group="x", unknown="is left alone"), "")
    assert read_manifest(tmp_path) == read_manifest(tmp_path / "manifest.jsonl")
    assert read_manifest(tmp_path)[0].group == "x"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["{"], "line 1"),
        ([{"game": "x"}], "file"),
        ([entry("a.mp4"), entry("missing.mp4")], "line 2: clip missing.mp4 not found"),
        ([entry("a.mp4"), entry("a.mp4")], "named twice"),
        ([entry("../secret.mp4")], "is outside"),
        ([entry("/etc/passwd")], "is outside"),
        ([], "has no clips"),
    ],
)
def test_a_wrong_manifest_is_told_by_line_and_reason(
    tmp_path: Path, lines: list[object], reason: str
) -> None:
    (tmp_path / "a.mp4").touch()
    with pytest.raises(ManifestError, match=reason):
        read_manifest(write(tmp_path, *lines))


def test_no_manifest_is_told(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot read"):
        read_manifest(tmp_path)


def test_duplicates_share_a_group() -> None:
    entries = [Entry(file=f"{n}", game="g", group=g) for n, g in enumerate(("x", "y", "x", None))]
    assert duplicates_of(entries[0], entries) == [entries[2]]
    assert duplicates_of(entries[1], entries) == []
    assert duplicates_of(entries[3], entries) == []


def test_the_story_holds_back_a_clip_that_has_a_duplicate(tmp_path: Path) -> None:
    told = split(None, None)
    assert told.held_back not in told.history
    assert told.truth()
    for name in "abc":
        (tmp_path / name).touch()
    write(tmp_path, entry("a"), entry("b", group="x"), entry("c", group="x"))
    assert split(tmp_path, None).held_back.file == "b"
    assert split(tmp_path, "c").held_back.file == "c"
    for wrong in ("a", "z"):
        with pytest.raises(ManifestError):
            split(tmp_path, wrong)


def test_each_game_is_a_project() -> None:
    games = ("Freedoom", "Truck Town", "Tower Test", "x", "Élan 3")
    keys = project_keys([Entry(file=g, game=g) for g in games])
    assert keys["Freedoom"] == "FREED"
    assert len(set(keys.values())) == len(games)
    assert all(key.isascii() and key.isalpha() and len(key) >= 2 for key in keys.values())
