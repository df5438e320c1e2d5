"""Queueing jobs, and when a failed job is retried."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import structlog
from redis import Redis
from redis.client import Pipeline
from rq import Queue, Retry
from rq.exceptions import DequeueTimeout, DeserializationError, NoSuchJobError
from rq.intermediate_queue import IntermediateQueue
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from rq.worker import BaseWorker

from dejabug.infra.jobs import JOBS, JobType
from dejabug.infra.tracing import trace_for_job

log = structlog.get_logger()

# The queues, by what waits for their jobs: nothing (default), a ticket (clips), a person (search,
# and previews when the person is looking at the panel).
QUEUES = ("default", "clips", "search", "previews")
# The queues whose jobs need the model. A worker on the others starts without it.
EMBEDDING_QUEUES = ("clips", "search")
# Pauses between retries in seconds: a short failure costs seconds, and after an outage of a night
# no ticket is lost.
BACKOFF = (5, 15, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 21600)
# Callbacks that RQ would also run; our jobs have none.
CALLBACKS = ("_success_callback_name", "_failure_callback_name", "_stopped_callback_name")
# Seconds that a finished job is kept: nobody waits for one.
RESULT_TTL = 300
# Seconds that a failed job is kept for people to inspect. RQ's default of a year is long for a
# traceback, which may contain details of tickets.
FAILURE_TTL = 30 * 24 * 3600
# Seconds between checks of a worker's queues: the longest that a job waits for an idle worker.
LOOK = 0.05
# Moves the first job of the first non-empty queue to its list of taken jobs, like RQ's BLMOVE.
TAKE = """
for _, key in ipairs(KEYS) do
  local job = redis.call('LMOVE', key, key .. ARGV[1], 'LEFT', 'RIGHT')
  if job then return {key, job} end
end
return false
"""


class ReliableQueue(Queue):
    """A queue that doesn't lose a job when its worker dies between taking and starting it.

    RQ moves a taken job to a second list, but only for workers on a single queue: for several
    queues it waits with BLPOP, which removes the job. So this class polls with a script instead.
    """

    @classmethod
    def lpop(
        cls, queue_keys: Sequence[str], timeout: int | None, connection: Redis | None = None
    ) -> tuple[str, Any] | None:
        """The first non-empty queue's key and its first job id. If all are empty: None without a
        `timeout` (seconds), else raises DequeueTimeout after it."""
        if connection is None:
            raise ValueError("a connection is needed")
        take = connection.register_script(TAKE)
        beside = IntermediateQueue.get_intermediate_queue_key("")
        deadline = time.monotonic() + (timeout or 0)
        while True:
            found = take(keys=list(queue_keys), args=[beside])
            if found:
                return found[0], found[1]
            if timeout is None:
                return None
            if time.monotonic() > deadline:
                raise DequeueTimeout(timeout, queue_keys)
            time.sleep(LOOK)

    @property
    def intermediate_queue(self) -> InFlightJobs:
        """Jobs that were taken but not started."""
        return InFlightJobs(self.key, connection=self.connection)


class InFlightJobs(IntermediateQueue):
    """Jobs that were taken but not started. Those that stay here belong to dead workers."""

    def cleanup(self, worker: BaseWorker, queue: Queue) -> None:  # noqa: ARG002 (RQ's signature)
        """Put jobs of dead workers back. They never started, so this is not counted as failure."""
        started = set(queue.started_job_registry.get_job_ids(cleanup=False))
        for job_id in self.get_job_ids():
            if job_id in started or self.set_first_seen(job_id):
                continue
            if not Job.exists(job_id, connection=self.connection):
                self.remove(job_id)
            elif self.should_be_cleaned_up(job_id):
                log.warning("job_put_back", job=job_id, queue=queue.name)
                self.put_back(job_id)

    def put_back(self, job_id: str) -> None:
        """Put a job back at the front of its queue."""
        with self.connection.pipeline(transaction=True) as pipe:
            pipe.lrem(self.key, 1, job_id)
            pipe.lpush(self.queue_key, job_id)
            pipe.delete(self.get_first_seen_key(job_id))
            pipe.execute()


def enqueue(
    queue: Queue,
    job: JobType,
    *arguments: Any,
    job_id: str | None = None,
    at_front: bool = False,
    pipeline: Pipeline | None = None,
) -> None:
    """Put a job on a queue, with retries and the current trace id. With `job_id`: only if no job
    with this id is waiting or running. `at_front`: before all others, since a person waits. Raises
    ValueError for a job that workers would reject."""
    if JOBS.get(job.name) != job:
        raise ValueError(f"{job.name} is not in JOBS: workers would reject this job")
    if job_id is not None and _waits(queue, job_id):
        return
    queue.enqueue_call(
        job.name,
        args=arguments,
        timeout=job.time_limit,
        result_ttl=RESULT_TTL,
        failure_ttl=FAILURE_TTL,
        retry=Retry(max=len(BACKOFF), interval=list(BACKOFF)),
        job_id=job_id,
        at_front=at_front,
        meta=trace_for_job(),
        # RQ's default description would repeat the arguments in its log.
        description=f"{job.function}({', '.join(map(str, arguments))})",
        pipeline=pipeline,
    )


def is_ours(job: Job) -> bool:
    """Whether this is one of our jobs. A job names a function to import and call: without this
    check, anyone who can write to Redis could run any command on the workers."""
    try:
        function = function_of(job.func_name or "")
    except DeserializationError:
        return False
    return function is not None and not any(getattr(job, callback) for callback in CALLBACKS)


def function_of(name: str) -> Callable[..., Any] | None:
    """The function of the job with this name; None if it isn't one of ours."""
    row = JOBS.get(name)
    return None if row is None else getattr(import_module(row.module), row.function)


class NamedJob(Job):
    """A job whose function is looked up in JOBS by its name."""

    @property
    def func(self) -> Callable[..., Any] | None:
        """The function that the job calls."""
        return function_of(self.func_name or "")


def _waits(queue: Queue, job_id: str) -> bool:
    """Whether this job waits, runs, or will be retried. If not, its old record is deleted."""
    try:
        job = Job.fetch(job_id, connection=queue.connection, serializer=JSONSerializer)
    except NoSuchJobError:
        return False
    live = (JobStatus.QUEUED, JobStatus.STARTED, JobStatus.SCHEDULED, JobStatus.DEFERRED)
    if job.get_status() in live:
        return True
    job.delete()
    return False
