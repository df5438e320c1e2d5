"""Attempts to leak, through every interface: nobody sees what Jira would not show them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from dejabug.access import visibility_cache
from dejabug.access.principals import PanelViewer
from dejabug.access.signed_urls import sign_media
from dejabug.records.verdicts import Verdict
from dejabug.services import Services
from dejabug.worker import jobs
from support.demo_clips import COWS
from support.forge_app import ForgeApp
from support.jira_site import TOKEN, Site
from support.tickets import history, tell
from support.workers import work

BASE = "https://dejabug.example"


@pytest.fixture
def environment(environment: dict[str, str], forge: ForgeApp) -> dict[str, str]:
    return {**environment, **forge.environment(), "DEJABUG_PROJECT_GROUPS": "GAME,OTHER"}


class Scene:
    """A new ticket and an old one of the same bug, and the panel's answers to each viewer."""

    def __init__(self, client: FlaskClient, app: ForgeApp, jira: Site, keys: tuple[str, str]):
        self.client, self.app, self.jira = client, app, jira
        self.old, self.new = keys
        self.old_id = str(jira.issue(self.old)["id"])
        self.new_id = str(jira.issue(self.new)["id"])

    def answer(self, who: str = "tester", issue_id: str | None = None) -> Any:
        address = f"/forge/v1/issues/{issue_id or self.new_id}/similar"
        return self.client.get(address, headers=self.app.headers(who))

    def named(self, who: str = "tester") -> str:
        """All that the panel says, as text."""
        return json.dumps(self.answer(who).get_json())

    def media(self, who: str = "tester") -> str:
        """A picture's address of the old ticket's clip."""
        match = self.answer(who).get_json()["matches"][0]
        assert match["key"] == self.old
        first = round(match["there"]["times"][0] * 1000)
        return f"{match['there']['media'].removeprefix(BASE)}/pictures/{first}.jpg"

    def secure(self, key: str, level: str | None = "Secret") -> None:
        fields = {"security": {"name": level} if level else None}
        self.jira.call("PUT", f"/rest/api/2/issue/{key}", "admin", json={"fields": fields})

    def reader(self) -> Any:
        return self.jira.app.extensions["store"].users["tester"]


@pytest.fixture
def scene(
    services: Services, jira: Site, clips: Path, client: FlaskClient, forge: ForgeApp
) -> Scene:
    (old,) = history(services, jira, clips, COWS[0])
    new = jira.file("GAME", "a herd of cows", clips / COWS[2])
    tell(services, jira, new)
    found = Scene(client, forge, jira, (old, new))
    assert old in found.named()
    assert f"[{old}|" in jira.comments(new)[0]["body"]
    return found


def test_a_security_level_hides_a_ticket_in_the_panel_at_once_and_shows_it_to_who_has_it(
    scene: Scene, jira: Site
) -> None:
    scene.secure(scene.old)
    assert scene.old not in scene.named("tester")
    assert scene.old in scene.named("admin")


def test_its_webhook_takes_a_restricted_ticket_out_of_comments_on_others(
    scene: Scene, services: Services, jira: Site
) -> None:
    scene.secure(scene.old)
    tell(services, jira, scene.old, watch=False)
    assert jira.comments(scene.new) == []
    names = [file["filename"] for file in jira.issue(scene.new)["fields"]["attachment"]]
    assert names == [COWS[2]]  # the picture strip with its frames is gone too


def test_a_lifted_security_level_brings_the_ticket_back_into_comments(
    scene: Scene, services: Services, jira: Site
) -> None:
    scene.secure(scene.old)
    tell(services, jira, scene.old, watch=False)
    scene.secure(scene.old, None)
    tell(services, jira, scene.old, watch=False)
    assert f"[{scene.old}|" in jira.comments(scene.new)[0]["body"]


def test_our_comment_on_a_ticket_that_was_hidden_from_us_is_put_right_when_it_is_back(
    scene: Scene, services: Services, jira: Site
) -> None:
    scene.secure(scene.new)
    tell(services, jira, scene.new, watch=False)
    assert services.collections.active.catalogue.issue(scene.new_id) is None
    scene.secure(scene.old)  # meanwhile
    tell(services, jira, scene.old, watch=False)
    scene.secure(scene.new, None)
    tell(services, jira, scene.new, watch=False)
    assert jira.comments(scene.new) == []


