"""How jobs are put on queues, and when one that failed is run again."""

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

# Queues by who waits: nobody (default), a ticket (clips), a person (search, and previews when they
# look at the panel).
QUEUES = ("default", "clips", "search", "previews")
# Those whose jobs need the model; a worker on others starts without it.
EMBEDDING_QUEUES = ("clips", "search")
# Pauses between tries, in seconds: a hiccup costs seconds, a night's outage no ticket.
BACKOFF = (5, 15, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 21600)
# Functions that RQ would call beside a job's own; none of ours has any.
CALLBACKS = ("_success_callback_name", "_failure_callback_name", "_stopped_callback_name")
# Seconds that a finished job is kept: nobody waits for one.
RESULT_TTL = 300
# Seconds that a job that was given up is kept for people to look at. RQ's own year is long for a
# traceback, which may tell of tickets.
FAILURE_TTL = 30 * 24 * 3600
# Seconds between two looks at a worker's queues: what a job waits for at most at an idle worker.
LOOK = 0.05
# Moves the first job of the first queue that has one to the list beside it, as RQ's BLMOVE does.
TAKE = """
for _, key in ipairs(KEYS) do
  local job = redis.call('LMOVE', key, key .. ARGV[1], 'LEFT', 'RIGHT')
  if job then return {key, job} end
end
return false
"""


class ReliableQueue(Queue):
    """A queue from which no job is lost when its worker dies between taking and starting it.

    RQ keeps what was taken on a list beside the queue, but only for workers on one queue, since
    Redis waits for several with a command (BLPOP) that keeps nothing. So this looks ever again.
    """

    @classmethod
    def lpop(
        cls, queue_keys: Sequence[str], timeout: int | None, connection: Redis | None = None
    ) -> tuple[str, Any] | None:
        """The first job id of the first of these queues that has one, and that queue's key; None
        without a `timeout` in seconds. Raises DequeueTimeout."""
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
        """What was taken and not started."""
        return InFlightJobs(self.key, connection=self.connection)


class InFlightJobs(IntermediateQueue):
    """Jobs that were taken and not started; after a while, those whose worker has died."""

    def cleanup(self, worker: BaseWorker, queue: Queue) -> None:  # noqa: ARG002 (RQ's signature)
        """Put them back: they never began, so that it counts as no failure."""
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
        """Let another worker take a job, before all others."""
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
    """Put a job on a queue, with retries, under the trace of whoever queues it. With `job_id`: not
    if it is waiting there already. `at_front`: before all others, since a person waits. Raises
    ValueError for a job that workers would refuse."""
    if JOBS.get(job.name) != job:
        raise ValueError(f"{job.name} is not among JOBS: workers would refuse this job")
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
        # Arguments are ids; still, the log need not repeat them as RQ's description.
        description=f"{job.function}({', '.join(map(str, arguments))})",
        pipeline=pipeline,
    )


def is_ours(job: Job) -> bool:
    """Whether a job is one that we queue. A job names a function to import and call: without this
    look, whoever can write to Redis could run any command on the workers."""
    try:
        function = function_of(job.func_name or "")
    except DeserializationError:
        return False
    return function is not None and not any(getattr(job, callback) for callback in CALLBACKS)


def function_of(name: str) -> Callable[..., Any] | None:
    """The function of a job that is queued under this name; None where it is none of ours."""
    row = JOBS.get(name)
    return None if row is None else getattr(import_module(row.module), row.function)


class NamedJob(Job):
    """A job whose function is found by the name under which it was queued."""

    @property
    def func(self) -> Callable[..., Any] | None:
        """What the job calls."""
        return function_of(self.func_name or "")


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
