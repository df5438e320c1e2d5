"""Another encoder: all clips and tickets are embedded anew into a collection beside the one that
serves, by its own workers, and then it serves instead.

The work is in jobs, on the new encoder's own queue, so that more workers make it faster and the
workers that answer are left alone. This drives it: it hands out jobs, a few at a time, and waits.
Broken off, it is begun again and finds in the records what is left.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

import structlog
from redis.exceptions import LockError
from rq import Queue
from rq.job import Job

from dejabug.index import drop_indexes
from dejabug.infra.job_queue import EMBEDDING_QUEUES
from dejabug.ingest.backfill import MOST_WAITING
from dejabug.ingest.jobs import queue_clip, queue_suggestion, queue_ticket, queue_waiting
from dejabug.maintenance.encoder_switch import AT_ONCE, Counts, Handover
from dejabug.records import active_encoder
from dejabug.records.active_encoder import NotServingError
from dejabug.records.throughput import Estimate
from dejabug.records.types import ClipStatus
from dejabug.services import Services

log = structlog.get_logger()

# Held by the one who drives; its life in seconds, beyond which a killed one's counts no more.
LOCK = "dejabug:lock:reembed"
LOCK_LIFE = 180
# Seconds between two looks at how far the workers are.
POLL = 0.5
# Seconds in which a job queues work for the encoders that it has just looked up.
QUEUEING = 0.5


class ChangeError(Exception):
    """The encoder cannot be changed now; the message says what to do."""


@dataclass(frozen=True)
class Progress:
    """How far a change is, what `workers` are at it, and what is waited for, if not for them."""

    counts: Counts
    workers: int
    left: Estimate
    note: str = ""


def prepare(place: Services, name: str) -> Iterator[Progress]:
    """Embed all that is known under the encoder `name` too; ends when its collection is whole.

    From the start on, new tickets go into both. Raises ChangeError.
    """
    with _alone(place) as renew:
        hand = _handover(place, name)
        place.serving.prepare(name)
        begun = time.monotonic()
        log.info("reembedding", serving=hand.old.name, next=name)
        queue_waiting(place, hand.new)
        for step in _embed(place, hand, again=True):
            renew()
            yield step
        # Until then a process may not have known that new tickets go into both.
        time.sleep(max(0.0, begun + active_encoder.KEPT - time.monotonic()))
        for step in _embed(place, hand):
            renew()
            yield step


def swap(place: Services, name: str, *, force: bool = False) -> Handover:
    """Let the encoder `name`, which was prepared, serve from now on. Comments stay as they are.

    Raises ChangeError: where it has nobody to answer, lacks something, or lost too many clips on
    the way; with `force` in none of these cases.
    """
    with _alone(place):
        hand = _handover(place, name)
        if not force:
            _check(place, hand)
        try:
            owed = hand.swap(place.serving)
        except NotServingError as error:
            raise ChangeError(str(error)) from error
    log.info("encoder_swapped", old=hand.old.name, new=name, owed=len(owed))
    # What is left waits where everybody looks now: the queue that workers are scaled by.
    place.queue(hand.new.own_queue("clips")).empty()  # type: ignore[no-untyped-call]
    queue_waiting(place, hand.new)
    for issue_id in owed:
        queue_suggestion(place, issue_id)
    return hand


def forget(place: Services, name: str) -> int:
    """Take away all that is kept under an encoder that does not serve; how many keys.

    One that was made ready is given up by that. Raises ChangeError while it serves, or a worker has
    it loaded.
    """
    with _alone(place) as renew:
        kept = place.collection_of(name)
        if place.serves(kept):
            raise ChangeError(f"{name} serves; let another one serve first: dejabug encoder change")
        if any(place.workers_of(kept).values()):
            raise ChangeError(f"workers have {name} loaded: stop them, then call this again")
        if place.serving.roles(now=True).next == name:
            place.serving.give_up()
            # Until then other processes may still queue work for it, which nobody would take.
            time.sleep(active_encoder.KEPT + QUEUEING)
        drop_indexes(place.index_location.connection(), name)
        for queue in EMBEDDING_QUEUES:
            _delete_queue(place.queue(kept.own_queue(queue)))
        gone = 0
        for keys in kept.take_away():
            gone += keys
            renew()
        kept.forget_name()
    log.info("encoder_forgotten", encoder=name, keys=gone)
    return gone


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


def _handover(place: Services, name: str) -> Handover:
    roles = place.serving.roles(now=True)
    if name == roles.serving:
        raise ChangeError(f"{name} serves already")
    if roles.next not in (None, name):
        raise ChangeError(
            f"{roles.next} is made ready just now: go on with it, or give it up with: "
            f"dejabug encoder forget '{roles.next}'"
        )
    new = place.collection_of(name)
    if not new.knows_dimensions():
        raise ChangeError(
            f"no worker has ever loaded {name}. Start one with that encoder's settings, beside "
            "those that serve: dejabug worker clips search. Where it ends, its log says why"
        )
    return Handover(place.redis, place.collection_of(roles.serving), new)


def _check(place: Services, hand: Handover) -> None:
    counts, workers = hand.counts(), place.workers_of(hand.new)
    if idle := [name for name, count in workers.items() if not count]:
        raise ChangeError(
            f"nobody would answer: no worker of {hand.new.name} is on {' and '.join(idle)}. "
            f"Start one with its settings: dejabug worker {' '.join(idle)}"
        )
    if counts.clips or counts.tickets or hand.missing():
        raise ChangeError(f"{hand.new.name} is not whole yet: dejabug encoder change goes on")
    if doubts := hand.doubts():
        raise ChangeError(
            f"{hand.old.name} serves on, since {', and '.join(doubts)}. Look at the reasons, try "
            "again, or take it as it is with --force"
        )


def _embed(place: Services, hand: Handover, *, again: bool = False) -> Iterator[Progress]:
    """Hand out what is missing until nothing is, and wait until it is done; `again`: clips that
    were lost on the way get another try first."""
    while True:
        jobs = 0
        todo = chain(_lost(place, hand) if again else (), _missing(place, hand))
        again = False
        for jobs, job in enumerate(todo, start=1):
            if jobs % AT_ONCE == 1:
                yield from _until_drained(place, hand)
            job()
        while (step := _look(place, hand)).counts.clips or step.counts.tickets:
            yield step
            time.sleep(POLL)
        while not hand.ready():
            yield _look(place, hand, "Redis builds the index")
            time.sleep(POLL)
        if not jobs:
            yield step
            return


def _lost(place: Services, hand: Handover) -> Iterator[Callable[[], None]]:
    """What queues each clip that only the new encoder failed on: it may have met a full disk, or a
    Jira that hid it."""
    for clip in hand.lost():
        hand.new.catalogue.put_clip(replace(clip, status=ClipStatus.QUEUED, reason=""))
        yield partial(queue_clip, place, clip.id, hand.new)


def _missing(place: Services, hand: Handover) -> Iterator[Callable[[], None]]:
    """What queues each ticket and each clip that the new collection lacks."""
    cursor = 0
    while True:
        cursor, issue_ids = place.catalogue.some_issue_ids(cursor, AT_ONCE)
        for issue_id in hand.new.catalogue.want_words(issue_ids):
            yield partial(queue_ticket, place, issue_id, hand.new)
        if cursor == 0:
            break
    missing = hand.missing()
    for start in range(0, len(missing), AT_ONCE):
        for clip_id in hand.take(missing[start : start + AT_ONCE]):
            yield partial(queue_clip, place, clip_id, hand.new)


def _until_drained(place: Services, hand: Handover) -> Iterator[Progress]:
    """While enough jobs wait for the new encoder's workers."""
    queue = place.clips_queue(hand.new)
    yield _look(place, hand)
    while queue.count > MOST_WAITING:
        yield _look(place, hand)
        time.sleep(POLL)


def _look(place: Services, hand: Handover, note: str = "") -> Progress:
    counts, workers = hand.counts(), place.workers_of(hand.new)["clips"]
    left = hand.new.throughput.estimate(max(0, counts.known - counts.done), None, workers)
    if not workers and not note:
        note = "no worker with this encoder's settings: start `dejabug worker clips search`"
    return Progress(counts, workers, left, note)


@contextlib.contextmanager
def _alone(place: Services) -> Iterator[Callable[[], None]]:
    """Held by one at a time; gives what is to be called now and then to keep it. Raises
    ChangeError while another one has it."""
    lock = place.redis.lock(LOCK, timeout=LOCK_LIFE)
    if not lock.acquire(blocking=False):
        raise ChangeError(
            "somebody else changes the encoder at this moment; `dejabug encoder list` shows how "
            f"far it is. One that was killed is over within {LOCK_LIFE} s"
        )

    def renew() -> None:
        try:
            lock.reacquire()
        except LockError:
            raise ChangeError("this stood still for too long; call it again") from None

    try:
        yield renew
    finally:
        with contextlib.suppress(LockError):
            lock.release()