def test_what_people_said_of_a_ticket_holds_when_it_was_hidden_from_us_and_is_back(
    scene: Scene, services: Services, jira: Site
) -> None:
    services.records.verdicts.put(Verdict(scene.new_id, scene.old_id, False, "person"))
    services.records.comments.mute(scene.new_id, True)
    scene.secure(scene.new)
    tell(services, jira, scene.new, watch=False)
    scene.secure(scene.new, None)
    tell(services, jira, scene.new, watch=False)
    assert services.records.verdicts.rejected(scene.new_id, [scene.old_id]) == {scene.old_id}
    assert services.records.comments.muted(scene.new_id)


def test_the_issue_itself_hidden_is_the_same_answer_as_an_issue_that_does_not_exist(
    scene: Scene,
) -> None:
    scene.secure(scene.new)
    hidden, missing = scene.answer(), scene.answer(issue_id="99999")
    assert hidden.status_code == missing.status_code == 404
    told = [{**answer.get_json(), "trace": ""} for answer in (hidden, missing)]
    assert told[0] == told[1]


def test_a_project_role_that_was_lost_after_indexing_hides_its_tickets(
    scene: Scene, services: Services, jira: Site, clips: Path
) -> None:
    (other,) = history(services, jira, clips, COWS[1], project="OTHER")
    services.rankings.forget(scene.new_id)  # as if the minute had passed in which rankings are kept
    assert other in scene.named()
    scene.reader().projects = ["GAME"]
    assert other not in scene.named()
    scene.reader().projects = []
    assert scene.answer().status_code == 404


def test_a_ticket_that_moved_to_a_hidden_project_is_not_shown_even_before_its_webhook(
    scene: Scene, services: Services, jira: Site
) -> None:
    scene.reader().projects = ["GAME"]
    jira.call("POST", f"/rest/standin/issues/{scene.old}/move", "admin", json={"project": "SECRET"})
    assert "matches" in scene.answer().get_json()
    assert scene.old_id not in scene.named()
    tell(services, jira, "SECRET-1", watch=False)  # by admin's eyes; our account sees it too
    assert jira.comments(scene.new) == []  # SECRET is in no group with GAME


def test_a_deleted_ticket_is_not_shown_even_before_its_webhook_and_then_gone_from_comments(
    scene: Scene, services: Services, jira: Site
) -> None:
    address = scene.media()
    jira.call("DELETE", f"/rest/api/2/issue/{scene.old}")
    assert scene.old not in scene.named()
    jobs.forget_issue(scene.old_id)
    work(services)
    assert jira.comments(scene.new) == []
    assert scene.client.get(address).status_code == 404


