"""Changes the encoder: separate workers embed all clips and tickets again into a second collection,
which then becomes the active one.

The work is in jobs on the new encoder's own queue, so more workers make it faster and the workers
that answer searches are not slowed down. This code hands out jobs, a few at a time, and waits. If
it is interrupted and run again, it finds in the records what is left.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

import redis
import structlog
from redis.exceptions import LockError
from rq import Queue
from rq.job import Job

from dejabug.index import drop_indexes
from dejabug.infra.errors import UserError
from dejabug.infra.job_queue import EMBEDDING_QUEUES
from dejabug.infra.locks import try_lock
from dejabug.ingest.backfill import MOST_WAITING
from dejabug.ingest.scheduling import Scheduler
from dejabug.maintenance.encoder_switch import AT_ONCE, Counts, EncoderSwitch
from dejabug.records import active_encoder
from dejabug.records.active_encoder import NotServingError
from dejabug.records.collections import Collections
from dejabug.records.throughput import Estimate
from dejabug.records.types import ClipStatus
from dejabug.records.work_queues import WorkQueues

log = structlog.get_logger()

# Held by the running change; expires after this many seconds if its process is killed.
LOCK = "dejabug:lock:reembed"
LOCK_LIFE = 180
# Seconds between two progress checks.
POLL = 0.5
# Seconds within which a job queues work for the encoders that it has just looked up.
QUEUEING = 0.5


class ChangeError(UserError):
    """The encoder cannot be changed now; the message says what to do."""


@dataclass(frozen=True)
class Progress:
    """The progress of a change, how many `workers` do it, and what else it is waiting for."""

    counts: Counts
    workers: int
    left: Estimate
    note: str = ""


class EncoderChange:
    """Changes the encoder: fills a candidate's collection, and makes it the active one."""

    def __init__(
        self,
        connection: redis.Redis,
        collections: Collections,
        queues: WorkQueues,
        scheduler: Scheduler,
    ) -> None:
        self._redis = connection
        self._collections = collections
        self._queues = queues
        self._scheduler = scheduler

    def prepare(self, name: str) -> Iterator[Progress]:
        """Embed everything that is known with the encoder `name` too; ends when its collection is
        complete.

        From the start on, new tickets go into both. Raises ChangeError.
        """
        with self._alone() as renew:
            switch = self._switch(name)
            self._collections.active_encoder.prepare(name)
            begun = time.monotonic()
            log.info("reembedding", serving=switch.old.name, next=name)
            self._scheduler.index_waiting(switch.new)
            for step in self._embed(switch, again=True):
                renew()
                yield step
            # Until then a process may not know that new tickets go into both.
            time.sleep(max(0.0, begun + active_encoder.KEPT - time.monotonic()))
            for step in self._embed(switch):
                renew()
                yield step

    def swap(self, name: str, *, force: bool = False) -> EncoderSwitch:
        """Make the prepared encoder `name` the active one from now on. Comments stay as they are.

        Raises ChangeError if it has no workers, is incomplete, or too many clips failed with it;
        with `force`, in none of these cases."""
        with self._alone():
            switch = self._switch(name)
            if not force:
                self._check(switch)
            try:
                owed = switch.swap(self._collections.active_encoder)
            except NotServingError as error:
                raise ChangeError(str(error)) from error
        log.info("encoder_swapped", old=switch.old.name, new=name, owed=len(owed))
        # Move the remaining jobs to the usual queue, which workers are scaled by.
        self._queues.get(switch.new.own_queue("clips")).empty()  # type: ignore[no-untyped-call]
        self._scheduler.index_waiting(switch.new)
        for issue_id in owed:
            self._scheduler.suggest(issue_id)
        return switch

    def forget(self, name: str) -> int:
        """Delete everything kept under an encoder that is not active; returns how many keys.

        If it was being prepared, that is cancelled. Raises ChangeError while it is active, or a
        worker has it loaded."""
        with self._alone() as renew:
            collection = self._collections.get(name)
            if self._collections.is_active(collection):
                raise ChangeError(
                    f"{name} is the active encoder; switch to another one first: "
                    "dejabug encoder change"
                )
            if any(self._queues.workers_of(collection).values()):
                raise ChangeError(f"workers have {name} loaded: stop them, then run this again")
            if self._collections.active_encoder.roles(now=True).candidate == name:
                self._collections.active_encoder.give_up()
                # Until then other processes may still queue work for it, which nobody would take.
                time.sleep(active_encoder.KEPT + QUEUEING)
            drop_indexes(self._collections.location.connection(), name)
            for queue in EMBEDDING_QUEUES:
                _delete_queue(self._queues.get(collection.own_queue(queue)))
            gone = 0
            for keys in collection.take_away():
                gone += keys
                renew()
            collection.forget_name()
        log.info("encoder_forgotten", encoder=name, keys=gone)
        return gone

    def _switch(self, name: str) -> EncoderSwitch:
        roles = self._collections.active_encoder.roles(now=True)
        if name == roles.active:
            raise ChangeError(f"{name} is already the active encoder")
        if roles.candidate not in (None, name):
            raise ChangeError(
                f"{roles.candidate} is being prepared. Finish that first, or cancel it with: "
                f"dejabug encoder forget '{roles.candidate}'"
            )
        new = self._collections.get(name)
        if not new.knows_dimensions():
            raise ChangeError(
                f"no worker has ever loaded {name}. Start one with that encoder's settings, in "
                "addition to the running ones: dejabug worker search clips. If it stops, see its "
                "log"
            )
        return EncoderSwitch(self._redis, self._collections.get(roles.active), new)

    def _check(self, switch: EncoderSwitch) -> None:
        counts, workers = switch.counts(), self._queues.workers_of(switch.new)
        if idle := [name for name, count in workers.items() if not count]:
            raise ChangeError(
                f"no worker of {switch.new.name} is on {' and '.join(idle)}: searches would fail. "
                f"Start one with its settings: dejabug worker {' '.join(reversed(idle))}"
            )
        if counts.clips or counts.tickets or switch.missing():
            raise ChangeError(
                f"{switch.new.name} is not complete yet; run dejabug encoder change to continue"
            )
        if doubts := switch.doubts():
            raise ChangeError(
                f"{switch.old.name} stays active: {', and '.join(doubts)}. Check the reasons and "
                "try again, or switch anyway with --force"
            )

    def _embed(self, switch: EncoderSwitch, *, again: bool = False) -> Iterator[Progress]:
        """Hand out what is missing until nothing is, and wait until it is done; `again`: retry
        clips that failed with the new encoder first."""
        while True:
            jobs = 0
            todo = chain(self._lost(switch) if again else (), self._missing(switch))
            again = False
            for jobs, job in enumerate(todo, start=1):
                if jobs % AT_ONCE == 1:
                    yield from self._until_drained(switch)
                job()
            while (step := self._look(switch)).counts.clips or step.counts.tickets:
                yield step
                time.sleep(POLL)
            while not switch.ready():
                yield self._look(switch, "Redis is building the index")
                time.sleep(POLL)
            if not jobs:
                yield step
                return

    def _lost(self, switch: EncoderSwitch) -> Iterator[Callable[[], None]]:
        """What queues each clip that failed only with the new encoder: the disk may have been full,
        or Jira may have hidden it."""
        for clip in switch.lost():
            switch.new.catalogue.put_clip(replace(clip, status=ClipStatus.QUEUED, reason=""))
            yield partial(self._scheduler.index_clip, clip.id, switch.new)

    def _missing(self, switch: EncoderSwitch) -> Iterator[Callable[[], None]]:
        """What queues each ticket and each clip that the new collection lacks."""
        cursor = 0
        while True:
            cursor, issue_ids = self._collections.active.catalogue.some_issue_ids(cursor, AT_ONCE)
            for issue_id in switch.new.catalogue.want_words(issue_ids):
                yield partial(self._scheduler.index_ticket, issue_id, switch.new)
            if cursor == 0:
                break
        missing = switch.missing()
        for start in range(0, len(missing), AT_ONCE):
            for clip_id in switch.take(missing[start : start + AT_ONCE]):
                yield partial(self._scheduler.index_clip, clip_id, switch.new)

    def _until_drained(self, switch: EncoderSwitch) -> Iterator[Progress]:
        """While enough jobs wait for the new encoder's workers."""
        queue = self._queues.of(switch.new)
        yield self._look(switch)
        while queue.count > MOST_WAITING:
            yield self._look(switch)
            time.sleep(POLL)

    def _look(self, switch: EncoderSwitch, note: str = "") -> Progress:
        counts, workers = switch.counts(), self._queues.workers_of(switch.new)["clips"]
        left = switch.new.throughput.estimate(max(0, counts.known - counts.done), None, workers)
        if not workers and not note:
            note = "no worker with this encoder's settings: start `dejabug worker search clips`"
        return Progress(counts, workers, left, note)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[Callable[[], None]]:
        """Held by one process at a time; yields a function to call now and then to keep it. Raises
        ChangeError while another process has it."""
        with try_lock(self._redis, LOCK, LOCK_LIFE) as renew:
            if renew is None:
                raise ChangeError(
                    "another process is changing the encoder; `dejabug encoder list` shows its "
                    f"progress. If it was killed, try again in {LOCK_LIFE} s"
                )

            def keep() -> None:
                try:
                    renew()
                except LockError:
                    raise ChangeError("this process paused for too long; run it again") from None

            yield keep


def _delete_queue(queue: Queue) -> None:
    """Delete a queue with its jobs, including those that wait for another try or have failed: these
    expire late or never."""
    queue.delete(delete_jobs=True)
    for registry in (
        queue.scheduled_job_registry,
        queue.failed_job_registry,
        queue.finished_job_registry,
    ):
        keys = [Job.key_for(job_id) for job_id in registry.get_job_ids(cleanup=False)]
        queue.connection.delete(registry.key, *keys)
