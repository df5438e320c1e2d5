"""Another encoder: all clips and tickets are embedded again into a collection beside the one that
serves, by its own workers, and then it serves instead.

The work is in jobs, on the new encoder's own queue, so that more workers make it faster and the
workers that answer are left alone. This drives it: it hands out jobs, a few at a time, and waits.
Interrupted, it is begun again and finds in the records what is left.
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

# Held by the one who drives; its life in seconds, beyond which a killed one's counts no more.
LOCK = "dejabug:lock:reembed"
LOCK_LIFE = 180
# Seconds between two looks at how far the workers are.
POLL = 0.5
# Seconds in which a job queues work for the encoders that it has just looked up.
QUEUEING = 0.5


class ChangeError(UserError):
    """The encoder cannot be changed now; the message says what to do."""


@dataclass(frozen=True)
class Progress:
    """How far a change is, what `workers` are at it, and what is waited for, if not for them."""

    counts: Counts
    workers: int
    left: Estimate
    note: str = ""


class EncoderChange:
    """Changes the encoder: fills a candidate's collection, and lets it answer."""

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
        """Embed all that is known under the encoder `name` too; ends when its collection is whole.

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
            # Until then a process may not have known that new tickets go into both.
            time.sleep(max(0.0, begun + active_encoder.KEPT - time.monotonic()))
            for step in self._embed(switch):
                renew()
                yield step

    def swap(self, name: str, *, force: bool = False) -> EncoderSwitch:
        """Let the encoder `name`, which was prepared, serve from now on. Comments stay as they are.

        Raises ChangeError: where it has nobody to answer, lacks something, or lost too many clips
        on the way; with `force` in none of these cases."""
        with self._alone():
            switch = self._switch(name)
            if not force:
                self._check(switch)
            try:
                owed = switch.swap(self._collections.active_encoder)
            except NotServingError as error:
                raise ChangeError(str(error)) from error
        log.info("encoder_swapped", old=switch.old.name, new=name, owed=len(owed))
        # What is left waits where everybody looks now: the queue that workers are scaled by.
        self._queues.get(switch.new.own_queue("clips")).empty()  # type: ignore[no-untyped-call]
        self._scheduler.index_waiting(switch.new)
        for issue_id in owed:
            self._scheduler.suggest(issue_id)
        return switch

    def forget(self, name: str) -> int:
        """Take away all that is kept under an encoder that does not serve; how many keys.

        One that was prepared is given up by that. Raises ChangeError while it serves, or a worker
        has it loaded."""
        with self._alone() as renew:
            collection = self._collections.get(name)
            if self._collections.is_active(collection):
                raise ChangeError(
                    f"{name} serves; let another one serve first: dejabug encoder change"
                )
            if any(self._queues.workers_of(collection).values()):
                raise ChangeError(f"workers have {name} loaded: stop them, then call this again")
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
            raise ChangeError(f"{name} serves already")
        if roles.candidate not in (None, name):
            raise ChangeError(
                f"{roles.candidate} is being prepared: go on with it, or give it up with: "
                f"dejabug encoder forget '{roles.candidate}'"
            )
        new = self._collections.get(name)
        if not new.knows_dimensions():
            raise ChangeError(
                f"no worker has ever loaded {name}. Start one with that encoder's settings, beside "
                "those that serve: dejabug worker clips search. Where it ends, its log says why"
            )
        return EncoderSwitch(self._redis, self._collections.get(roles.active), new)

    def _check(self, switch: EncoderSwitch) -> None:
        counts, workers = switch.counts(), self._queues.workers_of(switch.new)
        if idle := [name for name, count in workers.items() if not count]:
            raise ChangeError(
                f"nobody would answer: no worker of {switch.new.name} is on {' and '.join(idle)}. "
                f"Start one with its settings: dejabug worker {' '.join(idle)}"
            )
        if counts.clips or counts.tickets or switch.missing():
            raise ChangeError(f"{switch.new.name} is not whole yet: dejabug encoder change goes on")
        if doubts := switch.doubts():
            raise ChangeError(
                f"{switch.old.name} serves on, since {', and '.join(doubts)}. Look at the reasons, "
                "try again, or take it as it is with --force"
            )

    def _embed(self, switch: EncoderSwitch, *, again: bool = False) -> Iterator[Progress]:
        """Hand out what is missing until nothing is, and wait until it is done; `again`: clips that
        were lost on the way get another try first."""
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
                yield self._look(switch, "Redis builds the index")
                time.sleep(POLL)
            if not jobs:
                yield step
                return

    def _lost(self, switch: EncoderSwitch) -> Iterator[Callable[[], None]]:
        """What queues each clip that only the new encoder failed on: it may have met a full disk,
        or a Jira that hid it."""
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
            note = "no worker with this encoder's settings: start `dejabug worker clips search`"
        return Progress(counts, workers, left, note)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[Callable[[], None]]:
        """Held by one at a time; gives what is to be called now and then to keep it. Raises
        ChangeError while another one has it."""
        with try_lock(self._redis, LOCK, LOCK_LIFE) as renew:
            if renew is None:
                raise ChangeError(
                    "somebody else changes the encoder at this moment; `dejabug encoder list` "
                    f"shows how far it is. One that was killed is over within {LOCK_LIFE} s"
                )

            def keep() -> None:
                try:
                    renew()
                except LockError:
                    raise ChangeError("this stood still for too long; call it again") from None

            yield keep


def _delete_queue(queue: Queue) -> None:
    """Delete a queue with its jobs, those too that wait for another try or have failed: they have
    no end of their own, or a late one."""
    queue.delete(delete_jobs=True)
    for registry in (
        queue.scheduled_job_registry,
        queue.failed_job_registry,
        queue.finished_job_registry,
    ):
        keys = [Job.key_for(job_id) for job_id in registry.get_job_ids(cleanup=False)]
        queue.connection.delete(registry.key, *keys)