def test_a_picture_s_address_stops_working_when_its_ticket_is_hidden(
    scene: Scene, services: Services, jira: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = scene.media()
    assert scene.client.get(address).status_code == 200
    scene.secure(scene.old)
    tell(
        services, jira, scene.old, watch=False
    )  # its webhook: what was known of readers is dropped
    assert scene.client.get(address).status_code == 404


def test_a_picture_s_address_is_re_checked_as_the_reader_after_a_minute_at_most(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert visibility_cache.ANSWER_TTL_SECONDS <= 60
    monkeypatch.setattr(visibility_cache, "ANSWER_TTL_SECONDS", 0)  # as if the minute had passed
    address = scene.media()
    assert scene.client.get(address).status_code == 200
    scene.reader().projects = []
    assert scene.client.get(address).status_code == 404
    scene.reader().projects = None
    assert scene.client.get(address).status_code == 200


def test_addresses_that_are_guessed_changed_or_another_s_show_nothing(
    scene: Scene, services: Services
) -> None:
    address = scene.media()
    token = address.split("/")[2]
    clip_id = scene.answer().get_json()["matches"][0]["there"]["clip_id"]
    secret = services.settings.media_secret.get_secret_value().encode()
    old = sign_media(secret, clip_id, PanelViewer("tester"), now=1_000_000.0)
    stranger = sign_media(
        secret, clip_id, PanelViewer("nobody-known"), now=__import__("time").time()
    )
    other = sign_media(b"another secret, as long", clip_id, PanelViewer("tester"), now=2e9)
    for wrong in (clip_id, token[:-2], token[::-1], old, stranger, other, "..", "%2e%2e"):
        answer = scene.client.get(address.replace(token, wrong))
        assert answer.status_code == 404, wrong
        assert answer.data[:2] != b"\xff\xd8"


def test_jira_away_hides_pictures_rather_than_showing_them(
    scene: Scene, jira: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visibility_cache, "ANSWER_TTL_SECONDS", 0)
    address = scene.media()
    jira.fail(path="/rest/api/2/issue/bulkfetch", status=503)
    assert scene.client.get(address).status_code == 503


def test_a_duplicate_s_canonical_ticket_that_is_hidden_is_not_named(
    scene: Scene, services: Services, jira: Site
) -> None:
    secret = jira.file("GAME", "the first of them")
    ends = {"inwardIssue": {"key": scene.old}, "outwardIssue": {"key": secret}}
    jira.call("POST", "/rest/api/2/issueLink", json={"type": {"name": "Duplicate"}, **ends})
    assert scene.answer().get_json()["matches"][0]["key"] == secret
    scene.secure(secret)
    assert secret not in scene.named("tester")
    assert scene.old in scene.named("tester")
    tell(services, jira, scene.old, watch=False)
    assert secret not in jira.comments(scene.new)[0]["body"]


def test_asking_why_tells_nothing_of_a_hidden_ticket(
    scene: Scene, services: Services, jira: Site
) -> None:
    scene.secure(scene.old)
    answers = []
    for key in (scene.old, "GAME-999"):
        said = jira.call(
            "POST", f"/rest/api/2/issue/{scene.new}/comment", json={"body": f"/dejabug why {key}"}
        )
        jobs.obey(scene.new_id, said["id"])
        work(services)
        ours = next(c for c in jira.comments(scene.new) if c["author"]["accountId"] == "bot")
        answers.append(ours["body"].replace(key, "KEY"))
    assert answers[0] == answers[1]
    assert "score" not in answers[0]


@pytest.mark.parametrize("muted", [True, False])
@pytest.mark.parametrize("moves", [True, False])
def test_an_answer_to_why_goes_when_its_ticket_may_not_be_told_any_more(
    scene: Scene, services: Services, jira: Site, muted: bool, moves: bool
) -> None:
    body = f"/dejabug why {scene.old}" + ("\n/dejabug mute" if muted else "")
    said = jira.call("POST", f"/rest/api/2/issue/{scene.new}/comment", json={"body": body})
    jobs.obey(scene.new_id, said["id"])
    work(services)
    assert f"{scene.old}: score" in str(jira.comments(scene.new))
    tell(services, jira, scene.new)  # a change that hides nothing takes nothing away
    assert f"{scene.old}: score" in str(jira.comments(scene.new))
    if moves:
        road = f"/rest/standin/issues/{scene.old}/move"
        jira.call("POST", road, "admin", json={"project": "SECRET"})
    else:
        scene.secure(scene.old)
    tell(services, jira, "SECRET-1" if moves else scene.old, watch=False)
    (left,) = jira.comments(scene.new)
    assert left["id"] == said["id"]


def test_a_verdict_on_a_hidden_ticket_is_refused(scene: Scene, services: Services) -> None:
    scene.secure(scene.old)
    answer = scene.client.post(
        f"/forge/v1/issues/{scene.new_id}/verdicts",
        json={"other": scene.old_id, "same": False},
        headers=scene.app.headers(),
    )
    assert answer.status_code == 404
    assert services.records.verdicts.of_pair(scene.new_id, scene.old_id) is None


def test_viewers_tokens_are_sealed_in_redis_and_never_logged(
    scene: Scene, services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.media()
    kept = []
    for key in services.redis.scan_iter("dejabug:*"):
        kind = services.redis.type(key)
        kept.append(services.redis.hgetall(key) if kind == b"hash" else key)
    assert b"dejabug:reader" in b"".join(services.redis.scan_iter("dejabug:reader:*"))
    assert f"{TOKEN}-tester" not in repr(kept)
    said = capsys.readouterr()
    assert f"{TOKEN}-" not in said.out + said.err
    assert "Bearer" not in said.out + said.err
