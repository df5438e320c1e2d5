"""Jira is down for a weekend: no job is given up, and all jobs run soon after its return."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from rq.job import Job
from rq.scheduler import RQScheduler
from rq.serializers import JSONSerializer

from dejabug.infra.job_queue import BACKOFF, QUEUES, enqueue
from dejabug.infra.jobs import HANDLE_COMMANDS, SYNC_ISSUE
from dejabug.ingest.reconcile import TURN as RECONCILE_TURN
from dejabug.jira.job_retries import WAITS_FOR_JIRA
from dejabug.maintenance.jira_outage import TURN
from dejabug.services import Services
from dejabug.worker.jobs import hail_jira
from dejabug.worker.periodic import JIRA_PROBE, queue_if_due
from dejabug.worker.warm_worker import WarmWorker
from support.demo_clips import COWS
from support.jira_site import Site
from support.tickets import history
from support.waiting import wait_until
from support.webhooks import send_created
from support.workers import work

# Seconds of a weekend, Friday evening to Monday morning.
WEEKEND = 60 * 3600
ALWAYS = 1_000_000


def away(jira: Site, status: int = 503) -> None:
    jira.fail(path="/rest/api/", status=status, count=ALWAYS)


def back(jira: Site) -> None:
    jira.app.extensions["faults"].clear()


def due_now(services: Services) -> list[str]:
    """Move what is due to its queue, as a housekeeper does each second; ids of what is not."""
    names = list(QUEUES)
    scheduler = RQScheduler(names, connection=services.redis, serializer=JSONSerializer)
    scheduler.acquire_locks()
    scheduler.enqueue_scheduled_jobs()
    scheduler.release_locks()
    return [
        job_id
        for name in names
        for job_id in services.queues.get(name).scheduled_job_registry.get_job_ids()
    ]


def pass_time(services: Services, seconds: float) -> float:
    """Let the next waiting job's pause be over, if it is within so many seconds; how long that
    was. 0: there is none."""
    keys = [services.queues.get(name).scheduled_job_registry.key for name in QUEUES]
    waits = [
        score for key in keys for _, score in services.redis.zrange(key, 0, -1, withscores=True)
    ]
    step = min(waits, default=0.0) - time.time()
    if not waits or step > seconds:
        return 0.0
    for key in keys:
        for job_id, score in services.redis.zrange(key, 0, -1, withscores=True):
            services.redis.zadd(key, {job_id: score - step - 1}, xx=True)
    return max(step, 1.0)


def spend(services: Services, seconds: float) -> int:
    """A housekeeper's and a worker's time without Jira; how many tries there were."""
    left, tries = seconds, 0
    while step := pass_time(services, left):
        left -= step
        due_now(services)
        work(services)
        tries += 1
    return tries


@pytest.mark.parametrize("status", [503, 401])
def test_after_a_weekend_without_jira_a_ticket_s_comment_and_a_command_come_within_minutes(
    services: Services, jira: Site, clips: Path, status: int
) -> None:
    """The comment was about to be written, and the command to be obeyed, when it went away."""
    (old,) = history(services, jira, clips, COWS[0])
    key = jira.file("GAME", "cows", clips / COWS[1])
    send_created(services, jira, key)
    issue_id, old_id = (str(jira.issue(each)["id"]) for each in (key, old))
    said = jira.call("POST", f"/rest/api/2/issue/{old}/comment", json={"body": "/dejabug mute"})
    work_until_comment(services, issue_id)
    away(jira, status)
    enqueue(services.queues.get("default"), HANDLE_COMMANDS, old_id, str(said["id"]))
    work(services)
    tries = spend(services, WEEKEND)
    assert tries > len(BACKOFF)  # more than are counted
    assert all(services.queues.get(name).failed_job_registry.count == 0 for name in QUEUES)
    waiting = due_now(services)
    assert len(waiting) >= 2
    back(jira)
    services.redis.delete(TURN)
    queue_if_due(services, JIRA_PROBE)
    work(services)
    assert due_now(services) == []
    work(services)
    (comment,) = [each for each in jira.comments(key) if each["author"]["accountId"] == "bot"]
    assert f"[{old}|" in comment["body"]
    assert services.records.comments.muted(old_id)
    assert not services.redis.exists(WAITS_FOR_JIRA)


def work_until_comment(services: Services, issue_id: str) -> None:
    """Work until nothing is left to do but this issue's comment."""
    queues = [services.queues.get(name) for name in ("clips", "default")]
    while not (queues[0].count == 0 and done_but_comment(queues[1].jobs, issue_id)):
        worker = WarmWorker(queues, services.redis)
        assert worker.work(burst=True, max_jobs=1, logging_level="WARNING")


