"""What our comment says before and after people said or linked something, and of whom it tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from dejabug.jira.comments import NEVER_LINKS
from dejabug.records.verdicts import Verdict
from dejabug.services import Services
from dejabug.worker import jobs
from support.demo_clips import COWS
from support.forge_app import ForgeApp
from support.jira_site import Site, link, people
from support.tickets import history, old_and_new, tell
from support.workers import work

CONFIRMED = "** *Confirmed as the same bug by the team*"
LINKED = "** *Linked as a duplicate*"
BOTH = "** *Confirmed as the same bug by the team and linked as a duplicate*"
ADVICE = f"If it is the same bug, link it as a duplicate. {NEVER_LINKS}"


@pytest.fixture
def environment(environment: dict[str, str], forge: ForgeApp) -> dict[str, str]:
    return {**environment, **forge.environment(), "DEJABUG_PUBLIC_URL": "https://dejabug.example"}


def text(jira: Site, key: str) -> str:
    (ours,) = [each for each in jira.comments(key) if each["author"]["accountId"] == "bot"]
    return str(ours["body"])


def say(services: Services, jira: Site, key: str, body: str) -> None:
    said = jira.call("POST", f"/rest/api/2/issue/{key}/comment", json={"body": body})
    jobs.obey(str(jira.issue(key)["id"]), said["id"])
    work(services)


def press_same_bug(client: FlaskClient, forge: ForgeApp, issue_id: str, other: str) -> None:
    """The verdict of the panel's button."""
    body = {"other": other, "same": True}
    address = f"/forge/v1/issues/{issue_id}/verdicts"
    assert client.post(address, json=body, headers=forge.headers()).status_code == 200


def test_a_comment_follows_what_people_say_and_link_and_take_back(
    client: FlaskClient, forge: ForgeApp, services: Services, jira: Site, clips: Path
) -> None:
    old, key, issue_id = old_and_new(services, jira, clips)
    other = str(jira.issue(old)["id"])
    assert ADVICE in text(jira, key)
    assert "Confirmed" not in text(jira, key)

    press_same_bug(client, forge, issue_id, other)
    work(services)
    assert CONFIRMED in text(jira, key)
    assert NEVER_LINKS not in text(jira, key)

    link(jira, "Duplicate", key, old)  # the button's other half, as the viewer
    tell(services, jira, key)
    assert BOTH in text(jira, key)

    say(services, jira, key, f"/dejabug not {old}")
    assert f"{old} won't be suggested here again." in text(jira, key)
    assert f"[{old}|" not in text(jira, key)

    # Somebody corrects that, as with `dejabug verdict --same`.
    services.records.verdicts.put(Verdict(issue_id, other, True, "person"))
    jobs.suggest(issue_id)
    assert BOTH in text(jira, key)
    assert "won't be suggested" not in text(jira, key)


def test_a_link_alone_confirms_nothing_and_goes_from_the_comment_with_the_link(
    services: Services, jira: Site, clips: Path
) -> None:
    old, key, _ = old_and_new(services, jira, clips)
    link(jira, "Duplicate", key, old)
    tell(services, jira, key)
    assert LINKED in text(jira, key)
    assert "Confirmed" not in text(jira, key)
    jira.app.extensions["store"].links.clear()
    tell(services, jira, key)
    assert "Linked" not in text(jira, key)
    assert ADVICE in text(jira, key)


def test_a_comment_links_to_the_comparison_and_to_what_scores_mean(
    services: Services, jira: Site, clips: Path
) -> None:
    old, key, _ = old_and_new(services, jira, clips)
    page = f"https://dejabug.example/?q={key}&open={old}"
    assert f"** [Compare the clips|{page}]" in text(jira, key)
    assert "[How scores work|https://dejabug.example/help/score]" in text(jira, key)
    assert "EfficientNet" not in text(jira, key)


def test_a_comment_names_people_as_jira_does_now_and_notifies_nobody(
    services: Services, jira: Site, clips: Path
) -> None:
    (old,) = history(services, jira, clips, COWS[0])
    people(jira)["tester"].name = "[~accountid:admin] *Tess*"
    key = jira.file("GAME", "cows", clips / COWS[2])
    tell(services, jira, key)
    said = text(jira, key)
    assert r"by \[\~accountid:admin\] \*Tess\*" in said
    assert "[~" not in said
    assert "assigned to" not in said
    assigned = {"fields": {"assignee": {"accountId": "admin"}}}
    jira.call("PUT", f"/rest/api/2/issue/{old}", json=assigned)
    tell(services, jira, old, watch=False)  # comments that name it are put right
    assert "· assigned to Ada Admin" in text(jira, key)


def test_nobody_s_name_and_account_is_kept(services: Services, jira: Site, clips: Path) -> None:
    """Jira Cloud wants reports on the accounts that an app keeps: this one keeps none."""
    (old,) = history(services, jira, clips, COWS[0])
    assigned = {"fields": {"assignee": {"accountId": "admin"}}}
    jira.call("PUT", f"/rest/api/2/issue/{old}", json=assigned)
    key = jira.file("GAME", "cows", clips / COWS[2])
    tell(services, jira, old, watch=False)
    tell(services, jira, key)
    assert "Ada Admin" in text(jira, key)
    kept = repr(everything(services))
    assert old in kept
    for name in ("Tess Tester", "Ada Admin"):
        assert name not in kept


def everything(services: Services) -> list[Any]:
    """All that Redis has, but for queued jobs, which carry ids alone."""
    redis, read = services.redis, []
    for name in redis.scan_iter("dejabug:*"):
        kind = redis.type(name).decode()
        reader = {
            "string": redis.get,
            "hash": redis.hgetall,
            "set": redis.smembers,
            "zset": lambda each: redis.zrange(each, 0, -1),
            "list": lambda each: redis.lrange(each, 0, -1),
        }[kind]
        read.append((name, reader(name)))
    return read
