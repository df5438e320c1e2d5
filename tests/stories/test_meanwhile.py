"""A ticket that changes while it is processed: the later change counts, whatever gets lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from dejabug.index import TicketIndex
from dejabug.jira.client import JiraClient
from dejabug.records.catalogue import Catalogue
from dejabug.records.outbox import PENDING, Outbox
from dejabug.services import Services
from dejabug.worker import jobs
from dejabug.worker.warm_worker import WarmWorker
from support.demo_clips import COWS
from support.jira_site import Site
from support.tickets import history, tell
from support.webhooks import EVENT, body, post
from support.workers import work

LATER = "later words"


def once(
    patch: pytest.MonkeyPatch,
    room: Any,
    name: str,
    what: Callable[[], None],
    *,
    after: bool = False,
) -> None:
    """Have `what` happen before, or after, the first call of a room's function from now on."""
    usual = getattr(room, name)
    happened: list[bool] = []

    def run(*given: Any, **more: Any) -> Any:
        first = not happened
        happened.append(True)
        if first and not after:
            what()
        found = usual(*given, **more)
        if first and after:
            what()
        return found

    patch.setattr(room, name, run)


def sync(services: Services) -> None:
    """Work on webhooks' jobs; nothing is embedded."""
    WarmWorker([services.queues.get("default")], services.redis).work(
        burst=True, logging_level="WARNING"
    )


def webhook(client: FlaskClient, issue_id: str, **changes: Any) -> None:
    """Jira reports an issue."""
    event = body(issue={**EVENT["issue"], "id": issue_id}, **changes)
    assert post(client, event).status_code == 202


MOMENTS = {
    "when it was just read": (JiraClient, "issue", True),
    "before it is written": (Catalogue, "put_issue", False),
    "before its words are": (Catalogue, "put_words", False),
    "before its promise is kept": (Outbox, "acknowledge", False),
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("lost", [False, True])
def test_a_change_that_is_told_of_while_its_ticket_is_synced_is_synced_too(
    cold_services: Services, cold_client: FlaskClient, jira: Site, clips: Path,
    monkeypatch: pytest.MonkeyPatch, moment: str, lost: bool,
) -> None:  # fmt: skip
    """By its own job, or, where that is lost, by the promise that the webhook left."""
    key = jira.file("GAME", "first words")
    issue_id = str(jira.issue(key)["id"])

    def change() -> None:
        jira.call("PUT", f"/rest/api/2/issue/{key}", json={"fields": {"summary": LATER}})
        jira.attach(key, clips / COWS[0])
        webhook(cold_client, issue_id, timestamp=2)
        if lost:
            cold_services.queues.get("default").empty()

    room, name, after = MOMENTS[moment]
    once(monkeypatch, room, name, change, after=after)
    webhook(cold_client, issue_id)
    sync(cold_services)
    if lost:
        assert cold_services.redis.zscore(PENDING, issue_id) is not None
        cold_services.redis.zadd(PENDING, {issue_id: 1.0})  # as if it had waited for long
        cold_services.upkeep.run()
        sync(cold_services)
    assert cold_services.collections.active.catalogue.words(issue_id) == LATER
    assert len(cold_services.collections.active.catalogue.clip_ids_of(issue_id)) == 1
    assert cold_services.redis.zcard(PENDING) == 0


def test_a_deletion_that_is_told_of_while_its_ticket_is_synced_counts(
    cold_services: Services, cold_client: FlaskClient, jira: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = jira.file("GAME", "first words")
    issue_id = str(jira.issue(key)["id"])

    def delete() -> None:
        jira.call("DELETE", f"/rest/api/2/issue/{key}")
        webhook(cold_client, issue_id, webhookEvent="jira:issue_deleted")

    once(monkeypatch, JiraClient, "issue", delete, after=True)
    webhook(cold_client, issue_id)
    sync(cold_services)
    assert cold_services.collections.active.catalogue.issue(issue_id) is None


def test_words_that_change_while_they_are_embedded_are_embedded_as_they_are_now(
    services: Services, jira: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = jira.file("GAME", "Cows in mid-air")
    issue_id = str(jira.issue(key)["id"])
    jobs.sync_issue(issue_id, True)

    def rename() -> None:
        jira.call("PUT", f"/rest/api/2/issue/{key}", json={"fields": {"summary": LATER}})
        jobs.sync_issue(issue_id, True)

    once(monkeypatch, TicketIndex, "write", rename)
    work(services)
    assert not services.collections.active.catalogue.words_wait(issue_id)
    vector = services.collections.active.tickets.vectors([issue_id])[issue_id]
    assert vector @ services.encoder.embed_texts([LATER])[0] == pytest.approx(1, abs=1e-3)


def test_a_ticket_that_moves_while_its_words_are_embedded_is_found_where_it_is_now(
    services: Services, jira: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = jira.file("GAME", "Cows in mid-air")
    issue_id = str(jira.issue(key)["id"])
    jobs.sync_issue(issue_id, True)

    def move() -> None:
        jira.call("POST", f"/rest/standin/issues/{key}/move", json={"project": "SEQUEL"})
        jobs.sync_issue(issue_id, True)

    once(monkeypatch, TicketIndex, "write", move)
    work(services)
    vector = services.collections.active.tickets.vectors([issue_id])[issue_id]
    found = {
        project: [
            each for each, _ in services.collections.active.tickets.nearest(vector, 3, [project])
        ]
        for project in ("GAME", "SEQUEL")
    }
    assert found == {"GAME": [], "SEQUEL": [issue_id]}


@pytest.mark.parametrize("change", ["renamed", "hidden"])
def test_a_ticket_that_changes_while_a_comment_on_another_is_written_is_told_of_as_it_is_now(
    services: Services, jira: Site, clips: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    (old,) = history(services, jira, clips, COWS[0])
    key = jira.file("GAME", "cows", clips / COWS[2])

    jira.app.extensions["store"].users["bot"].levels = ["Secret"]

    def do() -> None:
        fields = {"summary": LATER} if change == "renamed" else {"security": {"name": "Secret"}}
        jira.call("PUT", f"/rest/api/2/issue/{old}", "admin", json={"fields": fields})
        jobs.sync_issue(str(jira.issue(old)["id"]), False)

    once(monkeypatch, JiraClient, "create_comment", do)
    tell(services, jira, key)
    told = [comment["body"] for comment in jira.comments(key)]
    assert (len(told), old in str(told)) == (change == "renamed", change == "renamed")
    assert (LATER in str(told)) == (change == "renamed")
