"""Periodic jobs, one row each.

Every worker's housekeeper checks once a minute whether a job is due. A lease in Redis, which lasts
as long as the pause between two jobs, makes sure that only one of them queues it. RQ's cron isn't
used: it is a separate process, and two of them would queue everything twice."""

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
from dejabug.settings import Settings
from dejabug.worker import learning_schedule


@dataclass(frozen=True)
class PeriodicJob:
    """A job that is queued periodically if there is something to do.

    Attributes:
        job_id: no second job with this id is queued while one waits or runs.
        turn: the key of the lease until the next job may be queued; empty if only `is_due` decides.
        seconds: the length of the lease, from the settings; 0: the job is never queued.
        is_due: whether there is anything to do.
        queue: the queue for the job.
        at_front: whether it is queued before all other jobs.
    """

    job: JobType
    job_id: str
    turn: str = ""
    seconds: Callable[[Settings], int] = lambda _: 1
    is_due: Callable[[Services], bool] = lambda _: True
    queue: Callable[[Services], str] = lambda _: "default"
    at_front: bool = False


INDEX_REPAIR = PeriodicJob(
    REPAIR_INDEX,
    job_id="index-repair",
    is_due=lambda services: services.index_repair.is_due(),
)
RECONCILIATION = PeriodicJob(
    RECONCILE,
    job_id="reconcile",
    turn=reconcile.TURN,
    seconds=lambda settings: settings.reconcile_minutes * 60,
)
RETENTION = PeriodicJob(
    PURGE,
    job_id="purge",
    turn=purge.TURN,
    seconds=lambda settings: DAY if settings.retention_days else 0,
)
LEARNING = PeriodicJob(
    LEARN,
    job_id="learning",
    turn=learning_schedule.TURN,
    seconds=lambda _: learning_schedule.EVERY,
    is_due=learning_schedule.is_due,
    queue=learning_schedule.queue_name,
)
JIRA_PROBE = PeriodicJob(
    PROBE_JIRA,
    job_id="hail-jira",
    turn=jira_outage.TURN,
    seconds=lambda _: jira_outage.PAUSE,
    is_due=lambda services: services.jira_outage.jobs_wait(),
    at_front=True,
)
PERIODIC_JOBS = (INDEX_REPAIR, RECONCILIATION, RETENTION, LEARNING, JIRA_PROBE)


def queue_if_due(services: Services, row: PeriodicJob, *, now: bool = False) -> None:
    """Queue a row's job if it is due; safe to call from many workers. `now`: ignore the lease.
    Raises redis.RedisError."""
    seconds = row.seconds(services.settings)
    if not seconds or not row.is_due(services):
        return
    if not now and row.turn and not take_lease(services.redis, row.turn, seconds):
        return
    queue = services.queues.get(row.queue(services))
    enqueue(queue, row.job, job_id=row.job_id, at_front=row.at_front)