def done_but_comment(waiting: list[Job], issue_id: str) -> bool:
    asked = {(job.func_name, *job.args) for job in waiting}
    return asked == {("dejabug.jobs.suggest", issue_id)}


def test_while_jira_is_away_it_is_asked_once_a_minute_and_only_if_somebody_waits(
    services: Services, jira: Site
) -> None:
    queue = services.queues.get("default")
    queue_if_due(services, JIRA_PROBE)
    assert queue.count == 0
    away(jira)
    enqueue(queue, SYNC_ISSUE, "10001", True)
    work(services)
    queue_if_due(services, JIRA_PROBE)
    queue_if_due(services, JIRA_PROBE)
    assert queue.job_ids == ["hail-jira"]
    work(services)
    assert services.redis.scard(WAITS_FOR_JIRA) == 1
    assert len(due_now(services)) == 1
    assert 0 < services.redis.ttl(TURN) < 60


def test_what_waits_for_a_pause_that_jira_named_is_left_to_it(
    services: Services, jira: Site
) -> None:
    queue = services.queues.get("default")
    jira.fail(path="/rest/api/", status=429, headers={"Retry-After": "600"})
    enqueue(queue, SYNC_ISSUE, "10001", True)
    work(services)
    assert services.jira_outage.resume() == 0
    assert len(due_now(services)) == 1


def test_a_job_whose_pause_is_not_written_down_yet_is_looked_at_again(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = services.queues.get("default")
    enqueue(queue, SYNC_ISSUE, "10001", True)
    (job,) = queue.jobs
    services.redis.sadd(WAITS_FOR_JIRA, job.id, "one that is gone")
    job.set_status("started")
    assert services.jira_outage.resume() == 0
    assert services.redis.smembers(WAITS_FOR_JIRA) == {job.id.encode()}


def test_what_webhooks_missed_is_looked_for_as_soon_as_jira_is_back(
    services: Services, jira: Site
) -> None:
    services.redis.set(RECONCILE_TURN, 1)
    away(jira)
    hail_jira()
    assert services.redis.exists(RECONCILE_TURN)
    back(jira)
    hail_jira()
    assert not services.redis.exists(RECONCILE_TURN)


def test_a_worker_s_housekeeper_sees_to_it(start: Any, cold_services: Services, jira: Site) -> None:
    """With real processes: a job that would wait for six hours is done minutes after."""
    key = jira.file("GAME", "cows")
    away(jira)
    send_created_without_jira(cold_services, jira, key)
    (job,) = cold_services.queues.get("default").jobs
    job.number_of_retries = len(BACKOFF)
    job.save()
    start("default")
    wait_until(lambda: cold_services.redis.exists(WAITS_FOR_JIRA))
    (score,) = [
        score
        for _, score in wait_until(
            lambda: cold_services.redis.zrange("rq:scheduled:default", 0, -1, withscores=True)
        )
    ]
    assert score > time.time() + 5 * 3600
    back(jira)
    wait_until(lambda: cold_services.collections.active.catalogue.issue_by_key(key), 150)
    assert Job.exists(job.id, connection=cold_services.redis)


def send_created_without_jira(services: Services, jira: Site, key: str) -> None:
    faults, jira.app.extensions["faults"] = jira.app.extensions["faults"], []
    send_created(services, jira, key)
    jira.app.extensions["faults"] = faults
