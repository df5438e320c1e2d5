"""Resumes the waiting jobs as soon as Jira is available again.

Pauses between a job's tries grow to hours, and a weekend's outage outlasts any limited number of
tries. So a job that waits for Jira is retried without limit (`jira/job_retries.py`) and recorded.
While there are such jobs, Jira is probed once a minute, and when it answers all of them are due.
"""

from __future__ import annotations

import time

import redis
import structlog

from dejabug.index import text_of
from dejabug.infra.job_queue import EMBEDDING_QUEUES, QUEUES
from dejabug.ingest.reconcile import TURN as RECONCILE_TURN
from dejabug.jira.client import JiraClient
from dejabug.jira.errors import JiraError
from dejabug.jira.job_retries import WAITS_FOR_JIRA
from dejabug.records.collections import Collections
from dejabug.records.work_queues import WorkQueues

log = structlog.get_logger()

# Held while Jira need not be probed again, and for how many seconds: a little less than the time
# between two rounds of a housekeeper.
TURN, PAUSE = "dejabug:jira-asked", 50


class JiraOutage:
    """Probes an unavailable Jira, and resumes the jobs that wait for it."""

    def __init__(
        self,
        connection: redis.Redis,
        jira: JiraClient,
        collections: Collections,
        queues: WorkQueues,
    ) -> None:
        self._redis = connection
        self._jira = jira
        self._collections = collections
        self._queues = queues

    def jobs_wait(self) -> bool:
        """Whether jobs wait for Jira."""
        return bool(self._redis.exists(WAITS_FOR_JIRA))

    def probe(self) -> None:
        """Ask Jira whether it is back and accepts our account; then all waiting jobs become due,
        and a reconcile finds what webhooks missed."""
        try:
            self._jira.check_account()
        except JiraError as error:
            log.info("jira_still_away", why=str(error))
            return
        due = self.resume()
        self._redis.delete(RECONCILE_TURN)
        log.info("jira_is_back", jobs=due)

    def resume(self) -> int:
        """Make the jobs that wait for Jira due now; returns how many there were."""
        own = [
            collection.own_queue(name)
            for collection in self._collections.receiving
            for name in EMBEDDING_QUEUES
        ]
        registries = [self._queues.get(name).scheduled_job_registry.key for name in (*QUEUES, *own)]
        due, now = 0, int(time.time())  # RQ's scheduler knows whole seconds
        for member in self._redis.smembers(WAITS_FOR_JIRA):
            job_id = text_of(member)
            with self._redis.pipeline(transaction=True) as pipe:
                for key in registries:
                    pipe.zadd(key, {job_id: now}, xx=True, ch=True)
                pipe.hget(f"rq:job:{job_id}", "status")
                *moved, status = pipe.execute()
            if any(moved):
                due += 1
            elif text_of(status) == "started":
                continue  # it has just recorded itself; its worker is about to store its pause
            self._redis.srem(WAITS_FOR_JIRA, job_id)
        return due
