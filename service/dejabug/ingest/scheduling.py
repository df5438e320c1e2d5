"""The one place that queues jobs.

Jobs carry ids, never pixels or vectors.
"""

from __future__ import annotations

from dataclasses import replace

import structlog
from redis.client import Pipeline

from dejabug.infra.job_queue import enqueue
from dejabug.infra.jobs import (
    FORGET_ISSUE,
    HANDLE_COMMANDS,
    INDEX_CLIP,
    INDEX_TICKET,
    SUGGEST,
    SUGGEST_AROUND,
    SYNC_ISSUE,
)
from dejabug.infra.tracing import current_trace, traced
from dejabug.records.collection import Collection
from dejabug.records.collections import Collections
from dejabug.records.issue_records import IssueRecords
from dejabug.records.outbox import Outbox
from dejabug.records.types import ClipRecord, ClipStatus
from dejabug.records.work_queues import WorkQueues
from dejabug.retrieval.ranking_cache import RankingCache

log = structlog.get_logger()


class Scheduler:
    """Queues jobs about issues and clips. All methods raise redis.RedisError."""

    def __init__(
        self,
        queues: WorkQueues,
        collections: Collections,
        records: IssueRecords,
        outbox: Outbox,
        rankings: RankingCache,
    ) -> None:
        self._queues = queues
        self._collections = collections
        self._records = records
        self._outbox = outbox
        self._rankings = rankings

    # Issues

    def sync_issue(
        self, issue_id: str, watch: bool, pipeline: Pipeline, *, job_id: str | None = None
    ) -> None:
        """Within a transaction: record that this issue must be read, and queue it, both under the
        thread's trace. With `job_id`: no second job with that id."""
        if not pipeline.explicit_transaction:
            pipeline.multi()  # RQ would call it in the middle, which redis-py refuses
        with traced(current_trace()) as trace:
            self._outbox.add(issue_id, trace, pipeline, watch=watch)
            queue = self._queues.get("default")
            enqueue(queue, SYNC_ISSUE, issue_id, watch, job_id=job_id, pipeline=pipeline)

    def forget_issue(self, issue_id: str, pipeline: Pipeline | None = None) -> None:
        """Queue the complete deletion of an issue."""
        enqueue(self._queues.get("default"), FORGET_ISSUE, issue_id, pipeline=pipeline)

    def handle_commands(self, issue_id: str, comment_id: str, pipeline: Pipeline) -> None:
        """Within a transaction: queue the commands in a comment."""
        queue = self._queues.get("default")
        enqueue(queue, HANDLE_COMMANDS, issue_id, comment_id, pipeline=pipeline)

    # Embedding

    def index_clip(self, clip_id: str, collection: Collection | None = None) -> None:
        """Queue a clip's embedding for a collection (by default the active one), unless that job
        is queued or running."""
        collection = collection or self._collections.active
        job_id = f"clip-{_slug_in_job_id(collection)}-{clip_id}"
        enqueue(self._queues.of(collection), INDEX_CLIP, clip_id, job_id=job_id)

    def index_ticket(self, issue_id: str, collection: Collection) -> None:
        """Queue the embedding of a ticket's words, unless that job is queued or running."""
        job_id = f"ticket-{_slug_in_job_id(collection)}-{issue_id}"
        enqueue(self._queues.of(collection), INDEX_TICKET, issue_id, job_id=job_id)

    def retry_clip(self, clip: ClipRecord) -> None:
        """Queue a failed clip again."""
        fresh = replace(clip, status=ClipStatus.QUEUED, reason="")
        self._collections.active.catalogue.put_clip(fresh)
        self.index_clip(clip.id)

    def requeue_clips(self, issue_id: str) -> None:
        """Queue an issue's waiting clips, unless they are queued already."""
        for clip in self._collections.active.catalogue.clips_of(issue_id):
            if clip.status is ClipStatus.QUEUED:
                self.index_clip(clip.id)

    def index_waiting(self, collection: Collection) -> None:
        """Queue everything that waits to be embedded for a collection, unless queued already."""
        for clip in list(collection.catalogue.with_status(ClipStatus.QUEUED)):
            self.index_clip(clip.id, collection)
        for issue_id in collection.catalogue.all_words_waiting():
            self.index_ticket(issue_id, collection)

    # Comments

    def suggest(self, issue_id: str) -> None:
        """The issues similar to this one may have changed: drop its cached ranking, and queue its
        comment, if it may get one."""
        self._rankings.forget(issue_id)
        record = self._collections.active.catalogue.issue(issue_id)
        if record is not None and record.watched:
            enqueue(self._queues.get("default"), SUGGEST, issue_id)

    def suggest_around(self, issue_id: str) -> None:
        """The people who can read an issue may have changed: queue the comments on similar ones."""
        enqueue(self._queues.get("default"), SUGGEST_AROUND, issue_id)

    def correct_comments_naming(self, issue_id: str) -> None:
        """Queue updates of our comments on other issues that name this one."""
        for other in self._records.comments.naming(issue_id):
            self.suggest(other)

    def correct_comments_in(self, project: str) -> int:
        """Queue updates of our comments in a project after its rules changed; returns how many
        issues may have one."""
        watched = [
            issue
            for issue in self._collections.active.catalogue.issues_of(project)
            if issue.watched
        ]
        for issue in watched:
            self.suggest(issue.id)
        return len(watched)

    def correct_all_comments(self) -> int:
        """Queue updates of all our comments after scores changed; returns how many there are."""
        catalogue = self._collections.active.catalogue
        count = 0
        for project in catalogue.projects():
            for issue in catalogue.issues_of(project):
                if issue.watched and self._records.comments.comment(issue.id) is not None:
                    self.suggest(issue.id)
                    count += 1
        log.info("comments_queued_for_new_scores", comments=count)
        return count


def _slug_in_job_id(collection: Collection) -> str:
    return collection.slug.replace(".", "_")
