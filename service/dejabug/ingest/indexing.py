"""What the embedding jobs do with a clip or a ticket, before and after the embedding itself."""

from __future__ import annotations

import time
from dataclasses import replace

import structlog

from dejabug.infra.download import UnwantedError
from dejabug.ingest.clip_indexer import ClipIndexer
from dejabug.ingest.deletion import Deletion
from dejabug.ingest.scheduling import Scheduler
from dejabug.ingest.ticket_indexer import TicketIndexer
from dejabug.records.collection import Collection
from dejabug.records.collections import Collections
from dejabug.records.issue_fields import location_of
from dejabug.records.retention import Retention
from dejabug.records.types import ClipRecord, ClipStatus, IssueRecord

log = structlog.get_logger()

# The reason of a clip that Jira did not show while it was being embedded for a candidate encoder.
GONE = "gone: Jira no longer shows this attachment"


class Indexing:
    """Embeds waiting clips and tickets with the configured encoder, and requests comments."""

    def __init__(
        self,
        collections: Collections,
        clip_indexer: ClipIndexer,
        ticket_indexer: TicketIndexer,
        deletion: Deletion,
        scheduler: Scheduler,
        retention: Retention,
    ) -> None:
        self._collections = collections
        self._clip_indexer = clip_indexer
        self._ticket_indexer = ticket_indexer
        self._deletion = deletion
        self._scheduler = scheduler
        self._retention = retention

    def index_ticket(self, issue_id: str) -> None:
        """Embed a ticket's words, tag its kind of bug, and request an update of its comment."""
        collection = self._collections.configured
        if not collection.catalogue.words_wait(issue_id):
            return
        # They may change meanwhile, and no second job with this id is queued at the same time.
        while collection.catalogue.words_wait(issue_id):
            if not self._ticket_indexer.embed_ticket(collection, issue_id):
                return
        if self._collections.is_active(collection):
            self._scheduler.suggest(issue_id)

    def index_clip(self, clip_id: str) -> None:
        """Download a clip, sample its frames, embed them, and write them to the index. Raises
        JiraError."""
        collection = self._collections.configured
        catalogue = collection.catalogue
        clip = catalogue.clip(clip_id)
        issue = catalogue.issue(clip.issue_id) if clip else None
        if clip is None or issue is None:
            # Forgotten while it waited, or while a worker processed it that was killed before it
            # noticed.
            if not any(each.catalogue.clip(clip_id) for each in self._collections.all()):
                self._deletion.forget_clip(clip_id, issue_id="")
            return
        if self._retention.cutoffs().purges(issue.project, clip.attached):
            # It became too old while it waited.
            self._deletion.purge_clip(collection, clip)
        elif clip.status is ClipStatus.QUEUED:
            try:
                self._index(collection, clip, issue)
            except UnwantedError:
                self._collections.active.catalogue.put_no_media(issue.id, clip.id)
                self._deletion.forget_clip(clip.id, issue.id)
                log.info(
                    "attachment_is_no_media", attachment=clip.id, issue=issue.key, size=clip.size
                )
        waiting = any(other.status is ClipStatus.QUEUED for other in catalogue.clips_of(issue.id))
        if not waiting and self._collections.is_active(collection):
            self._scheduler.suggest(issue.id)
            if self._collections.active.catalogue.came_back(issue.id):
                self._scheduler.suggest_around(issue.id)

    def _index(self, collection: Collection, clip: ClipRecord, issue: IssueRecord) -> None:
        """Embed a clip and report the result. Raises like `ClipIndexer.embed_clip`."""
        started = time.monotonic()
        done = self._clip_indexer.embed_clip(collection, clip, location_of(issue))
        if done is None and not self._collections.is_active(collection):
            # Our account may have lost a permission: the active collection must not suffer from it.
            done = replace(clip, status=ClipStatus.FAILED, reason=GONE)
        if done is not None and (done := collection.catalogue.put_outcome(done)) is not None:
            self._clip_indexer.tell_outcome(collection, done, time.monotonic() - started)
        else:
            self._take_back(collection, clip)

    def _take_back(self, collection: Collection, clip: ClipRecord) -> None:
        """Deleted in Jira or purged, perhaps meanwhile: nothing of the clip may stay."""
        now = collection.catalogue.clip(clip.id)
        if now is not None and now.status is ClipStatus.PURGED:
            self._deletion.purge_clip(collection, now)
        else:
            self._deletion.forget_clip(clip.id, clip.issue_id)
