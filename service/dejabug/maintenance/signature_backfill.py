"""Adds signatures to clips that were indexed by a version without signatures: from their files,
without a model, and without changing their vectors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import structlog

from dejabug import media
from dejabug.infra.job_queue import enqueue
from dejabug.infra.jobs import READ_SIGNATURE
from dejabug.ingest.attachments import Attachments
from dejabug.ingest.clip_indexer import sample_signature
from dejabug.jira.errors import AttachmentGoneError, AttachmentTooLargeError
from dejabug.records.collections import Collections
from dejabug.records.types import ClipStatus
from dejabug.records.work_queues import WorkQueues
from dejabug.settings import Settings

log = structlog.get_logger()

# Its workers have ffmpeg and no model. Before these jobs they do everything in their other queue,
# `default`, and the previews that somebody waits for.
QUEUE = "previews"
# Clips read in one round trip.
AT_ONCE = 500
# Queueing pauses when this many jobs wait, so that other previews have only a few ahead of them.
MOST_WAITING = 500
# Seconds between two checks of a full queue.
POLL = 2.0
NO_WORKER = f"no worker takes jobs from the queue {QUEUE}; start one: dejabug worker {QUEUE}"


@dataclass(frozen=True)
class Progress:
    """How many of the clips that lack a signature are `queued`; `pause` says why it waits."""

    queued: int
    pause: str = ""


class SignatureBackfill:
    """Adds signatures to clips that an earlier version indexed without them."""

    def __init__(
        self,
        collections: Collections,
        attachments: Attachments,
        queues: WorkQueues,
        settings: Settings,
    ) -> None:
        self._collections = collections
        self._attachments = attachments
        self._queues = queues
        self._settings = settings

    def missing(self) -> list[str]:
        """The indexed clips that have no signature, under any encoder, in order of their ids."""
        found: set[str] = set()
        for collection in self._collections.indexed():
            clips = collection.catalogue.with_status(ClipStatus.INDEXED)
            while some := [clip.id for clip in islice(clips, AT_ONCE)]:
                found.update(collection.index.without_signature(some))
        return sorted(found, key=lambda clip_id: (len(clip_id), clip_id))

    def queue(self, clip_ids: list[str]) -> Iterator[Progress]:
        """Queue a job for each of these clips, pausing while many jobs wait. Safe to interrupt and
        run again."""
        queue = self._queues.get(QUEUE)
        for number, clip_id in enumerate(clip_ids):
            while queue.count >= MOST_WAITING:
                yield Progress(
                    number, "waiting for workers" if self._queues.has_worker(QUEUE) else NO_WORKER
                )
                time.sleep(POLL)
            job_id = f"signature-{clip_id}"
            enqueue(queue, READ_SIGNATURE, clip_id, job_id=job_id)
            yield Progress(number + 1)

    def read(self, clip_id: str) -> None:
        """The job: download a clip and add its signature wherever it is indexed without one. Skips
        a file that cannot be read, with a warning in the log."""
        lacking = [
            collection
            for collection in self._collections.indexed()
            if collection.index.without_signature([clip_id])
        ]
        clip = next(
            (clip for collection in lacking if (clip := collection.catalogue.clip(clip_id))), None
        )
        if clip is None:
            return  # forgotten, or done, while this job waited
        try:
            with self._attachments.fetched(clip) as path:
                signature = sample_signature(self._settings, path)
        except (AttachmentGoneError, AttachmentTooLargeError, media.ClipError) as error:
            log.warning("signature_not_read", clip=clip_id, why=str(error))
            return
        for collection in lacking:
            collection.index.put_signature(clip_id, signature)
        log.info("signature_read", clip=clip_id, pictures=len(signature.times))
