"""A message's files in Slack: which one is searched with, and the answer if there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dejabug.services import Services
from dejabug.slack import files
from dejabug.slack.app import AWAY
from support.demo_clips import COWS
from support.jira_site import Site
from support.search_worker import searching
from support.slack_site import SECRET, TOKEN, Desk, Slack, named
from support.tickets import history

# An event's data about a file from Slack Connect.
RESTRICTED = {
    "id": "F1", "created": 1, "timestamp": 1, "user": "U1", "file_access": "check_file_info",
}  # fmt: skip
LOG = b"2026-11-29 18:04:11 the server says hello\n" * 20_000


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return {
        **environment,
        "DEJABUG_SLACK_SIGNING_SECRET": SECRET,
        "DEJABUG_SLACK_BOT_TOKEN": TOKEN,
    }


@pytest.fixture
def slack(slack: Slack, monkeypatch: pytest.MonkeyPatch) -> Slack:
    monkeypatch.setattr(files, "HOST", f"{slack.url}/files/")
    return slack


@pytest.fixture
def old(services: Services, jira: Site, clips: Path) -> Iterator[list[str]]:
    """Two tickets, and a worker that answers."""
    keys = history(services, jira, clips, COWS[0], COWS[1])
    with searching(services):
        yield keys


def similar(desk: Desk, *attached: dict[str, Any]) -> dict[str, Any]:
    """The shortcut on a message with these files, and the answer to it."""
    message = {"type": "message", "ts": "1.2", "files": list(attached)}
    return desk.interact(
        type="message_action", callback_id="find_similar_bugs", message=message, message_ts="1.2"
    )


def kept(desk: Desk, services: str, content: bytes, **told: Any) -> dict[str, Any]:
    """A file in Slack, as described in a message."""
    desk.slack.files[services] = (content, told.get("mimetype") or "application/octet-stream")
    return {"id": f"F{len(desk.slack.files)}", "url_private": f"{files.HOST}{services}", **told}


@pytest.fixture
def clip(clips: Path) -> bytes:
    return (clips / COWS[2]).read_bytes()


def test_a_file_of_another_workspace_is_asked_for_and_searched_with(
    desk: Desk, old: list[str], clip: bytes
) -> None:
    desk.slack.infos["F1"] = kept(desk, "a", clip, name="a.mp4", mimetype="video/mp4")
    told = similar(desk, RESTRICTED)
    assert named(told, old) == set(old)
    assert desk.slack.asked == ["F1"]
    assert desk.slack.tokens == [f"Bearer {TOKEN}"]


@pytest.mark.parametrize("file", [{"id": "F1"}, {**RESTRICTED, "name": "", "mimetype": None}])
def test_a_file_of_which_no_more_than_its_id_is_told_is_asked_for(
    desk: Desk, old: list[str], clip: bytes, file: dict[str, Any]
) -> None:
    desk.slack.infos["F1"] = kept(desk, "a", clip, name="a.mp4", mimetype="video/mp4")
    assert named(similar(desk, file), old) == set(old)


# Slack's possible data about a video that it does not recognise as one.
UNTOLD: list[dict[str, Any]] = [
    {"name": "clip.MP4 ", "mimetype": "application/octet-stream", "filetype": "binary"},
    {"name": "clip.mp4", "mimetype": "", "filetype": ""},
    {"name": "clip.mp4"},
    {"title": "clip.mp4"},
    {"name": "clip", "mimetype": "application/octet-stream", "filetype": "mp4"},
    {"name": "clip", "mimetype": "application/octet-stream", "filetype": "binary"},
    {"name": "Recording 2026-11-29 18.04", "mimetype": "binary/octet-stream"},
]


def test_a_video_without_a_type_is_known_by_its_name_or_its_first_bytes(
    desk: Desk, old: list[str], clip: bytes
) -> None:
    for told in UNTOLD:
        assert named(similar(desk, kept(desk, "a", clip, **told)), old) == set(old), told
    assert desk.slack.asked == []


def test_of_several_files_the_video_is_taken(desk: Desk, old: list[str], clip: bytes) -> None:
    unsure = {"name": "server", "mimetype": "application/octet-stream"}
    log = kept(desk, "log", LOG, **unsure)
    found = kept(desk, "a", clip, **unsure)
    assert named(similar(desk, log, found), old) == set(old)
    before = len(desk.slack.tokens)
    sure = kept(desk, "b", clip, name="b.mp4", mimetype="video/mp4")
    assert named(similar(desk, log, {**RESTRICTED, "id": "F9"}, sure), old) == set(old)
    assert len(desk.slack.tokens) == before + 1  # what is sure is fetched alone


def test_what_is_no_video_is_said_to_be_none(desk: Desk, services: Services) -> None:
    unsure = {"name": "server", "mimetype": "application/octet-stream"}
    assert files.NO_CLIP in similar(desk, kept(desk, "a", LOG, **unsure))["text"]
    assert len(desk.slack.tokens) == 1
    for name, kind in (
        ("a.zip", "application/octet-stream"),
        ("notes", "text/plain"),
        ("a.log", ""),
    ):
        file = kept(desk, name, b"\0\0\0\x18ftypisom", name=name, mimetype=kind)
        assert files.NO_CLIP in similar(desk, file)["text"]
    assert files.NOT_READ in similar(desk, kept(desk, "b", b"x", mimetype="image/heic"))["text"]
    assert files.NO_CLIP in similar(desk)["text"]
    assert len(desk.slack.tokens) == 1  # none of these was fetched
    assert not list((services.settings.data_dir / "uploads").glob("*"))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("missing_scope", "files:read"),
        ("file_not_found", "Add the app to this conversation"),
        ("access_denied", "Add the app to this conversation"),
        ("file_deleted", "was deleted"),
        ("invalid_auth", "DEJABUG_SLACK_BOT_TOKEN"),
        ("ratelimited", "in a minute"),
        ("internal_error", AWAY),
    ],
)
def test_where_slack_does_not_tell_of_a_file_its_asker_is_told_why(
    desk: Desk, error: str, said: str
) -> None:
    desk.slack.infos["F1"] = error
    assert said in similar(desk, RESTRICTED)["text"]
    assert desk.slack.tokens == []


@pytest.mark.parametrize("mode", ["tombstone", "hidden_by_limit"])
def test_a_file_that_is_no_more_is_said_to_be_so(desk: Desk, mode: str) -> None:
    assert files.GONE[mode] in similar(desk, {"id": "F1", "mode": mode})["text"]
    desk.slack.infos["F1"] = {"id": "F1", "mode": mode}
    assert files.GONE[mode] in similar(desk, RESTRICTED)["text"]


@pytest.mark.parametrize(
    "url",
    [
        "https://files.slack.com.evil.example/a.mp4",
        "http://127.0.0.1:9/a.mp4",
        "file:///etc/passwd",
    ],
)
def test_what_slack_tells_of_a_file_leads_nowhere_else(desk: Desk, url: str) -> None:
    desk.slack.infos["F1"] = {"id": "F1", "mimetype": "video/mp4", "url_private": url}
    assert "not fetched" in similar(desk, RESTRICTED)["text"]
    unsure = {"id": "F2", "name": "clip", "url_private": url}
    assert "not fetched" in similar(desk, unsure)["text"]
    assert desk.slack.tokens == []


def test_an_id_is_only_ever_a_word_to_slack_s_own_address(desk: Desk) -> None:
    file = {**RESTRICTED, "id": "../../files/a?x=https://evil.example&token=y"}
    assert "Add the app" in similar(desk, file)["text"]
    assert desk.slack.asked == [file["id"]]


def test_events_are_taken_with_a_slash_behind_their_address(desk: Desk) -> None:
    body = desk.body("help")
    plain = desk.client.post

    def post(path: str, **options: Any) -> Any:
        return plain(f"{path}/", **options)

    desk.client.post = post  # type: ignore[method-assign]
    assert desk.post(body, signature="v0=" + "0" * 64).status_code == 401
    assert desk.post(body).status_code == 200
    assert "/dejabug GAME-123" in json.dumps(desk.slack.answers())
