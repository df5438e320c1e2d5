"""Jobs that are queued now and then: one row each.

Every worker's housekeeper asks once a minute; a key in Redis that lives as long as the pause
between two jobs lets one of them through. RQ's own cron was looked at: it is a process of its own,
and two of them queue everything twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dejabug.infra.job_queue import enqueue
from dejabug.infra.jobs import LEARN, PROBE_JIRA, PURGE, RECONCILE, REPAIR_INDEX, JobType
from dejabug.infra.locks import take_lease
from dejabug.ingest import reconcile
from dejabug.maintenance import jira_outage, purge
from dejabug.records.retention import DAY
from dejabug.services import Services
from dejabug.worker import learning_schedule


@dataclass(frozen=True)
class PeriodicJob:
    """A job that is queued when it is due and its turn has come.

    Attributes:
        job_id: no second job of this name is queued while one waits or runs.
        turn: the key that is held until the next job may be queued; empty: `is_due` says it all.
        seconds: how long it is held, by the settings; 0: the job is never queued.
        is_due: whether there is anything to do.
        queue: which queue it goes to.
        at_front: whether it goes before all other jobs.
    """

    job: JobType
    job_id: str
    turn: str
    seconds: Callable[[Services], int]
    is_due: Callable[[Services], bool] = lambda _: True
    queue: Callable[[Services], str] = lambda _: "default"
    at_front: bool = False


INDEX_REPAIR = PeriodicJob(
    REPAIR_INDEX, "index-repair", "", lambda _: 1, lambda parts: parts.index_repair.is_due()
)
RECONCILIATION = PeriodicJob(
    RECONCILE, "reconcile", reconcile.TURN, lambda parts: parts.settings.reconcile_minutes * 60
)
RETENTION = PeriodicJob(
    PURGE, "purge", purge.TURN, lambda parts: DAY if parts.settings.retention_days else 0
)
LEARNING = PeriodicJob(
    LEARN,
    "learning",
    learning_schedule.TURN,
    lambda _: learning_schedule.EVERY,
    learning_schedule.is_due,
    learning_schedule.queue_name,
)
JIRA_PROBE = PeriodicJob(
    PROBE_JIRA,
    "hail-jira",
    jira_outage.TURN,
    lambda _: jira_outage.PAUSE,
    lambda parts: parts.jira_outage.jobs_wait(),
    at_front=True,
)
PERIODIC_JOBS = (INDEX_REPAIR, RECONCILIATION, RETENTION, LEARNING, JIRA_PROBE)


def queue_if_due(parts: Services, row: PeriodicJob, *, now: bool = False) -> None:
    """Queue a row's job if it is due, however many workers ask; `now`: whatever its turn. Raises
    redis.RedisError."""
    seconds = row.seconds(parts)
    if not seconds or not row.is_due(parts):
        return
    if not now and row.turn and not take_lease(parts.redis, row.turn, seconds):
        return
    queue = parts.queues.get(row.queue(parts))
    enqueue(queue, row.job, job_id=row.job_id, at_front=row.at_front)
