"""An RQ worker that keeps the model loaded.

RQ's default worker forks for each job. But CUDA can't be initialised again in a child process, and
a model loaded by the parent can't be used there. So this worker loads the model once and runs all
jobs in its own process. It adds what RQ's SimpleWorker lacks: a heartbeat while a job runs (without
it, a killed worker's job would look alive until its time limit), queues that can change, and one
log line per job.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis
import structlog
from rq import Queue, worker_registration
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from dejabug.encoders import EncoderError
from dejabug.index import IndexUnavailableError
from dejabug.infra.job_queue import InFlightJobs, NamedJob, ReliableQueue, is_ours
from dejabug.infra.logs import Seldom
from dejabug.infra.metrics import JOB_SECONDS, JOB_WAIT_SECONDS, JOBS
from dejabug.infra.redis_tolerant_worker import RedisTolerantWorker
from dejabug.infra.tracing import trace_of_job, traced
from dejabug.jira.errors import JiraError
from dejabug.media_store.objects import StoreAwayError

log = structlog.get_logger()

# Seconds between heartbeats while a job runs, and seconds without one until the job is recovered.
HEARTBEAT = 10
HEARTBEAT_TTL = 60
# Seconds after which a killed idle worker no longer counts as a worker.
WORKER_TTL = 90
# Seconds that an idle worker waits for a job before it checks which queues are its own.
LOOK = 5
# Errors whose message is ours or the system's and can be logged. Others may quote a ticket.
TOLD = (
    JiraError,
    IndexUnavailableError,
    EncoderError,
    StoreAwayError,
    redis.RedisError,
    OSError,
)
# The number of innermost calls of an error that are logged.
DEPTH = 8
# The logged outcome of a job, by RQ's status of it; everything else has failed.
OUTCOMES = {
    JobStatus.FINISHED: "done",
    JobStatus.SCHEDULED: "retried",
    JobStatus.QUEUED: "retried",
}


class WarmWorker(RedisTolerantWorker):
    """A worker with heartbeats during jobs, and JSON jobs that can't get lost.

    `current` returns the names of the queues that this worker should work on now, if they can
    change. It is called before each job.
    """

    queue_class = ReliableQueue
    job_class = NamedJob

    def __init__(
        self,
        queues: list[Queue],
        connection: redis.Redis,
        *,
        current: Callable[[], list[str]] | None = None,
    ) -> None:
        super().__init__(
            queues,
            connection=connection,
            serializer=JSONSerializer,
            log_job_description=False,
            worker_ttl=WORKER_TTL,
        )
        self._current = current
        self._failure: dict[str, Any] = {}
        self._seldom = Seldom()

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """The next job of the queues that are this worker's now. RQ alone would wait for minutes on
        the same queues."""
        if self._current is None:
            return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
        burst = timeout is None
        while True:
            self._change_queues()
            found = super().dequeue_job_and_maintain_ttl(timeout, None if burst else LOOK)
            if found is None:
                if burst:
                    return None
                continue
            job, queue = found
            if queue.name in self._change_queues():
                return found
            # Another encoder took over while we waited: the job is for its workers.
            InFlightJobs(queue.key, self.connection).put_back(job.id)

    def _change_queues(self) -> list[str]:
        """Switch to the queues that are ours now, and register them in Redis; returns their
        names."""
        before = self.queues
        try:
            names = self._current() if self._current else []
            if names != self.queue_names():
                with self.connection.pipeline(transaction=True) as pipe:
                    worker_registration.unregister(self, pipe)
                    self.queues = [
                        ReliableQueue(name, connection=self.connection, serializer=JSONSerializer)
                        for name in names
                    ]
                    worker_registration.register(self, pipe)
                    pipe.hset(self.key, "queues", ",".join(names))
                    pipe.execute()
                log.info("worker_changes_queues", queues=names)
        except redis.RedisError as error:
            self.queues = before
            log.warning("queues_not_read", why=str(error))  # RQ waits until Redis is back
        self._ordered_queues = self.queues[:]
        return self.queue_names()

    def prepare_job_execution(
        self,
        job: Job,
        remove_from_intermediate_queue: bool = False,  # noqa: ARG002 (RQ's signature)
    ) -> None:
        """Record in Redis that the job has started, and is no longer only taken."""
        super().prepare_job_execution(job, remove_from_intermediate_queue=True)

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run a job in this process with its trace id, while a thread sends heartbeats."""
        if not is_ours(job):
            log.error("foreign_job_refused", job=job.id, queue=queue.name)
            queue.remove(job)
            queue.intermediate_queue.remove(job.id)
            self.connection.delete(job.key)  # RQ's method would read the job's status first
            return
        name = (job.func_name or "").rpartition(".")[2]
        with traced(trace_of_job(job.meta), job=name):
            if not self.begin(job, queue):
                return
            self._failure = {}
            done = threading.Event()
            beat = threading.Thread(target=self._beat, args=(job, done), daemon=True)
            beat.start()
            started = time.monotonic()
            waited = _seconds_since(job.enqueued_at)
            well = False
            try:
                well = self.perform_job(job, queue)
            finally:
                done.set()
                beat.join()
                self.set_state("idle")
                outcome = OUTCOMES.get(job.get_status(refresh=False), "done" if well else "failed")
                self._tell(job, name, outcome, time.monotonic() - started, waited)

    def handle_exception(self, job: Job, *exc_info: Any) -> None:  # noqa: ARG002 (RQ's signature)
        """Keep a job's error for the log: its type and place, and its message if that can't quote a
        ticket. RQ would log the whole traceback as plain text."""
        error: BaseException = exc_info[1]
        frames = traceback.extract_tb(error.__traceback__)[-DEPTH:]
        where = [f"{Path(each.filename).name}:{each.lineno} {each.name}" for each in frames]
        said = str(error) if isinstance(error, TOLD) else ""
        self._failure = {"error": type(error).__name__, "why": said, "where": where}

    def _tell(self, job: Job, name: str, outcome: str, seconds: float, waited: float) -> None:
        """Count a job that has ended, and log its outcome."""
        JOBS.labels(name, outcome).inc()
        JOB_SECONDS.labels(name).observe(seconds)
        JOB_WAIT_SECONDS.labels(job.origin).observe(waited)
        tell = {"done": log.info, "retried": log.warning}.get(outcome, log.error)
        tell(
            "job_ended",
            outcome=outcome,
            ids=[each for each in job.args if isinstance(each, str)],
            seconds=round(seconds, 3),
            waited=round(waited, 3),
            **self._failure,
        )

    def get_heartbeat_ttl(self, job: Job) -> int:  # noqa: ARG002 (RQ's signature)
        """Seconds without a heartbeat after which the job counts as abandoned."""
        return HEARTBEAT_TTL

    def _beat(self, job: Job, done: threading.Event) -> None:
        while not done.wait(HEARTBEAT):
            if self.execution is None:  # the job has not started yet, or has just ended
                continue
            try:
                self.maintain_heartbeats(job)
            except redis.RedisError as error:
                if self._seldom.due("heartbeat"):
                    log.warning("heartbeat_failed", job=job.id, why=str(error))


def _seconds_since(moment: dt.datetime | None) -> float:
    if moment is None:
        return 0.0
    return max(0.0, (dt.datetime.now(dt.UTC) - moment).total_seconds())
