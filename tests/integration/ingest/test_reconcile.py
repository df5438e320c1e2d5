"""What webhooks missed is found and repaired, and a wrong token loses nothing.

No webhook is registered in these tests' Jira: every event is lost.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dejabug.index import text_of
from dejabug.ingest import reconcile
from dejabug.jira import client
from dejabug.jira.client import JiraAccess
from dejabug.jira.errors import JiraRefusedError, JiraUnavailableError
from dejabug.records.issues import HIDDEN
from dejabug.records.outbox import PENDING
from dejabug.records.types import ClipStatus
from dejabug.records.verdicts import Verdict
from dejabug.services import Services
from dejabug.worker.housekeeping import Housekeeper
from dejabug.worker.jobs import reconcile_job
from dejabug.worker.periodic import RECONCILIATION, queue_if_due
from dejabug.worker.warm_worker import WarmWorker
from support.command_line import call, words
from support.demo_clips import COWS, QUIET
from support.jira_site import TOKEN, Site
from support.parts import use_jira, use_settings
from support.reconciling import reconciled
from support.tickets import history
from support.waiting import wait_until
from support.workers import work

SEARCH = "/rest/api/2/search/jql"
# A word that the sequence of tests' tickets does not have.
NEW_WORDS = "the herd floats above the meadow"


def repair(services: Services) -> dict[str, int]:
    """A round, and the work that it brings; what was repaired."""
    report = reconciled(services)
    assert report.doubt == ""
    work(services)
    return report.repaired


@pytest.fixture
def embedded(services: Services, jira: Site, clips: Path) -> list[str]:
    """Two tickets with a clip each that is in the index, known and looked through."""
    keys = history(services, jira, clips, COWS[0], QUIET)
    assert repair(services) == {}
    return keys


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A clip that is known as one that cannot be read, which takes no time."""
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"no video")
    return path


@pytest.fixture
def known(services: Services, jira: Site, broken: Path) -> list[str]:
    """Two tickets with a clip each, known and looked through; their clips wait."""
    keys = [jira.file("GAME", summary, broken) for summary in ("a herd", "a quiet lake")]
    for key in keys:
        learn(services, key)
    assert reconciled(services).repaired == {}
    return keys


def learn(services: Services, key: str) -> None:
    """What a backfill does."""
    services.issue_sync.take_in(services.jira.issue(key), watch=False)


def names_of(services: Services, key: str) -> list[str]:
    record = services.collections.active.catalogue.issue_by_key(key)
    assert record is not None
    return sorted(
        clip.filename for clip in services.collections.active.catalogue.clips_of(record.id)
    )


def watched(services: Services, key: str) -> bool:
    record = services.collections.active.catalogue.issue_by_key(key)
    return record is not None and record.watched


def test_a_new_issue_is_read_and_gets_its_comment(
    services: Services, jira: Site, clips: Path, embedded: list[str]
) -> None:
    key = jira.file("GAME", "cows", clips / COWS[2])
    assert repair(services) == {"unknown": 1}
    assert names_of(services, key) == [COWS[2]]
    (comment,) = jira.comments(key)
    assert f"[{embedded[0]}|" in comment["body"]
    assert repair(services) == {}


def test_a_clip_that_was_added_is_read_and_its_issue_gets_a_comment(
    services: Services, jira: Site, clips: Path, embedded: list[str]
) -> None:
    jira.attach(embedded[1], clips / COWS[2])
    assert repair(services) == {"clip added": 1}
    assert names_of(services, embedded[1]) == sorted([COWS[2], QUIET])
    assert services.collections.active.catalogue.count(ClipStatus.INDEXED) == 3
    assert watched(services, embedded[1])
    assert len(jira.comments(embedded[1])) == 1
    assert repair(services) == {}


def test_a_clip_that_was_deleted_is_forgotten(
    services: Services, jira: Site, clips: Path, embedded: list[str]
) -> None:
    (clip,) = jira.issue(embedded[1])["fields"]["attachment"]
    jira.call("DELETE", f"/rest/api/2/attachment/{clip['id']}")
    assert repair(services) == {"clip deleted": 1}
    assert names_of(services, embedded[1]) == []
    assert not services.collections.active.index.holds(clip["id"])
    assert not watched(services, embedded[1])
    assert repair(services) == {}


