"""Repairs the index to match the records of clips and tickets, after Redis lost writes.

An append-only file is synced once a second, so a Redis that is killed comes back without its last
second. If records and vectors are in two Redis servers, one may lose what the other keeps: a clip
that should be in the index is missing, a forgotten one is back, or one is in a project that its
issue has left. So the index is compared with the records after each restart of its Redis.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, TypeVar

import redis
import structlog

from dejabug.infra.locks import held, take_lease
from dejabug.infra.tracing import traced
from dejabug.ingest.scheduling import Scheduler
from dejabug.records.catalogue import RESTORING
from dejabug.records.collection import Collection
from dejabug.records.collections import Collections
from dejabug.records.index_location import COMPARED
from dejabug.records.issue_fields import location_of
from dejabug.records.types import ClipRecord, ClipStatus

log = structlog.get_logger()

T = TypeVar("T")

LOCK = "dejabug:lock:index-repair"
# Held for this many seconds, in which an index that lacks clips is not compared again.
TURN = "dejabug:index-repair-turn"
REST = 600
# Up to this many unknown clips may be chance. If more, and over half of the index, are unknown,
# that is not the loss of a second.
FEW = 5
# Clips and tickets read in one round trip.
AT_ONCE = 500


@dataclass
class Repaired:
    """How many clips and tickets were compared, and how many were lost (they are embedded again),
    stray (deleted again) or in another place than their issue (moved)."""

    clips: int = 0
    tickets: int = 0
    lost_clips: int = 0
    lost_tickets: int = 0
    stray: int = 0
    moved: int = 0


class IndexRepair:
    """Compares indexes with the records, and fixes differences."""

    def __init__(
        self,
        connection: redis.Redis,
        collections: Collections,
        scheduler: Scheduler,
    ) -> None:
        self._redis = connection
        self._collections = collections
        self._scheduler = scheduler

    def is_due(self) -> bool:
        """Whether the vectors' Redis was restarted since the last comparison, or lacks clips; the
        latter is reported at most once in REST seconds."""
        if self._redis.exists(RESTORING):
            return False
        run = self._run_of()
        known = self._redis.hgetall(COMPARED)
        there = self._collections.indexed()
        if any(known.get(collection.name.encode()) != run for collection in there):
            return True
        return any(map(lacks, there)) and take_lease(self._redis, TURN, REST)

    def run_job(self) -> None:
        """One round over all collections. Raises redis.RedisError; the job is then retried."""
        for collection in self._collections.indexed():
            report = Repaired()
            for report in self.repair(collection):  # noqa: B007 (the last one counts)
                pass
            tell = log.warning if _found(report) else log.info
            tell("index_compared", encoder=collection.name, **asdict(report))

    def repair(self, collection: Collection) -> Iterator[Repaired]:
        """Compare a collection's index with its records; yields the same report as it grows."""
        report = Repaired()
        with held(self._redis, LOCK):
            run = self._run_of()
            yield from self._clips(collection, report)
            yield from _strays(collection, report)
            yield from self._tickets(collection, report)
            self._redis.hset(COMPARED, collection.name, run)

    def _clips(self, collection: Collection, report: Repaired) -> Iterator[Repaired]:
        """Clips that are lost, and those that are not where their issue is."""
        for some in _some(collection.catalogue.with_status(ClipStatus.INDEXED)):
            there = collection.index.places(clip.id for clip in some)
            for clip in some:
                issue = collection.catalogue.issue(clip.issue_id)
                if issue is None:
                    continue
                if clip.id not in there:
                    report.lost_clips += self._embed_again(collection, clip)
                elif there[clip.id] != location_of(issue):
                    report.moved += self._move(collection, clip)
            report.clips += len(some)
            yield report

    def _embed_again(self, collection: Collection, clip: ClipRecord) -> bool:
        # Not if it was forgotten or purged at this moment.
        if (
            collection.index.holds(clip.id)
            or collection.catalogue.put_outcome(clip.fresh()) is None
        ):
            return False
        with traced():
            self._scheduler.index_clip(clip.id, collection)
            log.warning("clip_lost_from_index", clip=clip.id, encoder=collection.name)
        return True

    def _move(self, collection: Collection, clip: ClipRecord) -> bool:
        with held(self._redis, f"dejabug:lock:issue:{clip.issue_id}"):
            issue = collection.catalogue.issue(clip.issue_id)
            if issue is not None:
                collection.index.move_clip(clip.id, location_of(issue))
            return issue is not None

    def _tickets(self, collection: Collection, report: Repaired) -> Iterator[Repaired]:
        """Tickets whose words are lost, or that are in another project than their issue."""
        for some in _some(collection.catalogue.words_done()):
            there = collection.tickets.places(some)
            for issue_id in some:
                issue = collection.catalogue.issue(issue_id)
                if issue is None:
                    collection.tickets.forget(issue_id)
                elif issue_id not in there:
                    if collection.catalogue.words(issue_id):
                        collection.catalogue.words_lost(issue_id)
                        self._scheduler.index_ticket(issue_id, collection)
                        report.lost_tickets += 1
                elif there[issue_id] != (issue.project, issue.restricted):
                    collection.tickets.move(issue_id, issue.project, restricted=issue.restricted)
                    report.moved += 1
            report.tickets += len(some)
            yield report

    def _run_of(self) -> bytes:
        """Identifies the current start of the vectors' Redis."""
        server: Any = self._collections.location.connection().info("server")
        return str(server["run_id"]).encode()


def lacks(collection: Collection) -> int:
    """How many clips are missing in the index, compared with the records."""
    # Read in this order, so that concurrent writes never look like missing clips.
    said = collection.catalogue.count(ClipStatus.INDEXED)
    return max(0, said - collection.index.clip_count(collection.catalogue.projects()))


def missing_clips(collection: Collection) -> list[ClipRecord]:
    """The clips that should be in the index but are not."""
    if not lacks(collection):
        return []
    said = collection.catalogue.with_status(ClipStatus.INDEXED)
    found = [clip for some in _some(said) for clip in _absent(collection, some)]
    now = collection.catalogue.clips(clip.id for clip in found)
    return _absent(collection, [clip for clip in now.values() if clip.status is ClipStatus.INDEXED])


def _absent(collection: Collection, clips: Sequence[ClipRecord]) -> list[ClipRecord]:
    there = collection.index.places(clip.id for clip in clips)
    return [clip for clip in clips if clip.id not in there]


def _strays(collection: Collection, report: Repaired) -> Iterator[Repaired]:
    """Clips in the index that are unknown or were purged."""
    strays: list[str] = []
    indexed = 0
    for some in _some(collection.index.clip_ids(collection.catalogue.projects())):
        known = collection.catalogue.clips(some)
        indexed += len(some)
        strays += [clip_id for clip_id in some if not _may_stay(known.get(clip_id))]
        yield report
    if len(strays) > FEW and 2 * len(strays) > indexed:
        # More likely the records were lost than so many clips forgotten.
        log.error("index_doubtful", encoder=collection.name, unknown=len(strays), indexed=indexed)
        return
    for clip_id in strays:
        if not _may_stay(collection.catalogue.clip(clip_id)):
            collection.index.forget_clip(clip_id)
            report.stray += 1
    yield report


def _may_stay(clip: ClipRecord | None) -> bool:
    return clip is not None and clip.status is not ClipStatus.PURGED


def _found(report: Repaired) -> bool:
    return bool(report.lost_clips or report.lost_tickets or report.stray or report.moved)


def _some(each: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(each)
    while some := list(islice(rest, AT_ONCE)):
        yield some
