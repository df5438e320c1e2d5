"""Recover the jobs of killed workers, and run maintenance every minute.

This is a thread in each worker. RQ would fork a scheduler, and recover abandoned jobs only between
two jobs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

import redis
import structlog
from rq.scheduler import RQScheduler
from rq.serializers import JSONSerializer

from dejabug.infra.connections import connect
from dejabug.infra.job_queue import QUEUES
from dejabug.infra.logs import Seldom
from dejabug.services import Services
from dejabug.settings import Settings
from dejabug.worker.periodic import PERIODIC_JOBS, queue_if_due
from dejabug.worker.warm_worker import WarmWorker

log = structlog.get_logger()

# Seconds between rounds of maintenance, and between checks for due retries.
MAINTENANCE = 60
SCHEDULING = 1
# Seconds between renewals of the scheduler's locks, which last a minute.
LOCK_RENEWAL = 20


class Housekeeper(threading.Thread):
    """A thread in a worker: it queues due retries, recovers abandoned jobs, and runs or queues
    maintenance. Every worker has one; RQ's locks and the periodic jobs' leases coordinate them.
    """

    def __init__(self, settings: Settings, worker: WarmWorker) -> None:
        super().__init__(name="housekeeper", daemon=True)
        self._services = Services(settings)  # with separate connections
        self._worker = worker
        self._done = threading.Event()
        self._seldom = Seldom()
        self._scheduler = RQScheduler(
            {*QUEUES, *worker.queue_names()},
            connection=connect(settings),
            interval=SCHEDULING,
            serializer=JSONSerializer,
        )

    def run(self) -> None:
        """Run until `stop`. A task that fails is logged and retried, and doesn't block others."""
        locked = maintained = float("-inf")
        while not self._done.wait(SCHEDULING):
            lock = self._scheduler.acquire_locks
            if time.monotonic() - locked > LOCK_RENEWAL and self._succeeds(lock):
                locked = time.monotonic()
            self._succeeds(self._scheduler.enqueue_scheduled_jobs)
            if time.monotonic() - maintained > MAINTENANCE:
                maintained = time.monotonic()
                self._succeeds(self._recover_abandoned_jobs)
                self._succeeds(lambda: self._services.upkeep.run(), "upkeep")
                for row in PERIODIC_JOBS:
                    self._succeeds(partial(queue_if_due, self._services, row), row.job_id)

    def _recover_abandoned_jobs(self) -> None:
        """Put jobs of killed workers back on their queues. RQ calls a job abandoned when its worker
        has sent no heartbeat for `HEARTBEAT_TTL` seconds. With a check every MAINTENANCE seconds,
        the job is back one to two minutes after the kill."""
        self._worker.clean_registries()  # type: ignore[no-untyped-call]

    def _succeeds(self, chore: Callable[[], object], name: str = "") -> bool:
        try:
            chore()
        except Exception as error:  # noqa: BLE001 (one failure must not stop all maintenance)
            kind, name = type(error).__name__, name or chore.__name__
            if self._seldom.due(f"{name} {kind}"):
                log.warning("maintenance_failed", chore=name, error=kind, why=str(error))
            return False
        return True

    def stop(self) -> None:
        """End the thread and release the scheduler's locks."""
        self._done.set()
        self.join()
        try:
            self._scheduler.release_locks()  # type: ignore[no-untyped-call]
        except redis.RedisError as error:
            log.warning("locks_not_released", why=str(error))
