"""`POST /api/v1/issues/<key>/verdicts`: who may record a verdict, on what, and what it changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from dejabug.access.principals import EmailUser
from dejabug.services import Services
from dejabug.web import create_app
from support.api import API, Caller, is_problem
from support.demo_clips import COWS, QUIET
from support.jira_site import Site, secure
from support.parts import use_settings
from support.tickets import history, tell
from support.workers import work

OURS = {"Origin": "http://localhost"}
HIDDEN = 404, "isn't indexed, or you don't have access"


@pytest.fixture
def keys(services: Services, jira: Site, clips: Path) -> tuple[str, str, str]:
    """Two tickets of cows and one of something else."""
    one, two, three = history(services, jira, clips, COWS[0], COWS[1], QUIET)
    return one, two, three


@pytest.fixture
def judge(app: Flask, services: Services) -> Caller:
    """Somebody with a token that may record verdicts."""
    found = Caller(app, services, "GAME")
    found.secret, found.token = services.tokens.create("judge", ["GAME"], verdicts=True)
    found.headers["Authorization"] = f"Bearer {found.secret}"
    return found


def say(caller: Caller, key: str, other: str, same: Any = True, **more: Any) -> Any:
    path = f"{API}/issues/{key}/verdicts"
    body = {"json": {"other": other, "same": same}, **more}
    return caller.client.post(path, headers=caller.headers, **body)


def said(services: Services, key: str, other: str) -> bool | None:
    """What is recorded of two tickets."""
    catalogue = services.collections.active.catalogue
    first, second = catalogue.issue_by_key(key), catalogue.issue_by_key(other)
    assert first is not None
    assert second is not None
    found = services.records.verdicts.of_pair(first.id, second.id)
    return None if found is None else found.same


def waiting(services: Services) -> int:
    return int(services.queues.get("default").count)


def test_a_verdict_is_recorded_and_the_comment_says_so(
    judge: Caller, keys: tuple[str, str, str], services: Services, jira: Site, clips: Path
) -> None:
    new = jira.file("GAME", "a crowd of cows", clips / COWS[2])
    tell(services, jira, new)
    one = keys[0]
    assert f"[{one}|" in jira.comments(new)[0]["body"]
    answer = say(judge, new.lower(), one.lower(), same=False)
    assert answer.status_code == 200
    assert answer.get_json() == {"issue": new, "other": one, "same": False}
    assert answer.headers["Cache-Control"] == "no-store"
    assert said(services, new, one) is False
    assert waiting(services) == 1
    work(services)
    assert all(f"[{one}|" not in comment["body"] for comment in jira.comments(new))


def test_a_duplicate_that_is_none_is_no_longer_found_and_that_can_be_changed(
    judge: Caller, keys: tuple[str, str, str], services: Services
) -> None:
    one, two, _ = keys

    def found() -> set[str]:
        told = judge.get(f"/issues/{one}/similar").get_json()
        return {each["key"] for each in told["results"]}

    assert two in found()
    assert say(judge, two, one, same=False).status_code == 200
    assert two not in found()
    assert say(judge, one, two).status_code == 200
    assert said(services, one, two) is True
    assert two in found()


def test_a_token_records_verdicts_only_if_it_was_made_for_it(
    app: Flask, keys: tuple[str, str, str], services: Services
) -> None:
    reader = Caller(app, services, "GAME")
    is_problem(say(reader, keys[0], keys[1]), 403, "--verdicts")
    is_problem(say(reader, keys[0], "GAME-999"), 403, "--verdicts")  # not even whether it exists
    assert said(services, keys[0], keys[1]) is None


def test_hidden_foreign_and_unknown_issues_get_one_answer_and_nothing_is_recorded(
    judge: Caller, keys: tuple[str, str, str], services: Services, jira: Site
) -> None:
    one, two, three = keys
    secure(jira, two)
    jira.call(
        "POST",
        f"/rest/standin/issues/{jira.issue(three)['id']}/move",
        "admin",
        json={"project": "OTHER"},
    )
    told = set()
    for other in (two, three, "GAME-999", "OTHER-1"):
        for pair in ((one, other), (other, one)):
            answer = say(judge, *pair)
            is_problem(answer, *HIDDEN)
            told.add(answer.text)
    assert len(told) == 1
    assert list(services.records.verdicts.all()) == []
    assert waiting(services) == 0


def test_a_project_that_is_switched_off_has_no_verdicts(
    judge: Caller, keys: tuple[str, str, str], services: Services
) -> None:
    from dejabug.records.projects import Rules

    services.records.projects.put("GAME", Rules(mode="off"))
    is_problem(say(judge, keys[0], keys[1]), *HIDDEN)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"json": {"other": "GAME-2"}}, "`same`"),
        ({"json": {"other": "GAME-2", "same": "yes"}}, "`same`"),
        ({"json": {"other": "GAME-2", "same": 1}}, "`same`"),
        ({"json": {"other": "../GAME-2", "same": True}}, "`other`"),
        ({"json": {"other": "GAME-2\n", "same": True}}, "`other`"),
        ({"json": {"other": "GAME-2", "same": True, "by": "me"}}, "`by`"),
        ({"json": ["GAME-2", True]}, "JSON object"),
        ({"data": "other=GAME-2&same=true"}, "JSON object"),
        ({"data": b"{", "content_type": "application/json"}, "JSON object"),
        ({"json": {"other": "G" * 5000, "same": True}}, "JSON object"),
        ({"json": {"other": "game-1", "same": True}}, "another issue"),
    ],
)
def test_what_is_wrong_with_a_body_is_named(
    judge: Caller, keys: tuple[str, str, str], body: dict[str, Any], says: str
) -> None:
    answer = judge.client.post(f"{API}/issues/GAME-1/verdicts", headers=judge.headers, **body)
    is_problem(answer, 400, says)


def test_verdicts_count_as_requests(app: Flask, services: Services, judge: Caller) -> None:
    few = services.settings.model_copy(update={"api_requests_per_minute": 2})
    use_settings(services, few)
    answers = [say(judge, "GAME-1", "GAME-2").status_code for _ in range(3)]
    assert answers == [404, 404, 429]


# Sessions of the pages


def session(app: Flask, services: Services, owner: Any) -> FlaskClient:
    client = app.test_client()
    client.set_cookie("dejabug_session", services.sessions.begin(owner))
    return client


def test_somebody_signed_in_records_verdicts_from_our_own_pages_alone(
    app: Flask, services: Services, keys: tuple[str, str, str], jira: Site
) -> None:
    jira.app.extensions["store"].users["bot"].admin = True  # our account may ask about others
    client = session(app, services, EmailUser("tess@studio.example"))
    path, body = f"{API}/issues/{keys[0]}/verdicts", {"other": keys[1], "same": True}
    assert "data-verdicts" in client.get("/").text
    for origin in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        is_problem(client.post(path, json=body, headers=origin), 403, "own pages")
    assert said(services, keys[0], keys[1]) is None
    assert client.post(path, json=body, headers=OURS).status_code == 200
    assert said(services, keys[0], keys[1]) is True


def test_a_session_by_a_token_may_what_the_token_may(
    app: Flask, services: Services, keys: tuple[str, str, str]
) -> None:
    path, body = f"{API}/issues/{keys[0]}/verdicts", {"other": keys[1], "same": False}
    for verdicts, status in ((False, 403), (True, 200)):
        _, token = services.tokens.create("Tess", ["GAME"], verdicts=verdicts)
        client = session(app, services, token.principal)
        assert ("data-verdicts" in client.get("/").text) == verdicts
        assert client.post(path, json=body, headers=OURS).status_code == status


def test_somebody_of_whom_nothing_is_known_records_no_verdict(
    services: Services, keys: tuple[str, str, str], jira: Site
) -> None:
    use_settings(services, services.settings.model_copy(update={"public_projects": "GAME"}))
    app = create_app(services)
    client = session(app, services, EmailUser("nobody@elsewhere.example"))
    assert "data-verdicts" not in client.get("/").text
    body = {"other": keys[1], "same": True}
    answer = client.post(f"{API}/issues/{keys[0]}/verdicts", json=body, headers=OURS)
    assert answer.status_code == 403
    assert said(services, keys[0], keys[1]) is None
