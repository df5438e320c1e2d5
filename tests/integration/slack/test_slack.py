"""Slack: real Bolt, Redis, search and Jira; only Slack's own servers are simulated."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient
from slack_bolt import BoltRequest

from dejabug.access import visibility_cache
from dejabug.access.jira_users import NoJiraAccountError
from dejabug.infra.errors import UserError
from dejabug.media import ClipError
from dejabug.records.projects import Rules
from dejabug.records.types import ClipStatus
from dejabug.retrieval.results import Found
from dejabug.search import search, uploads
from dejabug.search.search import Page
from dejabug.search.upload_comparison import UploadComparison
from dejabug.services import Services
from dejabug.slack import app, blocks, create_bolt, files, run_socket
from dejabug.slack.app import AWAY
from dejabug.web import create_app
from support.demo_clips import COWS, QUIET
from support.jira_site import Site, people, secure
from support.made_clips import BLACK, LEFT_OUT
from support.parts import use_settings
from support.repository import ROOT
from support.slack_site import SECRET, TOKEN, Desk, Slack, button, buttons, mounted, named, person
from support.tickets import history


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return {
        **environment,
        "DEJABUG_SLACK_SIGNING_SECRET": SECRET,
        "DEJABUG_SLACK_BOT_TOKEN": TOKEN,
        "DEJABUG_PUBLIC_PROJECTS": "game",
        "DEJABUG_PUBLIC_URL": "https://dejabug.example",
    }


@pytest.fixture
def old(services: Services, jira: Site, clips: Path) -> list[str]:
    """Two tickets of a public project, and one of another project."""
    return [
        *history(services, jira, clips, COWS[0], COWS[1]),
        *history(services, jira, clips, QUIET, project="OTHER"),
    ]


def change(services: Services, **settings: Any) -> None:
    use_settings(services, services.settings.model_copy(update=settings))


# What is asked and answered


def test_words_are_answered_to_their_asker_with_key_summary_status_and_moment(
    desk: Desk, old: list[str], worker: None, jira: Site
) -> None:
    told = desk.ask("herd in the meadow")
    assert told["response_type"] == "ephemeral"
    assert named(told, old) == set(old)
    first = told["blocks"][1]["text"]
    assert first["type"] == "mrkdwn"
    assert first["verbatim"] is True
    assert f"<{jira.url}/browse/{old[0]}|{old[0]}>" in first["text"]
    assert "likely match by ticket text" in first["text"]
    assert "Open" in first["text"]
    assert "0:0" in first["text"]


def test_a_key_is_answered_with_tickets_like_it(
    desk: Desk, old: list[str], services: Services, jira: Site
) -> None:
    told = desk.ask(old[0].lower())
    assert old[1] in json.dumps(told)
    assert "same bug" in json.dumps(told)
    assert old[0] not in json.dumps(told["blocks"][1:])
    clip = services.collections.active.catalogue.clips_of(str(jira.issue(old[0])["id"]))[0]
    services.collections.active.catalogue.put_clip(replace(clip, status=ClipStatus.QUEUED))
    assert "It is still being indexed" in desk.ask(old[0])["text"]


@pytest.mark.parametrize("text", ["", "  ", "help", "HELP"])
def test_help_and_nothing_teach(desk: Desk, text: str) -> None:
    assert "/dejabug GAME-123" in desk.ask(text)["text"]


def test_an_unknown_key_and_a_hidden_one_get_the_same_answer(
    desk: Desk, old: list[str], jira: Site
) -> None:
    people(jira)["tester"].projects = ["GAME"]
    assert desk.ask("GAME-999") == desk.ask(old[2])


def test_a_question_that_is_too_long_is_told_so(desk: Desk) -> None:
    assert "1,000 characters" in desk.ask("cow " * 300)["text"]


def test_slack_is_acknowledged_before_the_search(
    desk: Desk, old: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "PATIENCE", 4.0)  # longer than Slack's
    start = time.monotonic()
    assert desk.post(desk.body("cows")).status_code == 200  # no worker answers
    assert time.monotonic() - start < 3
    assert desk.slack.said == []
    assert desk.slack.answers()["text"] == AWAY  # after the patience of a search


def test_slack_is_acknowledged_while_all_threads_have_a_question_in_hand(
    services: Services, slack: Slack, old: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "THREADS", 1)
    monkeypatch.setattr(search, "PATIENCE", 4.0)  # longer than Slack's
    desk = Desk(mounted(services, slack, create_app(services)), slack)
    assert desk.post(desk.body("cows", "U3")).status_code == 200  # no worker answers
    later = desk.post(desk.body("help", "U3"))
    assert (later.status_code, later.data) == (200, b"")
    assert slack.answers(1)["text"] == AWAY
    assert "/dejabug GAME-123" in slack.answers(2)["text"]


def test_next_tells_the_following_five_to_its_asker_only(
    desk: Desk, services: Services, jira: Site, clips: Path
) -> None:
    keys = history(services, jira, clips, COWS[0], COWS[1], COWS[2], *[COWS[1]] * 5)
    first = desk.ask(keys[0])
    shown = named(first, keys[1:])
    assert len(buttons(first)) == 6
    second = desk.press(first, "Next")
    assert second["replace_original"] is False
    later = named({"blocks": second["blocks"][1:]}, keys)
    assert later == set(keys) - {keys[0]} - shown
    assert "are over" in desk.press(first, "Next", user="U2")["text"]
    pressed = button(first, "Next")
    for question in (f"issue {keys[1]}", "words cows", f"upload {'0' * 32}", ""):
        forged = {**pressed, "value": f"{pressed['value'].partition(' ')[0]} {question}"}
        told = desk.interact("U1", type="block_actions", actions=[forged])
        assert "are over" in told["text"], question


def test_too_many_questions_are_told_to_wait(
    desk: Desk, services: Services, old: list[str]
) -> None:
    change(services, api_requests_per_minute=1)
    desk.ask(old[0])
    assert "Slow down" in desk.ask(old[0])["text"]


# Who calls


def test_without_its_secrets_there_is_no_slack(cold_services: Services) -> None:
    for name in ("slack_signing_secret", "slack_bot_token"):
        bare = type(cold_services.settings)(**{name: ""})
        app = create_app(Services(bare))
        assert app.test_client().post("/slack/events").status_code == 404


def test_bad_and_old_signatures_are_refused(desk: Desk) -> None:
    body = desk.body("help")
    assert desk.post(body, signature="v0=" + "0" * 64).status_code == 401
    assert desk.post(body, at=time.time() - 301).status_code == 401
    assert desk.client.post("/slack/events", data=body).status_code == 401
    assert desk.slack.said == []


def test_a_replay_is_answered_once(desk: Desk) -> None:
    body, now = desk.body("help"), time.time()
    assert [desk.post(body, at=now).status_code for _ in range(3)] == [200] * 3
    desk.slack.answers()
    time.sleep(0.3)
    assert len(desk.slack.said) == 1


def test_words_that_nothing_answers_are_told_so(desk: Desk, old: list[str], worker: None) -> None:
    said = desk.ask("purple elephants riding unicycles")
    assert "No likely matches for purple elephants riding unicycles" in said["text"]
    assert named(said, old) == set()


def test_neither_tokens_nor_questions_are_logged(
    desk: Desk,
    old: list[str],
    worker: None,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk.ask("purple elephants")
    said = capfd.readouterr()
    for secret in ("elephants", TOKEN, SECRET):
        assert secret not in said.out + said.err + caplog.text


# Who sees what


def test_a_reader_sees_what_jira_shows_to_them_now(
    desk: Desk, old: list[str], jira: Site, worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visibility_cache, "ANSWER_TTL_SECONDS", 0)  # as if each minute had passed
    assert named(desk.ask("meadow"), old) == set(old)
    people(jira)["tester"].projects = ["GAME"]
    assert named(desk.ask("meadow"), old) == set(old[:2])
    people(jira)["tester"].projects = []
    assert named(desk.ask("meadow"), old) == set()


def test_what_jira_said_of_a_reader_counts_for_a_minute_at_most(
    desk: Desk, old: list[str], jira: Site, worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert visibility_cache.ANSWER_TTL_SECONDS <= 60
    assert named(desk.ask("meadow"), old) == set(old)
    people(jira)["tester"].projects = []
    now = time.time()
    monkeypatch.setattr(visibility_cache.time, "time", lambda: now + 61)
    page = desk.post(desk.body("cows"), at=now)
    assert page.status_code == 200
    assert named(desk.slack.answers(2), old) == set()


def test_a_restricted_ticket_is_for_those_who_have_its_level(
    desk: Desk, old: list[str], jira: Site, worker: None
) -> None:
    secure(jira, old[0])
    assert old[0] in json.dumps(desk.ask("meadow", "U2"))
    assert old[0] not in json.dumps(desk.ask("meadow", "U1"))
    assert old[0] not in json.dumps(desk.ask("meadow", "U3"))
    assert desk.ask(old[0], "U1") == desk.ask("GAME-999", "U1")


def test_what_our_own_account_cannot_see_nobody_is_told(
    desk: Desk, old: list[str], jira: Site, worker: None
) -> None:
    people(jira)["bot"].projects = ["GAME"]
    assert named(desk.ask("meadow", "U2"), old) == set(old[:2])


def test_a_project_that_is_off_is_told_to_nobody(
    desk: Desk, old: list[str], services: Services, worker: None
) -> None:
    services.records.projects.put("GAME", Rules("off"))
    assert named(desk.ask("meadow"), old) == {old[2]}
    assert named(desk.ask("meadow", "U3"), old) == set()


@pytest.mark.parametrize(
    "stranger",
    [
        person("U1", "nobody@studio.example"),
        person("U1", ""),
        person("U1", "tess@studio.example", team_id="T2"),
        person("U1", "tess@studio.example", is_stranger=True),
        person("U1", "tess@studio.example", deleted=True),
        person("U1", "tess@studio.example", is_email_confirmed=False),
        person("U1", "tess"),
    ],
)
def test_who_is_not_known_for_sure_sees_public_projects_only(
    desk: Desk, old: list[str], worker: None, stranger: dict[str, Any]
) -> None:
    desk.slack.users["U1"] = {"team_id": "T1", **stranger}
    assert named(desk.ask("meadow"), old) == set(old[:2])


@pytest.mark.parametrize("change_of", ["hides_email", "inactive", "twice", "no administrator"])
def test_where_jira_does_not_tell_who_it_is_nobody_is_matched(
    desk: Desk, old: list[str], jira: Site, worker: None, change_of: str
) -> None:
    known = people(jira)
    if change_of == "hides_email":
        known["tester"].hides_email = True
    elif change_of == "inactive":
        known["tester"].active = False
    elif change_of == "twice":
        known["admin"].email = "TESS@studio.example"
    else:
        known["bot"].admin = False
    assert named(desk.ask("meadow"), old) == set(old[:2])


def test_an_e_mail_s_letter_case_does_not_count(desk: Desk, old: list[str], worker: None) -> None:
    desk.slack.users["U1"] = person("U1", "TESS@Studio.example")
    assert named(desk.ask("meadow"), old) == set(old)


def test_a_stranger_without_public_projects_is_told_whom_to_ask(
    desk: Desk, old: list[str], services: Services
) -> None:
    change(services, public_projects="")
    assert desk.ask("meadow", "U3")["text"] == str(NoJiraAccountError())
    assert "administrator" in str(NoJiraAccountError())


@pytest.mark.parametrize(
    "path", ["/rest/api/2/permissions", "/rest/api/2/user/search", "/rest/api"]
)
def test_jira_away_is_told_and_shows_nothing(
    desk: Desk, old: list[str], jira: Site, worker: None, path: str
) -> None:
    jira.fail(path=path, status=503)
    assert desk.ask("meadow")["text"] == AWAY


def test_by_socket_mode_the_same_is_answered(services: Services, slack: Slack, jira: Site) -> None:
    bolt = create_bolt(services, slack.client())
    body = dict(parse_qsl(Desk(FlaskClient(Flask("none")), slack).body("help")))
    assert bolt.dispatch(BoltRequest(mode="socket_mode", body=body)).status == 200
    assert "/dejabug GAME-123" in slack.answers()["text"]


def test_socket_mode_names_the_token_that_is_missing(services: Services) -> None:
    with pytest.raises(UserError, match="DEJABUG_SLACK_APP_TOKEN"):
        run_socket(services)


# Share


def test_share_shows_one_public_ticket_to_the_channel_and_says_who(
    desk: Desk, old: list[str], worker: None
) -> None:
    told = desk.press(desk.ask("meadow"), "Share")
    assert told["response_type"] == "in_channel"
    assert "<@U1>" in told["text"]
    assert len(named(told, old)) == 1
    assert buttons(told) == []


def test_share_of_what_not_everybody_may_see_says_why_not(
    desk: Desk, old: list[str], jira: Site, services: Services, worker: None
) -> None:
    told = desk.ask("meadow", "U2")
    secure(jira, old[0])
    issue_id = str(jira.issue(old[0])["id"])
    other = str(jira.issue(old[2])["id"])
    for value in (issue_id, other, "99999", "x"):
        pressed = {**button(told, "Share"), "value": value}
        said = desk.interact("U2", type="block_actions", actions=[pressed])
        assert said["response_type"] == "ephemeral"
        assert "Not shared" in said["text"]
        assert named(said, old) == set()


# The shortcut


def shortcut(desk: Desk, url: str, kind: str = "video/mp4") -> dict[str, Any]:
    file = {"id": "F1", "mimetype": kind, "url_private_download": url}
    message = {"type": "message", "ts": "1.2", "files": [file]}
    return desk.interact(
        type="message_action", callback_id="find_similar_bugs", message=message, message_ts="1.2"
    )


@pytest.fixture
def lies_here(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> str:
    """Slack's files are served by the stand-in."""
    monkeypatch.setattr(files, "HOST", f"{desk.slack.url}/files/")
    return files.HOST


