"""Redis → a backup, while the service runs.

Each clip and each ticket is read at a single moment, but not all at the same one: what changes
meanwhile is in the backup as before or after the change, never half. A clip whose frames are just
being written is recorded as waiting, so that it is read from Jira after the restore.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import redis

from dejabug.access.tokens import Tokens
from dejabug.index import text_of
from dejabug.ingest.reconcile import WATERMARKS
from dejabug.maintenance.backup.archive import Halves, Pictures, Writer, numbered
from dejabug.maintenance.backup.records import (
    ClipLine,
    CommentLine,
    Counts,
    EncoderLine,
    IssueLine,
    LessonsLine,
    Manifest,
    PlaceLine,
    RulesLine,
    StudioLine,
    TicketLine,
    TokenLine,
    VerdictLine,
)
from dejabug.ranking import Signature, TimedVectors
from dejabug.records.collection import Collection
from dejabug.records.collections import Collections
from dejabug.records.issue_records import IssueRecords
from dejabug.records.learned_parameters import read_learned
from dejabug.records.outbox import PENDING, PENDING_WATCHED
from dejabug.records.throughput import Throughput
from dejabug.records.types import ClipRecord, ClipStatus, IssueRecord

# Lines of one member, vectors, and images of signatures, not counting what its last clip adds:
# 14 MB of the starter's vectors, 5 MB of images.
LINES = 1000
VECTORS = 4096
PICTURES = 32_768
# Called with the name of the current step, how much of it is done, and how much there is.
Tell = Callable[[str, int, int], None]
Item = TypeVar("Item")


class BackupWriter:
    """Writes a backup."""

    def __init__(
        self,
        connection: redis.Redis,
        collections: Collections,
        records: IssueRecords,
        tokens: Tokens,
    ) -> None:
        self._redis = connection
        self._collections = collections
        self._records = records
        self._tokens = tokens

    def write(self, path: Path, tell: Tell) -> Manifest:
        """Write everything worth keeping to `path`, which is complete, or unchanged after an error.

        Raises OSError, redis.RedisError.
        """
        created, counts, everywhere = time.time(), _Counts(), self._collections.indexed()
        with Writer(path) as archive:
            archive.lines("studio.jsonl", [self._studio(counts)])
            verdicts = (VerdictLine(**asdict(each)) for each in self._records.verdicts.all())
            counts.add("verdicts", _write(archive, "verdicts", verdicts))
            counts.add("issues", _write(archive, "issues", self._issues(tell)))
            for number, kept in enumerate(everywhere, start=1):
                folder = f"encoders/{number}"
                self._write_lessons(archive, folder, kept)
                _write_clips(archive, folder, kept, counts, tell)
                self._write_tickets(archive, folder, kept, counts, tell)
            encoders = [self._encoder(kept) for kept in everywhere]
            return archive.finish(created, version("dejabug"), encoders, Counts(**counts))

    def _told(self, what: str, tell: Tell) -> Iterator[str]:
        """The ids of all issues, while reporting progress."""
        total = self._collections.active.catalogue.issue_count()
        tell(what, 0, total)
        for done, issue_id in enumerate(
            self._collections.active.catalogue.every_issue_id(), start=1
        ):
            yield issue_id
            tell(what, done, max(done, total))

    def _issues(self, tell: Tell) -> Iterator[IssueLine]:
        for issue_id in self._told("Issues", tell):
            record, comment = (
                self._collections.active.catalogue.issue(issue_id),
                self._records.comments.comment(issue_id),
            )
            if record is None:
                continue
            yield IssueLine(
                **_of_issue(record),
                words=self._collections.active.catalogue.words(issue_id),
                links=sorted(self._records.verdicts.links_of(issue_id)),
                comment=CommentLine(**{**asdict(comment), "names": [*comment.names]})
                if comment
                else None,
                note=self._records.comments.note(issue_id),
                note_tells_of=sorted(self._records.comments.note_tells_of(issue_id)),
                muted=self._records.comments.muted(issue_id),
            )

    def _write_tickets(
        self, archive: Writer, folder: str, collection: Collection, counts: _Counts, tell: Tell
    ) -> None:
        for number, some in enumerate(_batches(self._told("Tickets' words", tell)), start=1):
            vectors = collection.tickets.vectors(some)
            tags, lines = collection.catalogue.tags_of(some), []
            for issue_id in some:
                record = collection.catalogue.issue(issue_id)
                if record is not None:
                    digest, there = (
                        collection.catalogue.embedded_words(issue_id),
                        issue_id in vectors,
                    )
                    lines.append(
                        TicketLine(
                            issue_id=issue_id,
                            project=record.project,
                            digest=digest,
                            vector=there,
                            tags=tags[issue_id],
                        )
                    )
            rows = [
                vectors[line.issue_id][None].astype(np.float16) for line in lines if line.vector
            ]
            archive.lines(numbered(f"{folder}/tickets", number, ".jsonl"), lines)
            archive.array(
                numbered(f"{folder}/words", number, ".npy"), _joined(rows, collection.dimensions)
            )
            counts.add("tickets", len(rows))

    def _write_lessons(self, archive: Writer, folder: str, collection: Collection) -> None:
        lessons = read_learned(self._redis, collection.name)
        weights: Any = None
        if lessons.calibrations is not None:
            both = (lessons.calibrations.frames, lessons.calibrations.with_words)
            weights = [asdict(curve) for curve in both]
        archive.lines(f"{folder}/lessons.jsonl", [LessonsLine(weights=weights)])

    def _encoder(self, collection: Collection) -> EncoderLine:
        return EncoderLine(
            name=collection.name,
            dimensions=collection.dimensions,
            label=collection.label(),
            pace=Throughput(self._redis, collection.name).measured(),
        )

    def _studio(self, counts: _Counts) -> StudioLine:
        tokens = [
            TokenLine(digest=digest, **asdict(token)) for digest, token in self._tokens.kept()
        ]
        counts.add("tokens", len(tokens))
        cutoffs = self._records.retention.cutoffs()
        marks = self._redis.hgetall(WATERMARKS).items()
        return StudioLine(
            projects=self._collections.active.catalogue.projects(),
            rules={
                key: RulesLine(**asdict(rules))
                for key, rules in self._records.projects.all().items()
            },
            reconciled={text_of(project): float(mark) for project, mark in marks},
            pending=[text_of(each) for each in self._redis.zrange(PENDING, 0, -1)],
            pending_watched=[text_of(each) for each in self._redis.smembers(PENDING_WATCHED)],
            tokens=tokens,
            purged_clips=dict(cutoffs.clips),
            purged_pictures=dict(cutoffs.pictures),
        )


class _Counts(dict[str, int]):
    def add(self, name: str, more: int) -> None:
        self[name] = self.get(name, 0) + more


def _write(archive: Writer, folder: str, lines: Iterator[Any]) -> int:
    """Members of LINES lines each; returns how many lines."""
    total = 0
    for number, some in enumerate(_batches(lines), start=1):
        archive.lines(numbered(folder, number, ".jsonl"), some)
        total += len(some)
    return total


def _batches(items: Iterator[Item]) -> Iterator[list[Item]]:
    while some := list(islice(items, LINES)):
        yield some


def _write_clips(
    archive: Writer, folder: str, collection: Collection, counts: _Counts, tell: Tell
) -> None:
    lines: list[ClipLine] = []
    rows: list[Halves] = []
    grey: list[Pictures] = []
    number = 0

    def flush() -> None:
        nonlocal number
        number += 1
        archive.lines(numbered(f"{folder}/clips", number, ".jsonl"), lines)
        archive.array(
            numbered(f"{folder}/frames", number, ".npy"), _joined(rows, collection.dimensions)
        )
        if grey:
            name = numbered(f"{folder}/signatures", number, ".npy")
            archive.array(name, np.concatenate(grey), packed=True)
        counts.add("clips", len(lines))
        lines.clear()
        rows.clear()
        grey.clear()

    for issue_id in _told_clips(collection, tell):
        for clip in collection.catalogue.clips_of(issue_id):
            line, frames, signature = _clip(collection, clip)
            lines.append(line)
            if frames is not None:
                rows.append(frames.vectors.astype(np.float16))
                counts.add("frames", len(frames.times))
            if signature is not None:
                grey.append(signature.pictures)
            vectors, pictures = sum(map(len, rows)), sum(map(len, grey))
            if len(lines) >= LINES or vectors >= VECTORS or pictures >= PICTURES:
                flush()
    if lines:
        flush()


def _told_clips(collection: Collection, tell: Tell) -> Iterator[str]:
    total = collection.catalogue.issue_count()
    for done, issue_id in enumerate(collection.catalogue.every_issue_id(), start=1):
        yield issue_id
        tell("Clips", done, max(done, total))


def _clip(
    collection: Collection, clip: ClipRecord
) -> tuple[ClipLine, TimedVectors | None, Signature | None]:
    """A clip with all of its frames, and its signature if it has one; or as a waiting one."""
    if clip.status is not ClipStatus.INDEXED:
        return ClipLine(**asdict(clip)), None, None
    where = collection.index.places([clip.id]).get(clip.id)
    frames = collection.index.clip_vectors([clip.id]).get(clip.id)
    if where is None or frames is None or len(frames.times) != clip.frames:
        waits = {**asdict(clip), "status": ClipStatus.QUEUED, "frames": 0, "content": ""}
        return ClipLine(**waits), None, None
    signature = collection.index.signatures([clip.id]).get(clip.id)
    line = ClipLine(
        **asdict(clip),
        place=PlaceLine(**asdict(where)),
        times=frames.times.tolist(),
        signature=None if signature is None else signature.times.tolist(),
    )
    return line, frames, signature


def _joined(rows: Iterable[Halves], dimensions: int) -> Halves:
    return np.concatenate([np.zeros((0, dimensions), np.float16), *rows])


def _of_issue(record: IssueRecord) -> dict[str, Any]:
    """A record's fields by their names in backups."""
    about = asdict(record)
    about["face"] = about.pop("fingerprint")
    return about