def test_an_issue_that_was_deleted_is_forgotten_whole(
    services: Services, jira: Site, embedded: list[str]
) -> None:
    issue_id = str(jira.issue(embedded[1])["id"])
    jira.call("DELETE", f"/rest/api/2/issue/{embedded[1]}")
    assert repair(services) == {"gone": 1}
    assert services.collections.active.catalogue.issue(issue_id) is None
    assert services.collections.active.catalogue.issue_by_key(embedded[0]) is not None
    assert services.collections.active.index.clip_count(["GAME"]) == 1
    assert repair(services) == {}


def test_an_issue_that_was_moved_takes_its_clips_along(
    services: Services, jira: Site, clips: Path, embedded: list[str]
) -> None:
    """Within the projects that are known; the new one is."""
    history(services, jira, clips, COWS[1], project="SEQUEL")
    assert repair(services) == {}
    jira.call("POST", f"/rest/standin/issues/{embedded[1]}/move", json={"project": "SEQUEL"})
    jira.call("PUT", "/rest/api/2/issue/SEQUEL-2", json={"fields": {}})  # Jira notes the change
    assert repair(services) == {"moved": 1}
    assert services.collections.active.catalogue.issue_by_key(embedded[1]) is None
    assert names_of(services, "SEQUEL-2") == [QUIET]
    assert services.collections.active.index.clip_count(["GAME"]) == 1
    assert repair(services) == {}


def test_words_that_were_edited_are_embedded_anew(
    services: Services, jira: Site, known: list[str]
) -> None:
    jira.call("PUT", f"/rest/api/2/issue/{known[1]}", json={"fields": {"summary": NEW_WORDS}})
    assert repair(services) == {"words": 1}
    record = services.collections.active.catalogue.issue_by_key(known[1])
    assert record is not None
    assert services.collections.active.catalogue.words(record.id).startswith(NEW_WORDS)
    assert not services.collections.active.catalogue.words_wait(record.id)
    assert not record.watched
    assert repair(services) == {}


def test_a_component_and_a_duplicate_link_are_noticed(
    services: Services, jira: Site, known: list[str]
) -> None:
    game = {"fields": {"components": [{"name": "Meadows"}]}}
    jira.call("PUT", f"/rest/api/2/issue/{known[0]}", json=game)
    assert repair(services) == {"component": 1}
    ends = {"inwardIssue": {"key": known[0]}, "outwardIssue": {"key": known[1]}}
    jira.call("POST", "/rest/api/2/issueLink", json={"type": {"name": "Duplicate"}, **ends})
    assert repair(services) == {"link": 2}
    assert repair(services) == {}


def test_an_old_ticket_that_was_never_read_in_gets_no_comment(
    services: Services, jira: Site, broken: Path, known: list[str]
) -> None:
    """Edited just now, so that the sweep sees it; but it is no new ticket, nor is its clip new."""
    key = jira.file("GAME", "cows", broken)
    issue = jira.app.extensions["store"].find(key, jira.app.extensions["store"].users["admin"])
    issue.created = issue.attachments[0].created = "2026-01-12T09:00:00.000+0000"
    assert repair(services) == {"unknown": 1}
    assert names_of(services, key) == ["broken.mp4"]
    assert not watched(services, key)
    assert jira.comments(key) == []


def test_a_clip_that_another_encoder_knew_is_no_new_clip(
    services: Services, jira: Site, known: list[str]
) -> None:
    record = services.collections.active.catalogue.issue_by_key(known[0])
    assert record is not None
    (clip,) = services.collections.active.catalogue.clips_of(record.id)
    issue = services.jira.issue(record.id)
    assert services.reconciler.missed(issue) is None
    services.redis.delete(f"dejabug:clip:{services.collections.active.catalogue._slug}:{clip.id}")
    assert services.reconciler.missed(issue) == "clip added"
    assert reconciled(services).repaired == {"clip added": 1}
    work(services)
    assert not watched(services, known[0])


def test_what_is_promised_already_is_not_promised_twice(
    services: Services, jira: Site, broken: Path, known: list[str]
) -> None:
    jira.file("GAME", "cows", broken)
    assert reconciled(services).repaired == {"unknown": 1}
    assert reconciled(services).repaired == {}
    assert services.queues.get("default").count == 1


