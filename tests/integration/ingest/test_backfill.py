"""Reading a backlog: interrupting and resuming it, its estimate, and its limit on waiting jobs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dejabug.ingest import backfill
from dejabug.ingest.backfill import TOKEN_LIFE, Progress
from dejabug.jira import client, patient_requests
from dejabug.jira.errors import JiraRefusedError
from dejabug.jira.jql import oldest_first, unix_time, without_order
from dejabug.records.types import ClipStatus
from dejabug.services import Services
from support.command_line import call, words
from support.jira_site import TOKEN, Site
from support.parts import use_jira, use_settings
from support.workers import clips_waiting

JQL = "project = GAME"
# The imported tickets are hours apart, so that a day's margin is a part of a page.
FIRST = datetime(2026, 1, 12, 9, 0, tzinfo=UTC)
SEARCH = "/rest/api/2/search/jql"


def old_ticket(jira: Site, number: int, *files: tuple[str, bytes], **fields: Any) -> str:
    """Import a ticket of the past with its files; its key."""
    created = FIRST + timedelta(hours=5 * number)
    issue = {
        "project": "GAME",
        "summary": f"s{number}",
        "description": "",
        "created": created.strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
        **fields,
    }
    made = jira.call(
        "POST",
        "/rest/standin/import",
        data={"issue": json.dumps(issue)},
        files=[("file", file) for file in files] or [("nothing", ("", b""))],
    )
    return str(made["key"])


@pytest.fixture
def backlog(jira: Site, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """50 tickets, every fifth with a clip, read twenty at a time."""
    monkeypatch.setattr(client, "PAGE", 20)
    clip = ("a.mp4", b"clip")
    return [old_ticket(jira, n, *([clip] if n % 5 == 0 else [])) for n in range(50)]


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, none of which takes any time."""
    pauses: list[float] = []
    monkeypatch.setattr(patient_requests, "sleep", pauses.append)
    monkeypatch.setattr(backfill, "sleep", pauses.append)
    return pauses


def broken_off(services: Services) -> None:
    """Read one page, and no further."""
    steps = services.backfill.run(JQL)
    next(steps)
    steps.close()


def issues(steps: Iterator[Progress]) -> list[int]:
    return [step.issues for step in steps]


def searches(jira: Site) -> list[str]:
    """The JQL of each page that was given, in order."""
    return [
        request["body"]["jql"]
        for request in jira.log()["requests"]
        if request["path"] == SEARCH and request["status"] == 200
    ]


