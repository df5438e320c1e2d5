"""Reading a backlog in, broken off and resumed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from conftest import Site, clips_waiting
from dejabug import backfill
from dejabug.backfill import read_backlog
from dejabug.catalogue import ClipStatus
from dejabug.jira.errors import JiraRefusedError
from dejabug.rooms import Rooms

JQL = "project = GAME"


@pytest.fixture
def backlog(jira: Site, tmp_path: Path) -> list[str]:
    """250 tickets, every fifth with a clip."""
    clip = tmp_path / "a.mp4"
    clip.write_bytes(b"clip")
    return [jira.file("GAME", f"s{n}", *([clip] if n % 5 == 0 else [])) for n in range(250)]


def test_every_issue_is_read_once_and_its_clips_are_queued(
    cold_place: Rooms, backlog: list[str]
) -> None:
    steps = list(read_backlog(cold_place, JQL))
    assert [step.issues for step in steps] == [100, 200, 250]
    assert steps[-1].clips == 50
    assert cold_place.catalogue.issue_count() == 250
    assert clips_waiting(cold_place) == 50
    assert cold_place.queue("default").count == 0  # nobody gets a comment
    record = cold_place.catalogue.issue_by_key(backlog[0])
    assert record is not None
    assert not record.watched


def test_a_backfill_that_was_broken_off_goes_on_where_it_was(
    cold_place: Rooms, jira: Site, backlog: list[str]
) -> None:
    broken_off = read_backlog(cold_place, JQL)
    next(broken_off)
    broken_off.close()
    asked = len(jira.log()["requests"])
    steps = list(read_backlog(cold_place, JQL))
    assert steps[0].resumed
    assert [step.issues for step in steps] == [100, 200, 250]
    pages = [r for r in jira.log()["requests"][asked:] if r["path"].endswith("/search/jql")]
    assert len(pages) == 2
    assert clips_waiting(cold_place) == 50


def test_a_finished_backfill_begins_anew_and_queues_nothing_twice(
    cold_place: Rooms, backlog: list[str]
) -> None:
    list(read_backlog(cold_place, JQL))
    steps = list(read_backlog(cold_place, JQL))
    assert not steps[0].resumed
    assert clips_waiting(cold_place) == 50
    assert cold_place.catalogue.count(ClipStatus.QUEUED) == 50


def test_a_cursor_that_jira_forgot_costs_a_new_beginning(
    cold_place: Rooms, jira: Site, backlog: list[str]
) -> None:
    broken_off = read_backlog(cold_place, JQL)
    next(broken_off)
    broken_off.close()
    jira.fail(path="/rest/api/2/search/jql", status=400)
    assert list(read_backlog(cold_place, JQL))[-1].issues == 250


def test_a_jira_that_asks_for_a_pause_gets_it(
    cold_place: Rooms, jira: Site, backlog: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(backfill, "time", SimpleNamespace(sleep=slept.append))
    jira.fail(path="/rest/api/2/search/jql", status=429, headers={"Retry-After": "9"})
    jira.fail(path="/rest/api/2/search/jql", status=503)
    assert list(read_backlog(cold_place, JQL))[-1].issues == 250
    assert slept == [9, backfill.PAUSES[1]]


def test_a_wrong_jql_is_refused_at_once(cold_place: Rooms) -> None:
    with pytest.raises(JiraRefusedError):
        list(read_backlog(cold_place, "project ~~ nonsense"))