# Nothing is lost by a wrong token


def hide_project(jira: Site) -> None:
    jira.app.extensions["store"].users["bot"].projects = []


def hide_issues(jira: Site) -> None:
    for issue in jira.app.extensions["store"].issues.values():
        issue.security = "Secret"


def take_the_token(jira: Site) -> None:
    jira.app.extensions["store"].users["bot"].token = "another"


@pytest.mark.parametrize("hide", [hide_project, hide_issues])
def test_issues_that_are_all_hidden_are_not_taken_for_deleted(
    services: Services, jira: Site, known: list[str], hide: Callable[[Site], None]
) -> None:
    hide(jira)
    report = reconciled(services)
    assert "can't see any issue of the project GAME" in report.doubt
    assert report.repaired == {}
    work(services)
    assert all(services.collections.active.catalogue.issue_by_key(key) is not None for key in known)


def test_more_than_half_of_the_issues_gone_at_once_are_not_believed(
    services: Services, jira: Site, known: list[str]
) -> None:
    keys = [jira.file("GAME", f"s{n}") for n in range(9)]
    for key in keys:
        learn(services, key)
    for key in keys[:6]:
        jira.call("DELETE", f"/rest/api/2/issue/{key}")
    report = reconciled(services)
    assert "6 of 11 known issues" in report.doubt
    assert services.queues.get("default").count == 0
    assert services.collections.active.catalogue.issue_count() == 11


def test_a_token_that_has_run_out_loses_nothing(
    services: Services, jira: Site, known: list[str]
) -> None:
    take_the_token(jira)
    with pytest.raises(JiraRefusedError):
        reconciled(services)
    reconcile_job()
    work(services)
    assert services.collections.active.catalogue.issue_count() == 2


def test_a_token_that_has_run_out_is_told_even_where_jira_says_not_found(
    services: Services, jira: Site, known: list[str]
) -> None:
    """Jira may answer as for nobody: 404 for each issue, and an answer without issues for many."""
    headers = {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}
    jira.fail(path="/rest/api/2/issue/", status=404, headers=headers)
    with pytest.raises(JiraRefusedError):
        services.jira.issue(known[0])
    jira.fail(path="/rest/api/2/myself", status=401)
    jira.call("DELETE", f"/rest/api/2/issue/{known[1]}")
    with pytest.raises(JiraRefusedError):
        reconciled(services)
    assert services.collections.active.catalogue.issue_count() == 2


# Projects, marks, and Jira away


def mark(services: Services, project: str) -> float:
    return float(services.redis.hget(reconcile.WATERMARKS, project) or 0)


def test_a_project_that_jira_refuses_keeps_its_mark_and_the_others_go_on(
    services: Services, jira: Site, broken: Path, known: list[str]
) -> None:
    learn(services, jira.file("SEQUEL", "s", broken))
    reconciled(services)
    before = {project: mark(services, project) for project in ("GAME", "SEQUEL")}
    jira.fail(path=SEARCH, status=400)
    assert reconciled(services).refused == ["GAME"]
    assert mark(services, "GAME") == before["GAME"]
    assert mark(services, "SEQUEL") > before["SEQUEL"]


def test_a_jira_that_is_away_is_left_for_the_next_round(
    services: Services, jira: Site, broken: Path, known: list[str]
) -> None:
    jira.file("GAME", "cows", broken)
    before = mark(services, "GAME")
    jira.fail(path=SEARCH, status=429, headers={"Retry-After": "30"}, count=2)
    with pytest.raises(JiraUnavailableError):
        reconciled(services)
    reconcile_job()  # ends well, and is not run again by RQ
    assert mark(services, "GAME") == before
    assert not services.redis.exists(reconcile.LOCK)
    assert repair(services) == {"unknown": 1}


def test_a_longer_look_back_finds_what_is_older_than_the_mark(
    services: Services, jira: Site, broken: Path, known: list[str]
) -> None:
    key = jira.file("GAME", "cows", broken)
    store = jira.app.extensions["store"]
    store.find(key, store.users["admin"]).updated = "2026-01-12T09:00:00.000+0000"
    assert reconciled(services).repaired == {}
    assert reconciled(services, since=10 * 365 * 24 * 3600).repaired == {"unknown": 1}