def test_a_message_s_clip_is_searched_with(
    desk: Desk, old: list[str], clips: Path, services: Services, worker: None, lies_here: str
) -> None:
    desk.slack.files["a.mp4"] = ((clips / COWS[2]).read_bytes(), "video/mp4")
    told = shortcut(desk, lies_here + "a.mp4")
    assert named(told, old) >= set(old[:2])
    assert desk.slack.tokens == [f"Bearer {TOKEN}"]
    assert not list((services.settings.data_dir / "uploads").glob("*"))


def test_of_a_session_of_hours_it_is_said_on_each_page_what_was_looked_at(
    desk: Desk,
    services: Services,
    jira: Site,
    clips: Path,
    worker: None,
    lies_here: str,
    session: Path,
) -> None:
    history(services, jira, clips, *COWS[:3], *[COWS[1]] * 4)
    desk.slack.files["a.mp4"] = (session.read_bytes(), "video/mp4")
    first = shortcut(desk, lies_here + "a.mp4")
    assert "Only its first 30 minutes are analysed." in first["blocks"][0]["text"]["text"]
    second = desk.press(first, "Next")
    assert "Only its first 30 minutes are analysed." in second["blocks"][0]["text"]["text"]


def test_where_nothing_is_like_a_long_session_that_is_said_too(
    desk: Desk, services: Services, lies_here: str, worker: None, session: Path
) -> None:
    desk.slack.files["a.mp4"] = (session.read_bytes(), "video/mp4")
    told = shortcut(desk, lies_here + "a.mp4")["text"]
    assert told.startswith("Nothing that you may see")
    assert "Only its first 30 minutes are analysed." in told


