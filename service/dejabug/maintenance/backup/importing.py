"""A backup → Redis, using the records' own writing, since newer versions may store things
differently.

The file is read twice: once completely to verify it, then to write. What is already there stays, so
an interrupted restore can simply be started again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import redis

from dejabug.access.tokens import ApiToken, Tokens
from dejabug.index import ClipLocation
from dejabug.index.queries import UNIT_TOLERANCE
from dejabug.index.signatures import SIDE
from dejabug.ingest.reconcile import WATERMARKS
from dejabug.maintenance.backup.archive import BackupError, Halves, Reader
from dejabug.maintenance.backup.records import (
    ClipLine,
    Counts,
    EncoderLine,
    IssueLine,
    LessonsLine,
    Manifest,
    StudioLine,
    TicketLine,
    VerdictLine,
)
from dejabug.ranking import Calibration, Calibrations, Signature
from dejabug.records.catalogue import RESTORING
from dejabug.records.collection import Collection
from dejabug.records.collections import Collections
from dejabug.records.comments import CommentRecord
from dejabug.records.issue_records import IssueRecords
from dejabug.records.learned_parameters import LearnedParameters, read_learned, write_learned
from dejabug.records.outbox import PENDING, PENDING_WATCHED
from dejabug.records.projects import Rules
from dejabug.records.retention import Cutoffs
from dejabug.records.throughput import Throughput
from dejabug.records.ticket_words import digest_of
from dejabug.records.types import ClipRecord, ClipStatus, IssueRecord
from dejabug.records.verdicts import Verdict

# The backup that is being restored, so that an interrupted restore can continue.
Tell = Callable[[str, int, int], None]


def check_backup(path: Path, tell: Tell) -> Manifest:
    """Verify a whole backup without writing anything. Raises BackupError."""
    with Reader(path) as archive:
        _check(archive, tell)
        return archive.manifest


class BackupReader:
    """Restores a backup."""

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

    def read(self, path: Path, tell: Tell, *, merge: bool = False) -> Manifest:
        """Restore a backup into an empty Redis; with `merge`, add it to what is there, which stays.

        Raises BackupError before anything is written, and redis.RedisError. After a RedisError, or
        after being killed, the same call continues.
        """
        with Reader(path) as archive:
            _check(archive, tell)
            self._refuse_what_is_there(archive, merge)
            self._redis.set(RESTORING, archive.digest())
            self._restore(archive, tell)
            self._redis.delete(RESTORING)
            return archive.manifest

    def _refuse_what_is_there(self, archive: Reader, merge: bool) -> None:
        known = self._collections.dimensions()
        for encoder in archive.manifest.encoders:
            length = known.get(encoder.name, encoder.dimensions)
            if length != encoder.dimensions:
                raise BackupError(
                    f"the backup's vectors of {encoder.name} have {encoder.dimensions} numbers, "
                    f"but those here have {length}: another model uses the same encoder name"
                )
        under_way = self._redis.get(RESTORING)
        if merge or under_way == archive.digest().encode():
            return
        there = {
            "issues": self._collections.active.catalogue.issue_count(),
            "tokens": len(self._tokens.all()),
            "verdicts": sum(1 for _ in self._records.verdicts.all()),
            "projects with rules": len(self._records.projects.all()),
        }
        if any(there.values()):
            held = ", ".join(f"{count:,} {what}" for what, count in there.items() if count)
            raise BackupError(
                f"this Redis is not empty ({held}). Restore into an empty one, or use --merge to "
                "add what is missing and keep what is there"
            )

    def _restore(self, archive: Reader, tell: Tell) -> None:
        counts, studio = archive.manifest.counts, _studio(archive)
        # First, so that no worker reads clips that were purged.
        for project, before in studio.purged_clips.items():
            self._records.retention.put("clips", project, before)
        for project, before in studio.purged_pictures.items():
            self._records.retention.put("pictures", project, before)
        cutoffs, done = self._records.retention.cutoffs(), 0
        for verdicts in _lines(archive, "verdicts", VerdictLine):
            for verdict in verdicts:
                if self._records.verdicts.of_pair(verdict.first, verdict.second) is None:
                    self._records.verdicts.put(Verdict(**verdict.model_dump()))
        for issues in _lines(archive, "issues", IssueLine):
            for line in issues:
                self._put_issue(line)
            tell("Issues", done := done + len(issues), counts.issues)
        done = 0
        for folder, encoder in _folders(archive):
            self._collections.note_encoder(encoder.name, encoder.dimensions, encoder.label)
            Throughput(self._redis, encoder.name).begin_with(*encoder.pace)
            if read_learned(self._redis, encoder.name) == LearnedParameters():
                write_learned(self._redis, encoder.name, _lessons(archive, folder))
            onto = self._collections.get(encoder.name)
            for clips in _clips(archive, folder, encoder):
                for clip, frames, signature in clips:
                    _put_clip(onto, clip, frames, signature, cutoffs)
                tell("Clips", done := done + len(clips), counts.clips)
            for tickets in _tickets(archive, folder, encoder):
                for ticket, vector in tickets:
                    _put_ticket(onto, ticket, vector)
        self._put_studio(studio)

    def _put_issue(self, line: IssueLine) -> None:
        if self._collections.active.catalogue.issue(line.id) is None:
            # The record last: if a restore is killed before it, all of this is done again.
            self._collections.active.catalogue.put_words(line.id, line.words)
            self._records.verdicts.put_links(line.id, line.links)
            about = line.model_dump(include={field.name for field in fields(IssueRecord)})
            record = IssueRecord(**about, fingerprint=line.face)
            self._collections.active.catalogue.put_issue(record)
        if line.comment is not None and self._records.comments.comment(line.id) is None:
            comment = line.comment
            names = tuple(comment.names)
            self._records.comments.put_comment(
                line.id, CommentRecord(comment.id, comment.digest, comment.strip_id, names)
            )
        if line.note and not self._records.comments.note(line.id):
            self._records.comments.put_note(line.id, line.note, line.note_tells_of)
        if line.muted:
            self._records.comments.mute(line.id, True)

    def _put_studio(self, studio: StudioLine) -> None:
        rules = self._records.projects.all()
        for project in studio.projects:
            self._collections.active.catalogue.put_project(project)
        for project, said in studio.rules.items():
            if project not in rules:
                # A backup of an earlier version may have a threshold below the comment's minimum.
                self._records.projects.put(project, Rules(**said.model_dump()).raised())
        known = {token.id for token in self._tokens.all()}
        for line in studio.tokens:
            if line.id not in known:
                about = line.model_dump(exclude={"digest"})
                self._tokens.keep(
                    line.digest, ApiToken(**{**about, "projects": tuple(line.projects)})
                )
        for project, mark in studio.reconciled.items():
            # The next reconcile round reads everything that happened since the backup.
            held = self._redis.hget(WATERMARKS, project)
            self._redis.hset(WATERMARKS, project, min(mark, float(held or mark)))
        for issue_id in studio.pending:
            self._redis.zadd(PENDING, {issue_id: 0}, nx=True)
        if studio.pending_watched:
            self._redis.sadd(PENDING_WATCHED, *studio.pending_watched)


# Reading the file


def _studio(archive: Reader) -> StudioLine:
    found: list[StudioLine] = (
        archive.lines("studio.jsonl", StudioLine) if archive.has("studio.jsonl") else []
    )
    if len(found) != 1:
        raise BackupError("the backup has no information about its studio")
    return found[0]


def _lines(archive: Reader, folder: str, kind: type[Any]) -> Iterator[list[Any]]:
    for name in archive.numbered(folder, ".jsonl"):
        yield archive.lines(name, kind)


def _clips(
    archive: Reader, folder: str, encoder: EncoderLine
) -> Iterator[list[tuple[ClipLine, Halves, Signature | None]]]:
    """Clips with their frames, float16 [n, dimensions], and their signatures."""
    lines, arrays = (
        archive.numbered(f"{folder}/clips", ".jsonl"),
        archive.numbered(f"{folder}/frames", ".npy"),
    )
    for name, array in _side_by_side(lines, arrays):
        clips: list[ClipLine] = archive.lines(name, ClipLine)
        rows = _units(archive.array(array, encoder.dimensions), array)
        counts = [len(clip.times) for clip in clips]
        if sum(counts) != len(rows):
            raise BackupError(f"the number of frames in {array} does not match {name}")
        for clip, count in zip(clips, counts, strict=True):
            indexed = clip.status is ClipStatus.INDEXED
            if indexed != (count > 0) or indexed != (clip.place is not None):
                raise BackupError(f"{name}: clip {clip.id} is {clip.status} with {count} frames")
        signatures = _signatures(archive, array.replace("/frames/", "/signatures/"), clips)
        frames = np.split(rows, np.cumsum(counts)[:-1])
        yield list(zip(clips, frames, signatures, strict=True)) if clips else []


def _signatures(archive: Reader, name: str, clips: list[ClipLine]) -> list[Signature | None]:
    """The signature of each clip; None if the file has none, for example from an earlier
    version."""
    pictures = archive.pictures(name) if archive.has(name) else np.zeros((0, SIDE, SIDE), np.uint8)
    counts = [len(clip.signature or []) for clip in clips]
    if sum(counts) != len(pictures):
        raise BackupError(f"the number of signature images in {name} does not match its clips")
    own = np.split(pictures, np.cumsum(counts)[:-1])
    return [
        None if clip.signature is None else Signature(np.array(clip.signature, np.float32), grey)
        for clip, grey in zip(clips, own, strict=False)  # without clips, np.split makes one part
    ]


def _tickets(
    archive: Reader, folder: str, encoder: EncoderLine
) -> Iterator[list[tuple[TicketLine, Halves | None]]]:
    lines, arrays = (
        archive.numbered(f"{folder}/tickets", ".jsonl"),
        archive.numbered(f"{folder}/words", ".npy"),
    )
    for name, array in _side_by_side(lines, arrays):
        tickets: list[TicketLine] = archive.lines(name, TicketLine)
        rows = archive.array(array, encoder.dimensions)
        if sum(ticket.vector for ticket in tickets) != len(rows) or not np.isfinite(rows).all():
            raise BackupError(f"the number of vectors in {array} does not match {name}")
        following = iter(rows)
        yield [(ticket, next(following) if ticket.vector else None) for ticket in tickets]


def _lessons(archive: Reader, folder: str) -> LearnedParameters:
    name = f"{folder}/lessons.jsonl"
    lines: list[LessonsLine] = archive.lines(name, LessonsLine) if archive.has(name) else []
    weights = lines[0].weights if lines else None
    if weights is None:  # those of an earlier version belong to another score
        return LearnedParameters()
    frames, with_words = (Calibration(**each.model_dump()) for each in weights)
    return LearnedParameters(Calibrations(frames, with_words))


def _side_by_side(names: Iterator[str], arrays: Iterator[str]) -> Iterator[tuple[str, str]]:
    try:
        yield from zip(names, arrays, strict=True)
    except ValueError:
        raise BackupError("members are missing: the file was modified") from None


def _units(rows: Halves, name: str) -> Halves:
    lengths = np.linalg.norm(rows.astype(np.float32), axis=1)
    if not (np.abs(lengths - 1) <= UNIT_TOLERANCE).all():
        raise BackupError(f"{name} has vectors that are not of length one")
    return rows


def _folders(archive: Reader) -> Iterator[tuple[str, EncoderLine]]:
    for number, encoder in enumerate(archive.manifest.encoders, start=1):
        yield f"encoders/{number}", encoder


def _check(archive: Reader, tell: Tell) -> None:
    """Check that every line is valid, and that the counts match the manifest."""
    seen = dict.fromkeys(Counts.model_fields, 0)
    total = archive.manifest.counts.issues + archive.manifest.counts.clips
    tell("Checking", 0, total)
    seen["tokens"] = len(_studio(archive).tokens)
    seen["verdicts"] = sum(map(len, _lines(archive, "verdicts", VerdictLine)))
    for issues in _lines(archive, "issues", IssueLine):
        seen["issues"] += len(issues)
        tell("Checking", seen["issues"], total)
    for folder, encoder in _folders(archive):
        _lessons(archive, folder)
        for clips in _clips(archive, folder, encoder):
            seen["clips"] += len(clips)
            seen["frames"] += sum(len(frames) for _, frames, _ in clips)
            tell("Checking", seen["issues"] + seen["clips"], total)
        for tickets in _tickets(archive, folder, encoder):
            seen["tickets"] += sum(ticket.vector for ticket, _ in tickets)
    if Counts(**seen) != archive.manifest.counts:
        raise BackupError("the backup's contents do not match the counts in its manifest")


def _put_clip(
    onto: Collection,
    line: ClipLine,
    frames: Halves,
    signature: Signature | None,
    cutoffs: Cutoffs,
) -> None:
    here, issue = onto.catalogue.clip(line.id), onto.catalogue.issue(line.issue_id)
    if issue is None or (here is not None and _is_done(onto, here)):
        return  # deleted while the backup was written, or already there
    clip = ClipRecord(**line.model_dump(exclude={"place", "times", "signature"}))
    if cutoffs.purges(issue.project, clip.attached):
        clip = clip.purged()
    elif line.place is not None:
        times = np.array(line.times, np.float32)
        where = ClipLocation(**{**line.place.model_dump(), "restricted": issue.restricted})
        onto.index.write_clip(clip.id, where, times, frames.astype(np.float32), signature)
    onto.catalogue.put_clip(clip)


def _is_done(onto: Collection, clip: ClipRecord) -> bool:
    """Whether a clip was purged, or is in the index: only the index's Redis may have been lost."""
    indexed = clip.status is ClipStatus.INDEXED and onto.index.holds(clip.id)
    return indexed or clip.status is ClipStatus.PURGED


def _put_ticket(onto: Collection, line: TicketLine, vector: Halves | None) -> None:
    words = onto.catalogue.words(line.issue_id)
    issue = onto.catalogue.issue(line.issue_id)
    if issue is None or digest_of(words) != line.digest:
        return
    stale = onto.catalogue.put_words(line.issue_id, words)
    if stale or not onto.tickets.places([line.issue_id]):
        if vector is not None:
            onto.tickets.write(
                line.issue_id,
                line.project,
                vector.astype(np.float32),
                words,
                restricted=issue.restricted,
            )
        onto.catalogue.put_tags(line.issue_id, line.tags)
        onto.catalogue.words_embedded(line.issue_id, words)
