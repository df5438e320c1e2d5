"""What a worker does every minute: forgotten promises are taken up, and the index grows."""

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

# A promise older than this, in seconds, is taken up again, by one more job than it may have.
STALE_PROMISE = 900
# Seconds after which a preview that nobody watched is taken away; it is made again when asked for.
UNWATCHED = 30 * 24 * 3600


class Upkeep:
    """One round takes up promises, queues what waits, prunes files, and lets the index grow."""

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
        """One round. Raises redis.RedisError and StoreAwayError; the next round goes on."""
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
            collection.index.growth.grow()  # the last, since another Redis may be away