@pytest.mark.parametrize(
    "url",
    [
        "https://files.slack.com.evil.example/a.mp4",
        "http://files.slack.com/a.mp4",
        "https://evil.example/files.slack.com/a.mp4",
        "https://files.slack.com@evil.example/a.mp4",
        "file:///etc/passwd",
        "",
    ],
)
def test_a_file_elsewhere_is_not_fetched(desk: Desk, old: list[str], url: str) -> None:
    assert "not fetched" in shortcut(desk, url)["text"]


def test_files_that_cannot_be_searched_with_are_told_why(
    desk: Desk, old: list[str], services: Services, worker: None, lies_here: str, black: Path
) -> None:
    desk.slack.files["a.mp4"] = (b"no clip at all", "video/mp4")
    told = shortcut(desk, lies_here + "a.mp4")["text"]
    assert told == "Not searched: the file is not a video or image that can be read."
    desk.slack.files["a.mp4"] = (black.read_bytes(), "image/png")
    told = shortcut(desk, lies_here + "a.mp4", "image/png")["text"]
    assert told == f"Not searched: the image is {BLACK}."
    assert "no video" in shortcut(desk, lies_here + "a.mp4", "text/plain")["text"]
    desk.slack.files["a.mp4"] = (b"<html>", "text/html; charset=utf-8")
    assert "does not give" in shortcut(desk, lies_here + "a.mp4")["text"]
    change(services, upload_max_bytes=1024)
    desk.slack.files["a.mp4"] = (b"0" * 2000, "video/mp4")
    assert "1,024 bytes" in shortcut(desk, lies_here + "a.mp4")["text"]
    assert not list((services.settings.data_dir / "uploads").glob("*"))


