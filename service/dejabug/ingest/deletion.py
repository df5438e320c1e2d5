"""Deletes issues and clips completely: vectors, images and records, under every encoder."""

from __future__ import annotations

import structlog

from dejabug.access.visibility_cache import VisibilityCache
from dejabug.ingest.scheduling import Scheduler
from dejabug.media_store.store import MediaStore
from dejabug.records.collection import Collection
from dejabug.records.collections import Collections
from dejabug.records.issue_records import IssueRecords
from dejabug.records.types import ClipRecord
from dejabug.retrieval.ranking_cache import RankingCache

log = structlog.get_logger()


class Deletion:
    """Forgets issues and clips. Everything is safe to run twice. All methods raise
    redis.RedisError."""

    def __init__(
        self,
        collections: Collections,
        media: MediaStore,
        records: IssueRecords,
        visibility_cache: VisibilityCache,
        rankings: RankingCache,
        scheduler: Scheduler,
    ) -> None:
        self._collections = collections
        self._media = media
        self._records = records
        self._visibility_cache = visibility_cache
        self._rankings = rankings
        self._scheduler = scheduler

    def forget_issue(self, issue_id: str, *, may_return: bool = False) -> None:
        """Delete an issue completely: vectors, images, records, and its key in other comments.

        If the issue `may_return` because Jira only hides it, feedback and the record of our comment
        are kept.
        """
        for clip_id in self._collections.active.catalogue.clip_ids_of(issue_id):
            self.forget_clip(clip_id, issue_id)
        collections = self._collections.all()
        for collection in collections:
            if collection.knows_dimensions():
                collection.tickets.forget(issue_id)
        if not may_return:
            self._records.verdicts.forget_issue(issue_id)
        self._records.comments.forget_issue(issue_id, may_return=may_return)
        self._visibility_cache.forget_issue(issue_id)
        self._rankings.forget(issue_id)
        for collection in collections:
            collection.catalogue.forget_issue(issue_id)
        self._scheduler.correct_comments_naming(issue_id)
        log.info("issue_forgotten", issue_id=issue_id)

    def forget_clip(self, clip_id: str, issue_id: str) -> None:
        """Delete a clip completely: its records first, so that a job working on it notices; its
        name in its issue's list of clips last, so that the deletion resumes if a worker is
        killed."""
        for collection in self._collections.all():
            clip = collection.catalogue.clip(clip_id)
            if clip is not None:
                collection.catalogue.forget_clip(clip, listed=True)
            if collection.knows_dimensions():
                collection.index.forget_clip(clip_id)
        self._media.forget(clip_id)
        self._collections.active.catalogue.unlist_clip(clip_id, issue_id)
        log.info("clip_forgotten", clip=clip_id)

    def purge_clip(self, collection: Collection, clip: ClipRecord) -> None:
        """Delete all of a clip's footage, but keep the record that it existed."""
        self.forget_clip(clip.id, clip.issue_id)
        collection.catalogue.put_clip(clip.purged())
