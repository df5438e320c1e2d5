"""A worker that waits while Redis rejects writes, and doesn't lose a job.

RQ's own worker exits with a traceback: at its next heartbeat, when it takes a job, or when it
stores a result. Restarting it doesn't help for as long as Redis is full.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import redis
from redis.client import Pipeline
from rq import Queue, SimpleWorker
from rq.job import Job

from dejabug.infra.job_queue import InFlightJobs
from dejabug.infra.refused_writes import LOOK, await_writes, optional, refusal


class RedisTolerantWorker(SimpleWorker):
    """A SimpleWorker that keeps running while Redis is full, a replica, or has no disk."""

    def outwait(self) -> None:
        """Wait until Redis accepts writes or the worker is told to stop."""
        await_writes(self.connection, self._stays)

    def _stays(self) -> bool:
        self.heartbeat()
        return not self._stop_requested

    def register_birth(self) -> None:
        """Like RQ's, but waits until Redis accepts it."""
        while True:
            try:
                super().register_birth()  # type: ignore[no-untyped-call]
                return
            except redis.ResponseError as error:
                if refusal(error) is None:
                    raise
                # Without a heartbeat, which would look like another worker with this name.
                await_writes(self.connection)

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Like RQ's, but waits while Redis rejects writes, since no job can be taken then."""
        while True:
            try:
                return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
            except redis.ResponseError as error:
                if refusal(error) is None:
                    raise
                self.outwait()

    def begin(self, job: Job, queue: Queue) -> bool:
        """Record that a job has started. False if Redis rejected that; the job was put back once
        Redis accepted writes again."""
        try:
            self.prepare_execution(job)
        except redis.ResponseError as error:
            if refusal(error) is None:
                raise
            self.outwait()
            # The execution exists only in this process and was never stored.
            self.execution = None
            with optional():
                InFlightJobs(queue.key, self.connection).put_back(job.id)
            return False
        return True

    def perform_job(self, job: Job, queue: Queue) -> bool:
        """Like RQ's. A job whose result Redis rejected is retried later, like any failed job."""
        try:
            return super().perform_job(job, queue)
        except redis.ResponseError as error:
            if refusal(error) is None:
                raise
            self.outwait()
            self.handle_exception(job, *sys.exc_info())
            with optional():
                self.handle_job_failure(job, queue, queue.started_job_registry, str(error))
            return False

    # RQ's notes about its worker: if Redis rejects one, the worker goes on

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Like RQ's; while Redis is full, it only extends the life of the worker's key."""
        try:
            super().heartbeat(timeout, pipeline)
        except redis.ResponseError as error:
            if refusal(error) is None:
                raise
            with optional():
                self.connection.expire(self.key, timeout or self.worker_ttl + 60)

    def set_state(self, state: str, pipeline: Pipeline | None = None) -> None:
        """Like RQ's."""
        with optional():
            super().set_state(state, pipeline)

    def check_for_suspension(self, burst: bool) -> None:
        """Like RQ's, which also writes a heartbeat."""
        with optional():
            super().check_for_suspension(burst)

    def _pubsub_exception_handler(self, exc: Exception, pubsub: Any, pubsub_thread: Any) -> None:
        """Like RQ's. Without a disk, Redis rejects even a subscriber's ping, and RQ's thread would
        end."""
        if refusal(exc) is None:
            super()._pubsub_exception_handler(exc, pubsub, pubsub_thread)
        else:
            time.sleep(LOOK)

    def run_maintenance_tasks(self) -> None:
        """Like RQ's."""
        with optional():
            super().run_maintenance_tasks()  # type: ignore[no-untyped-call]

    def set_shutdown_requested_date(self) -> None:
        """Like RQ's."""
        with optional():
            super().set_shutdown_requested_date()  # type: ignore[no-untyped-call]

    def register_death(self) -> None:
        """Like RQ's."""
        with optional():
            super().register_death()  # type: ignore[no-untyped-call]