def test_a_project_that_is_switched_off_is_left_alone(
    services: Services, jira: Site, broken: Path, known: list[str]
) -> None:
    from dejabug.records.projects import Rules

    services.records.projects.put("GAME", Rules(mode="off"))
    jira.attach(known[1], broken)
    assert repair(services) == {}


def test_data_center_is_checked_in_its_own_way(
    data_center: Site, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = services.settings.model_copy(update={"jira_url": data_center.url})
    use_settings(services, settings)
    ids = [str(data_center.issue(data_center.file("GAME", f"s{n}"))["id"]) for n in range(3)]
    data_center.call("DELETE", f"/rest/api/2/issue/{ids[1]}")
    assert services.jira.present(ids) == {ids[0], ids[2]}
    asked = [r["body"] for r in data_center.log()["requests"] if r["path"].endswith("/search")]
    assert asked[-1]["validateQuery"] is False


# One at a time, in turn, a share at a time


def test_two_rounds_at_once_are_one(
    services: Services, jira: Site, broken: Path, known: list[str]
) -> None:
    jira.file("GAME", "cows", broken)
    first = services.reconciler.run()
    next(first)
    assert reconciled(services).busy
    reconcile_job()  # ends well, and does nothing
    assert not list(first)[-1].busy
    assert services.queues.get("default").count == 1
    assert not reconciled(services).busy


def test_many_workers_queue_one_round_when_it_is_due(cold_services: Services) -> None:
    for _ in range(3):
        queue_if_due(cold_services, RECONCILIATION)
    assert cold_services.queues.get("default").job_ids == ["reconcile"]
    assert 0 < cold_services.redis.ttl(reconcile.TURN) <= 15 * 60
    work(cold_services)
    queue_if_due(cold_services, RECONCILIATION)
    assert cold_services.queues.get("default").count == 0  # not due yet
    cold_services.redis.delete(reconcile.TURN)
    queue_if_due(cold_services, RECONCILIATION)
    assert cold_services.queues.get("default").count == 1


@pytest.mark.parametrize("stray", [False, True])
def test_a_worker_s_housekeeper_queues_the_rounds(cold_services: Services, stray: bool) -> None:
    if stray:  # what nobody can tidy up keeps it from nothing else
        folder = cold_services.settings.data_dir / "previews" / "no" / "file.mp4"
        folder.mkdir(parents=True)
        os.utime(folder, (0, 0))
    keeper = Housekeeper(
        cold_services.settings,
        WarmWorker([cold_services.queues.get("default")], cold_services.redis),
    )
    keeper.start()
    try:
        wait_until(lambda: cold_services.queues.get("default").job_ids == ["reconcile"], 6)
    finally:
        keeper.stop()


def test_it_can_be_switched_off(cold_services: Services) -> None:
    off = cold_services.settings.model_copy(update={"reconcile_minutes": 0})
    use_settings(cold_services, off)
    queue_if_due(cold_services, RECONCILIATION)
    assert cold_services.queues.get("default").count == 0


def test_every_known_issue_is_checked_in_turn(
    cold_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = {str(number) for number in range(1, 2001)}
    cold_services.redis.sadd("dejabug:issues", *ids)
    asked: list[str] = []

    def present(some: list[str]) -> set[str]:
        assert len(some) <= 100
        asked.extend(some)
        return set(some)

    monkeypatch.setattr(cold_services.jira, "present", present)
    rounds = [reconciled(cold_services).checked]
    while int(cold_services.redis.get(reconcile.CHECKED) or 0):
        rounds.append(reconciled(cold_services).checked)
    assert set(asked) == ids
    assert len(rounds) > 1
    assert max(rounds) < 2 * reconcile.SLICE
    asked.clear()
    reconciled(cold_services, whole=True)
    assert set(asked) == ids


# The command


def test_the_command_says_what_is_repaired(
    services: Services, jira: Site, broken: Path, known: list[str]
) -> None:
    jira.file("GAME", "cows", broken)
    jira.call("DELETE", f"/rest/api/2/issue/{known[1]}")
    answer = call("reconcile")
    assert answer.exit_code == 0, answer.output
    assert "Reading 2 issues again: 1 gone, 1 unknown" in words(answer.output)
    work(services)
    told = json.loads(call("reconcile", "--since", "3d", "--json").stdout)
    assert told["repaired"] == {}
    assert told["checked"] == 2
    assert "Nothing missed" in words(call("reconcile").output)


def test_the_command_says_when_absences_are_not_believed(
    services: Services, jira: Site, known: list[str]
) -> None:
    hide_project(jira)
    answer = call("reconcile")
    assert answer.exit_code == 1
    assert "Nothing was deleted" in words(answer.output)
    assert call("reconcile", "--since", "soon").exit_code == 1


def test_a_new_state_or_security_level_and_a_link_that_is_gone_are_noticed(
    services: Services, jira: Site, embedded: list[str]
) -> None:
    done = {"status": {"name": "Done"}, "resolution": {"name": "Fixed"}}
    jira.call("PUT", f"/rest/api/2/issue/{embedded[0]}", json={"fields": done})
    assert repair(services) == {"status or security": 1}
    ends = {"inwardIssue": {"key": embedded[1]}, "outwardIssue": {"key": embedded[0]}}
    jira.call("POST", "/rest/api/2/issueLink", json={"type": {"name": "Duplicate"}, **ends})
    assert repair(services) == {"link": 2}
    number = jira.issue(embedded[0])["fields"]["issuelinks"][0]["id"]
    jira.call("DELETE", f"/rest/api/2/issueLink/{number}")
    assert repair(services) == {"link": 2}
    assert repair(services) == {}


@pytest.mark.parametrize("touched", [0, 2, 4])
def test_an_issue_that_changes_while_pages_are_read_hides_no_other(
    services: Services, data_center: Site, monkeypatch: pytest.MonkeyPatch, touched: int
) -> None:
    """Data Center's pages are counted, so that one that leaves its place moves all behind it."""
    access = JiraAccess(data_center.url, data_center.url, None, f"{TOKEN}-bot")
    use_jira(services, client.JiraClient(access))
    monkeypatch.setattr(client, "PAGE", 2)
    services.collections.active.catalogue.put_project("GAME")
    issues = data_center.app.extensions["store"].issues
    ids = [str(data_center.issue(data_center.file("GAME", f"{n}"))["id"]) for n in range(5)]
    for hours, issue_id in enumerate(ids):
        issues[issue_id].updated = stamp(time.time() - (10 - hours) * 3600)
    steps = services.reconciler.run()
    next(steps)
    issues[ids[touched]].updated = stamp(time.time())
    for _ in steps:
        pass
    reconciled(services)
    assert {text_of(each) for each in services.redis.zrange(PENDING, 0, -1)} == set(ids)


def stamp(when: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000+0000", time.gmtime(when))


def test_what_was_said_of_a_ticket_that_is_gone_without_a_word_is_let_go_after_a_year(
    services: Services, jira: Site, embedded: list[str]
) -> None:
    gone, stays = (str(jira.issue(key)["id"]) for key in embedded)
    services.records.verdicts.put(Verdict(gone, stays, False, "person"))
    services.records.verdicts.put_links(gone, {stays})
    services.records.comments.mute(gone, True)
    jira.call("DELETE", f"/rest/api/2/issue/{embedded[0]}")
    assert repair(services) == {"gone": 1}
    assert repair(services) == {}
    assert [verdict.first for verdict in services.records.verdicts.all()] == [gone]
    services.redis.zadd(HIDDEN, {gone: 1})
    assert repair(services) == {}
    assert list(services.records.verdicts.all()) == []
    assert not services.records.comments.muted(gone)
    assert not services.redis.exists(HIDDEN)
    lasting = [key for key in services.redis.scan_iter() if services.redis.ttl(key) == -1]
    assert [key for key in lasting if gone.encode() in key] == []


def test_a_ticket_that_came_back_is_not_let_go(
    services: Services, jira: Site, known: list[str]
) -> None:
    """Of one without a clip nothing else notes that it is back."""
    issue_id = str(jira.issue(known[0])["id"])
    services.redis.zadd(HIDDEN, {issue_id: 1})
    repair(services)
    assert services.collections.active.catalogue.issue(issue_id) is not None
    assert not services.redis.exists(HIDDEN)
