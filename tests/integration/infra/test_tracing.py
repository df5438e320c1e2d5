"""One trace id from a webhook to its comment, in the log lines of real processes."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask.testing import FlaskClient

from dejabug.infra import job_queue
from dejabug.infra.job_queue import enqueue
from dejabug.infra.jobs import JobType
from dejabug.infra.logs import configure_logs
from dejabug.infra.tracing import current_trace, traced
from dejabug.jira.webhook_events import sign
from dejabug.maintenance import upkeep
from dejabug.records.outbox import PENDING
from dejabug.records.types import ClipStatus
from dejabug.services import Services, get_services
from dejabug.worker.warm_worker import WarmWorker
from support.forks import Fork
from support.jira_site import TOKEN, Site
from support.waiting import wait_until
from support.webhooks import SECRET


@pytest.fixture(autouse=True)
def _untraced() -> Any:
    structlog.contextvars.clear_contextvars()
    yield
    structlog.contextvars.clear_contextvars()


def created(client: FlaskClient, jira: Site, key: str) -> str:
    """Send the webhook of a new issue; the id that its answer names."""
    payload = {
        "webhookEvent": "jira:issue_created", "user": {"accountId": "tester"},
        "issue": {"id": jira.issue(key)["id"], "key": key},
    }  # fmt: skip
    body = json.dumps(payload).encode()
    headers = {"X-Hub-Signature": sign(SECRET, body), "X-Request-ID": "not-to-be-taken"}
    answer = client.post("/webhooks/jira", data=body, headers=headers)
    assert answer.status_code == 202
    return answer.headers["X-Request-ID"]


def test_a_webhook_is_followed_through_the_workers_to_its_comment(
    cold_services: Services,
    cold_client: FlaskClient,
    jira: Site,
    clips: Path,
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    old = jira.file("GAME", "unreleased cows", clips / "crafter-01.mov")
    new = jira.file("GAME", "unreleased cows again", clips / "crafter-18.mp4")
    log = tmp_path / "workers.log"
    # No round of repairs, which would read the second issue in before its webhook comes.
    more = {"DEJABUG_LOG_FORMAT": "json", "DEJABUG_RECONCILE_MINUTES": "0"}
    variables = {**os.environ, **environment, **more}
    workers = [Fork(["worker", queue], variables, log) for queue in ("default", "clips")]
    try:
        created(cold_client, jira, old)
        wait_until(
            lambda: cold_services.collections.active.catalogue.count(ClipStatus.INDEXED) == 1
        )
        trace = created(cold_client, jira, new)
        wait_until(lambda: jira.comments(new))
        wait_until(lambda: '"comment_written"' in log.read_text("utf-8"))
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(60)
    text = log.read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]  # each and every line is JSON
    mine = [line for line in lines if line.get("trace") == trace]
    ended = {line["job"] for line in mine if line["event"] == "job_ended"}
    assert {"sync_issue", "index_ticket", "index_clip", "suggest"} <= ended
    events = [line["event"] for line in mine]
    for event in ("issue_synced", "clip_done", "issue_ranked", "comment_written"):
        assert event in events, events
    assert all(line["outcome"] == "done" for line in mine if line["event"] == "job_ended")
    # Nothing else of this ticket was logged under another id.
    assert not [line for line in lines if line.get("issue") == new and line not in mine]
    for secret in ("unreleased", TOKEN, SECRET, "bot@studio.example"):
        assert secret not in text


def work(services: Services, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Run what waits in the queue `default`; the log lines of it, each of which must be JSON."""
    configure_logs("json")
    capsys.readouterr()
    worker = WarmWorker([services.queues.get("default")], services.redis)
    worker.work(burst=True, logging_level="WARNING")
    said = capsys.readouterr()
    return [json.loads(line) for line in (said.out + said.err).splitlines()]


def tell(message: str) -> str:
    """A job: it queues another, or fails with the words of a ticket."""
    if message == "fail":
        raise ValueError("unreleased boss")
    if message == "queue":
        enqueue(get_services().queues.get("default"), TELL, "end")
    return current_trace()


TELL = JobType(f"{__name__}.tell", module=__name__)


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The jobs of this file are among those that workers run."""
    monkeypatch.setattr(job_queue, "JOBS", {**job_queue.JOBS, TELL.name: TELL})


@pytest.mark.usefixtures("ours")
def test_a_job_inherits_the_trace_of_whoever_queues_it_and_hands_it_on(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    with traced("cause-0001"):
        enqueue(services.queues.get("default"), TELL, "queue")
    lines = work(services, capsys)
    assert [(line["trace"], line["job"], line["outcome"], line["ids"]) for line in lines] == [
        ("cause-0001", "tell", "done", ["queue"]),
        ("cause-0001", "tell", "done", ["end"]),
    ]
    assert current_trace() == ""


@pytest.mark.usefixtures("ours")
def test_a_job_that_fails_is_told_of_in_one_line_without_its_error_s_text(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    with traced("cause-0002"):
        enqueue(services.queues.get("default"), TELL, "fail")
        services.queues.get("default").enqueue_call(
            tell, args=("fail",), meta={"trace": "cause-0003"}
        )
    first, second = work(services, capsys)
    told = [(line["trace"], line["outcome"], line["level"]) for line in (first, second)]
    assert told == [("cause-0002", "retried", "warning"), ("cause-0003", "failed", "error")]
    assert (first["error"], first["why"]) == ("ValueError", "")
    assert first["where"][-1].startswith("test_tracing.py:")
    assert "unreleased" not in json.dumps([first, second])
    # A retry goes on under the same trace.
    (number,) = services.queues.get("default").scheduled_job_registry.get_job_ids()
    job = services.queues.get("default").fetch_job(number)
    assert job is not None
    assert job.meta == {"trace": "cause-0002"}


@pytest.mark.usefixtures("ours")
def test_a_job_that_an_older_version_queued_runs_under_a_trace_of_its_own(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    services.queues.get("default").enqueue_call(tell, args=("end",))
    (line,) = work(services, capsys)
    assert line["outcome"] == "done"
    assert re.fullmatch("[0-9a-f]{16}", line["trace"])


def test_a_lost_job_s_promise_goes_on_under_the_webhook_s_trace(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    with traced("cause-0004"), services.redis.pipeline(transaction=True) as pipe:
        services.scheduler.sync_issue("10001", True, pipe)
        pipe.execute()
    services.queues.get("default").empty()
    monkeypatch.setattr(upkeep, "STALE_PROMISE", -1)
    services.upkeep.run()
    (job,) = services.queues.get("default").jobs
    assert job.meta == {"trace": "cause-0004"}
    services.outbox.acknowledge("10001", float(services.redis.zscore(PENDING, "10001") or 0))
    assert services.outbox.trace("10001") == ""


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("build-4711.a", True),
        ("short", False),
        ("x" * 65, False),
        ('say"{}\u00e9-something', False),
    ],
)
def test_a_caller_of_the_api_may_name_the_request_and_each_answer_names_it(
    cold_client: FlaskClient, given: str, taken: bool
) -> None:
    answer = cold_client.get("/api/v1/search?q=cows", headers={"X-Request-ID": given})
    assert answer.status_code == 401
    named = answer.headers["X-Request-ID"]
    assert (named == given) is taken
    assert taken or re.fullmatch("[0-9a-f]{16}", named)
    assert answer.get_json()["trace"] == named
