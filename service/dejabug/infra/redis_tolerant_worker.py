"""A worker that waits while Redis takes no writes, and loses no job by it.

RQ's own ends then, with a traceback: at its next heartbeat, when it takes a job, or when it writes
down how one ended. Whoever starts it again starts it in vain, for as long as Redis is full.
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
    """A SimpleWorker that outlasts a Redis that is full, a replica, or without a disk."""

    def outwait(self) -> None:
        """Wait until Redis takes writes, or somebody wants the worker to stop."""
        await_writes(self.connection, self._stays)

    def _stays(self) -> bool:
        self.heartbeat()
        return not self._stop_requested

    def register_birth(self) -> None:
        """As RQ's, once Redis takes it."""
        while True:
            try:
                super().register_birth()  # type: ignore[no-untyped-call]
                return
            except redis.ResponseError as error:
                if refusal(error) is None:
                    raise
                # Without a heartbeat: that would be taken for another worker's of this name.
                await_writes(self.connection)

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """As RQ's; while Redis takes no writes, no job can be taken."""
        while True:
            try:
                return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
            except redis.ResponseError as error:
                if refusal(error) is None:
                    raise
                self.outwait()

    def begin(self, job: Job, queue: Queue) -> bool:
        """Write down that a job is begun; False where Redis refused that, and the job was put back
        once it did no longer."""
        try:
            self.prepare_execution(job)
        except redis.ResponseError as error:
            if refusal(error) is None:
                raise
            self.outwait()
            # The execution was made here and never written down.
            self.execution = None
            with optional():
                InFlightJobs(queue.key, self.connection).put_back(job.id)
            return False
        return True

    def perform_job(self, job: Job, queue: Queue) -> bool:
        """As RQ's; a job of which Redis did not take how it ended is tried again afterwards, like
        any other that failed."""
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

    # What RQ notes of its worker is no reason to end

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """As RQ's; while Redis is full, all that it needs is that the worker's key lives on."""
        try:
            super().heartbeat(timeout, pipeline)
        except redis.ResponseError as error:
            if refusal(error) is None:
                raise
            with optional():
                self.connection.expire(self.key, timeout or self.worker_ttl + 60)

    def set_state(self, state: str, pipeline: Pipeline | None = None) -> None:
        """As RQ's."""
        with optional():
            super().set_state(state, pipeline)

    def check_for_suspension(self, burst: bool) -> None:
        """As RQ's, which writes a heartbeat in passing."""
        with optional():
            super().check_for_suspension(burst)

    def _pubsub_exception_handler(self, exc: Exception, pubsub: Any, pubsub_thread: Any) -> None:
        """As RQ's: without a disk Redis refuses even that a subscriber asks whether it is there,
        and RQ's thread would end."""
        if refusal(exc) is None:
            super()._pubsub_exception_handler(exc, pubsub, pubsub_thread)
        else:
            time.sleep(LOOK)

    def run_maintenance_tasks(self) -> None:
        """As RQ's."""
        with optional():
            super().run_maintenance_tasks()  # type: ignore[no-untyped-call]

    def set_shutdown_requested_date(self) -> None:
        """As RQ's."""
        with optional():
            super().set_shutdown_requested_date()  # type: ignore[no-untyped-call]

    def register_death(self) -> None:
        """As RQ's."""
        with optional():
            super().register_death()  # type: ignore[no-untyped-call]
