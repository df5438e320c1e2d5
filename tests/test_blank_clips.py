"""What people read of a clip that shows nothing, and of one of which a part is left out."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image

from conftest import Site
from dejabug.media import find_ffmpeg
from dejabug.metrics import REGISTRY
from dejabug.records import ClipStatus
from dejabug.rooms import Rooms
from dejabug.standing import standing_of, why
from dejabug.web import create_app
from test_api import Caller, compared
from test_jobs import COWS, history, tell

BLACK = "black or a single colour: there is nothing to compare"
LEFT_OUT = "6 of 12 frames are black or a single colour and are left out"


@pytest.fixture
def black(tmp_path: Path) -> Path:
    """A black screenshot."""
    path = tmp_path / "black.png"
    Image.new("RGB", (320, 240)).save(path)
    return path


@pytest.fixture
def loading(tmp_path: Path) -> Path:
    """Three seconds of black, then three of a moving picture."""
    path = tmp_path / "loading.mp4"
    sources = [
        word
        for source in ("color=black:s=320x240:r=10:d=3", "testsrc2=s=320x240:r=10:d=3")
        for word in ("-f", "lavfi", "-i", source)
    ]
    joined = ["-filter_complex", "[0][1]concat=n=2", "-pix_fmt", "yuv420p", str(path)]
    subprocess.run([find_ffmpeg(), "-v", "error", *sources, *joined], check=True)
    return path


@pytest.fixture
def app(place: Rooms) -> Flask:
    return create_app(place)


@pytest.fixture
def caller(app: Flask, place: Rooms) -> Caller:
    return Caller(app, place, "GAME")


def failures() -> float:
    labels = {"outcome": "failed", "reason": "blank"}
    return REGISTRY.get_sample_value("dejabug_clips_done_total", labels) or 0.0


def test_a_ticket_whose_only_picture_is_black_says_so_in_words_everywhere(
    caller: Caller, place: Rooms, jira: Site, black: Path
) -> None:
    before = failures()
    key = jira.file("GAME", "only black", black)
    issue_id = tell(place, jira, key)
    record = place.catalogue.issue(issue_id)
    assert record is not None
    standing = standing_of(place, record)
    (clip,) = standing.failed  # the panel lists these
    assert (clip.status, clip.reason) == (ClipStatus.FAILED, f"blank: it is {BLACK}")
    assert why(clip) == f"it is {BLACK}"
    assert failures() == before + 1
    told = caller.get(f"/issues/{key}/similar").get_json()
    assert (told["state"], told["reason"]) == (
        "failed",
        f"No clip of it could be used, so its words were compared (black.png: it is {BLACK}).",
    )


def test_a_black_picture_to_search_with_is_refused_with_its_reason(
    caller: Caller, place: Rooms, black: Path
) -> None:
    told = caller.get(compared(caller, place, black)).get_json()
    assert (told["state"], told["reason"]) == ("failed", f"blank: it is {BLACK}")


def test_what_was_left_out_is_noted_on_the_clip_and_told_who_searches_with_it(
    caller: Caller, place: Rooms, jira: Site, clips: Path, loading: Path
) -> None:
    history(place, jira, clips, COWS[0])
    issue_id = tell(place, jira, jira.file("GAME", "black at first", loading))
    (clip,) = place.catalogue.clips_of(issue_id)
    assert (clip.status, clip.reason) == (ClipStatus.INDEXED, LEFT_OUT)
    told = caller.get(compared(caller, place, loading)).get_json()
    assert (told["state"], told["reason"]) == ("done", LEFT_OUT)