def test_a_ticket_that_leaves_while_pages_are_read_hides_no_other(
    cold_services: Services, data_center: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data Center's pages are counted, and a backlog is read for days."""
    access = client.JiraAccess(data_center.url, data_center.url, None, f"{TOKEN}-bot")
    use_jira(cold_services, client.JiraClient(access))
    monkeypatch.setattr(client, "PAGE", 20)
    keys = [old_ticket(data_center, number) for number in range(50)]
    steps = cold_services.backfill.run(JQL)
    next(steps)
    for key in keys[3:5]:
        data_center.call("DELETE", f"/rest/api/2/issue/{key}", "admin")
    last = list(steps)[-1]
    assert all(cold_services.collections.active.catalogue.issue_by_key(key) for key in keys)
    assert last.issues == 50


def test_every_issue_is_read_once_and_its_clips_are_queued(
    cold_services: Services, backlog: list[str]
) -> None:
    steps = list(cold_services.backfill.run(JQL))
    assert [step.issues for step in steps] == [20, 40, 50]
    assert {step.total for step in steps} == {50}
    assert steps[-1].clips == 10
    assert cold_services.collections.active.catalogue.issue_count() == 50
    assert clips_waiting(cold_services) == 10
    assert cold_services.queues.get("default").count == 0  # nobody gets a comment
    record = cold_services.collections.active.catalogue.issue_by_key(backlog[0])
    assert record is not None
    assert not record.watched


def test_a_backfill_that_was_broken_off_goes_on_where_it_was(
    cold_services: Services, jira: Site, backlog: list[str]
) -> None:
    broken_off(cold_services)
    steps = list(cold_services.backfill.run(JQL))
    assert steps[0].resumed
    assert [step.issues for step in steps] == [20, 40, 50]
    assert len(searches(jira)) == 3
    assert clips_waiting(cold_services) == 10


def test_begun_anew_it_starts_at_the_beginning(cold_services: Services, backlog: list[str]) -> None:
    broken_off(cold_services)
    steps = list(cold_services.backfill.run(JQL, restart=True))
    assert not steps[0].resumed
    assert [step.issues for step in steps] == [20, 40, 50]


def test_a_finished_backfill_begins_anew_and_queues_nothing_twice(
    cold_services: Services, backlog: list[str]
) -> None:
    list(cold_services.backfill.run(JQL))
    steps = list(cold_services.backfill.run(JQL))
    assert not steps[0].resumed
    assert clips_waiting(cold_services) == 10
    assert cold_services.collections.active.catalogue.count(ClipStatus.QUEUED) == 10


def test_a_cursor_that_jira_forgot_costs_a_day_and_not_a_new_beginning(
    cold_services: Services, jira: Site, backlog: list[str]
) -> None:
    broken_off(cold_services)
    jira.fail(path=SEARCH, status=400)
    steps = list(cold_services.backfill.run(JQL))
    # The twentieth is of the sixteenth: what is read twice, from the fifteenth on, counts once.
    window = f'({JQL}) AND created >= "2026-01-15" ORDER BY created ASC'
    assert searches(jira)[1:] == [window] * 2
    assert [step.issues for step in steps] == [20, 33, 50]
    assert steps[-1].clips == 10
    assert cold_services.collections.active.catalogue.issue_count() == 50
    assert clips_waiting(cold_services) == 10


def test_a_cursor_too_old_to_be_trusted_is_not_even_tried(
    cold_services: Services, jira: Site, backlog: list[str]
) -> None:
    broken_off(cold_services)
    (key,) = cold_services.redis.keys("dejabug:backfill:*")
    asked = float(cold_services.redis.hget(key, "asked") or 0)
    cold_services.redis.hset(key, "asked", asked - TOKEN_LIFE - 1)
    assert issues(cold_services.backfill.run(JQL))[-1] == 50
    tokens = [r["body"].get("nextPageToken") for r in jira.log()["requests"] if r["path"] == SEARCH]
    assert tokens == [None, None, "20"]


def test_a_jira_that_refuses_every_page_is_not_asked_for_ever(
    cold_services: Services, jira: Site, backlog: list[str]
) -> None:
    broken_off(cold_services)
    jira.fail(path=SEARCH, status=400, count=99)
    with pytest.raises(JiraRefusedError):
        list(cold_services.backfill.run(JQL))
    jira.call("POST", "/rest/standin/faults", "admin", json={"path": "/nowhere"})
    assert cold_services.redis.keys("dejabug:backfill:*")  # what was read is not forgotten


def test_a_jira_that_asks_for_a_pause_gets_it_and_its_reason_is_told(
    cold_services: Services, jira: Site, backlog: list[str], slept: list[float]
) -> None:
    limit = {"Retry-After": "9", "RateLimit-Reason": "jira-burst-based"}
    jira.fail(path=SEARCH, status=429, headers=limit)
    jira.fail(path=SEARCH, status=503)
    steps = list(cold_services.backfill.run(JQL))
    assert steps[-1].issues == 50
    assert slept == [9, patient_requests.PAUSES[0]]
    told = [step.pause for step in steps if step.pause]
    assert told == [
        "Jira requests a pause (jira-burst-based): waiting 9 s",
        "Jira is unavailable: waiting 2 s",
    ]


def test_many_pauses_that_jira_names_are_all_made(
    cold_services: Services, jira: Site, backlog: list[str], slept: list[float]
) -> None:
    jira.fail(path=SEARCH, status=429, headers={"Retry-After": "0"}, count=12)
    assert issues(cold_services.backfill.run(JQL))[-1] == 50
    assert slept == [patient_requests.SHORTEST_PAUSE] * 12


def test_a_full_queue_makes_it_pause_until_workers_have_done_some(
    cold_services: Services, backlog: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page brings its words' and clips' jobs: 24; more than 30 may not wait."""
    queue, most = cold_services.queues.get("clips"), []

    def drain(seconds: float) -> None:
        assert seconds == backfill.DRAIN_POLL
        most.append(queue.count)
        for job in queue.jobs[:8]:
            job.delete()

    monkeypatch.setattr(backfill, "MOST_WAITING", 30)
    monkeypatch.setattr(backfill, "sleep", drain)
    steps = list(cold_services.backfill.run(JQL))
    assert steps[-1].issues == 50
    assert most
    assert max(most) <= 30 + 24
    waiting = [step for step in steps if step.pause]
    assert len(waiting) == len(most)
    assert all(step.stuck and "dejabug worker clips" in step.pause for step in waiting)


def test_a_wrong_jql_is_refused_at_once(cold_services: Services) -> None:
    with pytest.raises(JiraRefusedError):
        list(cold_services.backfill.run("project ~~ nonsense"))


def test_the_order_of_a_jql_is_ours(cold_services: Services, backlog: list[str]) -> None:
    steps = cold_services.backfill.run(f"{JQL} ORDER BY created DESC")
    next(steps)
    assert cold_services.collections.active.catalogue.issue_by_key(backlog[0]) is not None
    assert cold_services.collections.active.catalogue.issue_by_key(backlog[-1]) is None


@pytest.mark.parametrize(
    ("jql", "where"),
    [
        ("project = A order by key DESC, created", "project = A"),
        ("project = A ORDER   BY rank", "project = A"),
        ('summary ~ "order by" ORDER BY key', 'summary ~ "order by"'),
        (r'summary ~ "a \" order by b"', r'summary ~ "a \" order by b"'),
        ("summary ~ 'order by'", "summary ~ 'order by'"),
        ("ORDER BY created", ""),
        ("component = reorder AND byline = 3", "component = reorder AND byline = 3"),
    ],
)
def test_the_conditions_of_a_jql_are_found(jql: str, where: str) -> None:
    assert without_order(jql) == where
    assert oldest_first(jql) == f"{where} ORDER BY created ASC"


def test_a_window_keeps_the_user_s_own_or_together() -> None:
    jql = oldest_first("project = A OR project = B ORDER BY key", FIRST.timestamp())
    assert jql == ('(project = A OR project = B) AND created >= "2026-01-11" ORDER BY created ASC')
    assert oldest_first("", 0.0) == 'created >= "1969-12-31" ORDER BY created ASC'


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),
    st.integers(-12 * 60, 14 * 60),
    st.integers(-12 * 60, 14 * 60),
)
def test_a_window_begins_before_its_issue_in_every_time_zone(
    local: datetime, written_in: int, asked_in: int
) -> None:
    """Jira reads the day in the zone of the account, whatever zone it wrote the time in."""
    sign, minutes = "-" if written_in < 0 else "+", abs(written_in)
    text = f"{local:%Y-%m-%dT%H:%M:%S}.000{sign}{minutes // 60:02}{minutes % 60:02}"
    created = unix_time(text)
    assert created is not None
    day = oldest_first("", created).split('"')[1]
    begins = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).timestamp() - asked_in * 60
    assert begins <= created


def test_what_is_no_time_is_none() -> None:
    assert unix_time("") is None
    assert unix_time("yesterday") is None
    assert unix_time("2026-01-12T09:00:00.000+0100") == FIRST.timestamp() - 3600


# Dry run


@pytest.fixture
def mixed(jira: Site) -> list[str]:
    """Three tickets with files of several kinds."""
    return [
        old_ticket(jira, 0, ("run.MP4", b"x" * 100), ("shot.png", b"x" * 10)),
        old_ticket(jira, 1, ("loop.gif", b"x" * 50), ("server.log", b"x" * 7)),
        old_ticket(jira, 2, ("big.webm", b"x" * 5_000), ("notes", b"x")),
    ]


def everything_in(services: Services) -> dict[bytes, Any]:
    """All of Redis."""
    return {key: services.redis.dump(key) for key in services.redis.scan_iter()}


def test_a_dry_run_counts_files_by_kind_and_changes_nothing(
    cold_services: Services, jira: Site, mixed: list[str]
) -> None:
    settings = cold_services.settings.model_copy(update={"clip_max_bytes": 1000})
    use_settings(cold_services, settings)
    list(cold_services.backfill.run(f"key = {mixed[0]}"))
    before = everything_in(cold_services)
    seen = list(cold_services.backfill_estimate.run(JQL))[-1]
    assert everything_in(cold_services) == before
    assert (seen.total, seen.issues) == (3, 3)
    found = {name: (kind.files, kind.size) for name, kind in seen.kinds.items()}
    assert found == {
        "mp4": (1, 100), "png": (1, 10), "gif": (1, 50), "log": (1, 7), "webm": (1, 5_000),
        "other": (1, 1),
    }  # fmt: skip
    assert seen.kinds["gif"].clips == 1
    assert seen.kinds["log"].clips == 0
    assert seen.too_large == 1
    assert (seen.new, seen.new_size) == (1, 50)
    assert seen.clips == seen.known + 2
    asked = [r["body"]["fields"] for r in jira.log()["requests"] if r["path"] == SEARCH]
    assert asked[-1] == ["attachment"]


def test_a_dry_run_is_patient_too(
    cold_services: Services, jira: Site, mixed: list[str], slept: list[float]
) -> None:
    jira.fail(path=SEARCH, status=429, headers={"Retry-After": "3"})
    told = {seen.pause for seen in cold_services.backfill_estimate.run(JQL)}
    assert slept == [3]
    assert told == {"Jira requests a pause: waiting 3 s", ""}


# The command


def test_the_command_tells_what_a_dry_run_found(cold_services: Services, mixed: list[str]) -> None:
    answer = call("backfill", JQL, "--dry-run")
    assert answer.exit_code == 0, answer.output
    told = words(answer.output)
    assert "mp4 1 100 bytes 1" in told
    assert "This is a rough guess: no clip was indexed here yet" in told
    assert "Nothing was queued" in told
    cold_services.collections.active.throughput.record(60.0, 100)
    again = words(call("backfill", JQL, "--dry-run").output)
    assert "measured on this installation's last clip." in again


def test_scripts_get_json_and_nothing_else(cold_services: Services, mixed: list[str]) -> None:
    told = json.loads(call("backfill", JQL, "--dry-run", "--json").stdout)
    assert told["issues"] == 3
    assert told["kinds"]["gif"] == {"files": 1, "size": 50, "clips": 1}
    assert told["seconds"]["measured"] == 0
    assert told["seconds"]["low"] <= told["seconds"]["high"]
    done = json.loads(call("backfill", JQL, "--no-wait", "--json").stdout)
    assert (done["issues"], done["queued"]) == (3, told["new"])


def test_ctrl_c_tells_how_to_go_on(
    cold_services: Services, backlog: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = cold_services.jira.search

    def interrupted(jql: str, token: str | None = None, **more: Any) -> Any:
        if token == "20":
            raise KeyboardInterrupt
        return original(jql, token, **more)

    monkeypatch.setattr(cold_services.jira, "search", interrupted)
    answer = call("backfill", JQL)
    assert answer.exit_code == 130
    assert "Interrupted after 20 of about 50 issues" in words(answer.output)
    assert "Run the same command again to resume" in words(answer.output)
    monkeypatch.undo()


def test_without_waiting_and_without_workers_a_full_queue_ends_it(
    cold_services: Services, backlog: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "MOST_WAITING", 30)
    answer = call("backfill", JQL, "--no-wait")
    assert answer.exit_code == 1
    assert "40 issues read so far" in words(answer.output)
    assert "Start a worker (dejabug worker clips) and run this again" in words(answer.output)


def test_a_small_backlog_is_queued_without_waiting(
    cold_services: Services, mixed: list[str]
) -> None:
    answer = call("backfill", JQL, "--no-wait")
    assert answer.exit_code == 0
    assert "clips queued" in words(answer.output)
    assert clips_waiting(cold_services) >= 3
