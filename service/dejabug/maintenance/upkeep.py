"""What a worker does every minute: resumes lost work, prunes files, and lets the index grow."""

from __future__ import annotations

import redis
import structlog

from dejabug.infra.temporary_folders import prune_scratch
from dejabug.infra.tracing import traced
from dejabug.ingest.scheduling import Scheduler
from dejabug.ingest.ticket_indexer import fill_terms
from dejabug.media_store.store import MediaStore
from dejabug.records.collection import Collection
from dejabug.records.collections import Collections
from dejabug.records.outbox import Outbox
from dejabug.retrieval import neighbourhood

log = structlog.get_logger()

# An issue that has been waiting to be read for longer than this, in seconds, is queued again. It
# may then have one job too many.
STALE_PROMISE = 900
# Seconds after which a preview that nobody watched is deleted; it is made again on demand.
UNWATCHED = 30 * 24 * 3600


class Upkeep:
    """One round queues lost and waiting work, prunes files, and lets the index grow."""

    def __init__(
        self,
        connection: redis.Redis,
        collections: Collections,
        outbox: Outbox,
        scheduler: Scheduler,
        media: MediaStore,
        preview_max_bytes: int,
    ) -> None:
        self._redis = connection
        self._collections = collections
        self._outbox = outbox
        self._scheduler = scheduler
        self._media = media
        self._preview_max_bytes = preview_max_bytes

    def run(self) -> None:
        """One round. Raises redis.RedisError and StoreAwayError; the next round continues."""
        for issue_id in self._outbox.older_than(STALE_PROMISE):
            with (
                traced(self._outbox.trace(issue_id)),
                self._redis.pipeline(transaction=True) as pipe,
            ):
                log.warning("promise_taken_up_again", issue_id=issue_id)
                watch, again = self._outbox.watches(issue_id), f"sync-again-{issue_id}"
                self._scheduler.sync_issue(issue_id, watch, pipe, job_id=again)
                pipe.execute()
        receiving = self._collections.receiving
        for collection in receiving:
            self._scheduler.index_waiting(collection)
        self._media.previews.prune(UNWATCHED, self._preview_max_bytes)
        self._media.collect_garbage()
        prune_scratch()
        for collection in filter(Collection.knows_dimensions, receiving):
            fill_terms(collection)
            neighbourhood.catch_up(collection)
            collection.index.growth.grow()  # last, since another Redis may be unavailable
