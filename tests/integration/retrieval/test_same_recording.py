"""A copy of a recording: labelled everywhere, with the reasons for the score."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from typer.testing import CliRunner

from dejabug.cli import app as cli
from dejabug.services import Services
from dejabug.slack import blocks
from dejabug.suggestions.comment_commands import Command
from support.demo_clips import COWS, PLACEHOLDER, QUIET
from support.forge_app import ForgeApp, panel
from support.jira_site import Site, secure
from support.searches import ALL, GAME, uploaded
from support.tickets import history, tell

# A project must have nine clips to tell copies from what always looks alike in it.
OTHERS = (*COWS[1:], *PLACEHOLDER, QUIET, *(f"crafter-{n:02}.mp4" for n in (5, 7, 8, 9)))


@pytest.fixture
def environment(environment: dict[str, str], forge: ForgeApp) -> dict[str, str]:
    return {**environment, **forge.environment()}


@pytest.fixture
def copy(clips: Path, tmp_path: Path, ffmpeg: Callable[..., Path]) -> Path:
    """The first clip of cows again: darker, smaller, and encoded again."""
    darker = "scale=iw/2:-2:flags=area,eq=brightness=-0.15"
    return ffmpeg(tmp_path / "copy.mp4", "-i", str(clips / COWS[0]), "-vf", darker, "-crf", "30")


def test_a_copy_of_the_recording_is_named_as_such_on_every_surface(
    services: Services, jira: Site, clips: Path, copy: Path, client: FlaskClient, forge: ForgeApp
) -> None:
    old, *_ = history(services, jira, clips, COWS[0], *OTHERS)
    new = jira.file("GAME", "this one is quite another matter", copy)
    new_id = tell(services, jira, new)
    label = f"Same recording as {old}"
    why = f"Moves in step with {old}: a copy of the same recording."

    (comment,) = jira.comments(new)
    assert f"** {label} (score " in comment["body"]
    assert "Same moment" in comment["body"]

    shown = panel(client, forge, new_id)[0]
    assert (shown["key"], shown["strength"]) == (old, label)
    assert (shown["same_recording"], shown["same_file"]) == (old, None)
    assert shown["reasons"][0]["text"] == why
    assert [each["kind"] for each in shown["reasons"]][:3] == ["recording", "pictures", "words"]

    page = services.search.like_issue(GAME, new, ALL, 10)
    first = page.results[0]
    assert (first.key, first.label, first.same_recording) == (old, label, old)
    assert [each.model_dump() for each in first.reasons] == shown["reasons"]
    assert all(each.same_recording is None for each in page.results[1:])

    message = blocks.results(page, new, f"issue {new}", lambda _: None)
    text = message["blocks"][1]["text"]["text"]
    assert label in text
    assert "\nWhy: same recording" in text

    (row, *_) = json.loads(CliRunner().invoke(cli, ["similar", new, "--json"]).stdout)
    assert (row["label"], row["same_recording"]) == (label, old)
    assert row["reasons"] == shown["reasons"]

    record = services.collections.active.catalogue.issue(new_id)
    assert record is not None
    services.comment_commands.handle(record, "Tess", [Command("why", old)])
    assert why in services.records.comments.note(new_id)

    # Who searches with the file itself is told the same; the new ticket has the very file.
    sent = {found.key: found for found in uploaded(services, copy)}
    assert (sent[new].same_file, sent[new].label) == (new, f"Same file as {new}")
    assert (sent[old].label, sent[old].reasons[0].text) == (label, why)

    # Who may not see the old ticket learns nothing of it.
    secure(jira, old)
    tell(services, jira, old, watch=False)
    told = json.dumps(panel(client, forge, new_id))
    assert old not in told
    assert "recording" not in told
