"""How jobs are put on queues, and when one that failed is run again."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from redis.client import Pipeline
from rq import Queue, Retry
from rq.exceptions import NoSuchJobError
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from dejabug.jira.errors import JiraUnavailableError
from dejabug.metrics import JIRA_PAUSES
from dejabug.tracing import trace_for_job

log = structlog.get_logger()

# Pauses between tries, in seconds: a hiccup costs seconds, a night's outage no ticket.
BACKOFF = (5, 15, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 21600)
# Seconds that a job may take. A clip: its download at a slow 2 MB/s, its decoding, its embedding.
SHORT_JOB = 300
CLIP_JOB = 1800
# Seconds that a finished job is kept: nobody waits for one.
RESULT_TTL = 300
# Jira keeps this many seconds of pause for itself at most; then we try again regardless.
LONGEST_PAUSE = 3600


def enqueue(
    queue: Queue,
    job: Callable[..., Any],
    *arguments: Any,
    job_id: str | None = None,
    timeout: int = SHORT_JOB,
    at_front: bool = False,
    pipeline: Pipeline | None = None,
) -> None:
    """Put a job on a queue, with retries, under the trace of whoever queues it. With `job_id`: not
    if it is waiting there already. `at_front`: before all others, since a person waits."""
    if job_id is not None and _waits(queue, job_id):
        return
    queue.enqueue_call(
        job,
        args=arguments,
        timeout=timeout,
        result_ttl=RESULT_TTL,
        retry=Retry(max=len(BACKOFF), interval=list(BACKOFF)),
        job_id=job_id,
        at_front=at_front,
        meta=trace_for_job(),
        # Arguments are ids; still, the log need not repeat them as RQ's description.
        description=f"{job.__name__}({', '.join(map(str, arguments))})",
        pipeline=pipeline,
    )


def polite(job: Callable[..., Any]) -> Callable[..., Any]:
    """When Jira names a pause (Retry-After), come back after exactly that."""

    @wraps(job)
    def run(*arguments: Any) -> Any:
        try:
            return job(*arguments)
        except JiraUnavailableError as error:
            log.warning("jira_unavailable", why=str(error), reason=error.reason)
            if not error.retry_after:
                raise
            pause = min(math.ceil(error.retry_after), LONGEST_PAUSE)
            JIRA_PAUSES.inc(pause)
            return Retry(max=len(BACKOFF), interval=pause)

    return run


def _waits(queue: Queue, job_id: str) -> bool:
    """Whether this job waits, runs, or will be tried again; its remains are cleared if not."""
    try:
        job = Job.fetch(job_id, connection=queue.connection, serializer=JSONSerializer)
    except NoSuchJobError:
        return False
    live = (JobStatus.QUEUED, JobStatus.STARTED, JobStatus.SCHEDULED, JobStatus.DEFERRED)
    if job.get_status() in live:
        return True
    job.delete()
    return False
