"""Recovers the jobs of killed workers, and does what is to be done every minute.

A thread beside each worker: RQ would fork a scheduler, and take back abandoned jobs only between
two jobs of its own."""

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

# Seconds between rounds of maintenance, and between looks for retries that are due.
MAINTENANCE = 60
SCHEDULING = 1
# The scheduler's locks last a minute; they are renewed well within.
LOCK_RENEWAL = 20


class Housekeeper(threading.Thread):
    """Beside a worker: retries that are due go to their queues, abandoned jobs are taken back, and
    maintenance is done or queued. Several workers may have one; RQ's locks and the periodic jobs'
    turns keep them out of each other's way.
    """

    def __init__(self, settings: Settings, worker: WarmWorker) -> None:
        super().__init__(name="housekeeper", daemon=True)
        self._services = Services(settings)  # connections of its own
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
        """Until `stop`. What fails is logged, tried again, and keeps nothing else from its turn."""
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
        """Put jobs back whose worker was killed. RQ calls a job abandoned when its worker has given
        no heartbeat for `HEARTBEAT_TTL` seconds; with MAINTENANCE seconds between two looks, it is
        back one to two minutes after the kill."""
        self._worker.clean_registries()  # type: ignore[no-untyped-call]

    def _succeeds(self, chore: Callable[[], object], name: str = "") -> bool:
        try:
            chore()
        except Exception as error:  # noqa: BLE001 (the house must not go unkept for one bad round)
            kind, name = type(error).__name__, name or chore.__name__
            if self._seldom.due(f"{name} {kind}"):
                log.warning("maintenance_failed", chore=name, error=kind, why=str(error))
            return False
        return True

    def stop(self) -> None:
        """End the thread and give the scheduler's locks back."""
        self._done.set()
        self.join()
        try:
            self._scheduler.release_locks()  # type: ignore[no-untyped-call]
        except redis.RedisError as error:
            log.warning("locks_not_released", why=str(error))