def test_a_clip_of_which_frames_are_left_out_is_told_so(
    desk: Desk, old: list[str], worker: None, lies_here: str, loading: Path
) -> None:
    desk.slack.files["a.mp4"] = (loading.read_bytes(), "video/mp4")
    assert f"{LEFT_OUT}." in json.dumps(shortcut(desk, lies_here + "a.mp4"))


def test_why_a_clip_cannot_be_used_is_no_markup_of_slacks(
    desk: Desk, old: list[str], worker: None, lies_here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> None:
        raise ClipError("unsupported", "its video codec is <!channel>")

    desk.slack.files["a.mp4"] = (b"0", "video/mp4")
    monkeypatch.setattr(UploadComparison, "_compare", refused)
    told = shortcut(desk, lies_here + "a.mp4")["text"]
    assert told == "Not searched: its video codec is &lt;!channel&gt;."


def test_a_clip_is_not_blamed_for_what_fails_in_the_worker(
    desk: Desk, old: list[str], clips: Path, worker: None, lies_here: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    desk.slack.files["a.mp4"] = ((clips / COWS[2]).read_bytes(), "video/mp4")
    monkeypatch.setattr(UploadComparison, "_compare", lambda *_: 1 / 0)
    told = shortcut(desk, lies_here + "a.mp4")["text"]
    assert told == "Not searched: the search failed in its worker; its log says why."


def test_while_too_many_clips_wait_that_is_said(
    desk: Desk, old: list[str], lies_here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOST_FILES", 0)
    assert "0 uploads wait already" in shortcut(desk, lies_here + "a.mp4")["text"]


# Pictures, escaping, limits


def test_pictures_are_shown_where_wanted_and_left_out_where_slack_refuses_them(
    desk: Desk, old: list[str], services: Services
) -> None:
    assert "image_url" not in json.dumps(desk.ask(old[0]))
    change(services, slack_pictures=True)
    picture = desk.ask(old[0])["blocks"][1]["accessory"]
    assert picture["alt_text"]
    path = picture["image_url"].removeprefix("https://dejabug.example")
    assert desk.client.get(path).data[:2] == b"\xff\xd8"
    desk.slack.refuse_pictures = True
    told = desk.ask(old[0])
    assert "image_url" not in json.dumps(told)
    assert old[1] in json.dumps(told)


def found(**changes: Any) -> Found:
    told = {
        "issue": "1", "key": "GAME-1", "url": "https://jira.example/browse/GAME-1",
        "summary": "s", "status": "Open", "resolution": None, "project": "GAME", "game": "",
        "kinds": [], "created": "", "score": 1.0, "relevance": "likely",
        "found_by": ["words"], "clip": None,
        "asked": None, "moments": [], "also": [],
    }  # fmt: skip
    return Found.model_validate({**told, **changes})


def test_nothing_that_a_ticket_says_is_markup(desk: Desk) -> None:
    evil = "<!channel> <https://evil.example|x> & <@U1>"
    page = Page([found(summary=evil, status=evil)], None)
    told = json.dumps(blocks.results(page, evil, "words x", lambda _: None))
    assert "<!" not in told
    assert "<@" not in told
    assert "<https://evil" not in told
    assert "&amp; &lt;@U1&gt;" in told


def test_messages_stay_within_slack_s_limits() -> None:
    long = "&" * 5000
    one = found(summary=long, status=long, also=["GAME-" + "9" * 12] * 200)
    page = Page([one] * 5, "c" * 32)
    told = blocks.results(page, long[:1000], f"words {'&' * 1000}", lambda _: "https://x.example")
    assert len(told["blocks"]) <= 50
    for block in told["blocks"]:
        if block["type"] == "section":
            assert len(block["text"]["text"]) <= 3000
            assert block.get("accessory", {"alt_text": "x"})["alt_text"]
    for each in buttons(told):
        assert len(each["text"]["text"]) <= 75
        assert len(each["value"]) <= 2000


# The manifests


@pytest.mark.parametrize("kind", ["http", "socket"])
def test_manifests_name_the_command_the_shortcut_and_the_fewest_scopes(kind: str) -> None:
    told = yaml.safe_load((ROOT / f"deploy/slack/manifest-{kind}.yaml").read_text("utf-8"))
    (command,) = told["features"]["slash_commands"]
    (short,) = told["features"]["shortcuts"]
    assert command["command"] == "/dejabug"
    assert (short["callback_id"], short["type"]) == ("find_similar_bugs", "message")
    assert set(told["oauth_config"]["scopes"]) == {"bot"}
    assert set(told["oauth_config"]["scopes"]["bot"]) == {
        "commands", "users:read", "users:read.email", "files:read",
    }  # fmt: skip
    assert told["settings"]["socket_mode_enabled"] == (kind == "socket")
    assert command.get("url", "").endswith("/slack/events") == (kind == "http")
    assert "event_subscriptions" not in told["settings"]
