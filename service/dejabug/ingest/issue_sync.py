"""An issue as Jira shows it now → its updated records, and jobs for what is new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import structlog

from dejabug.access.visibility_cache import VisibilityCache
from dejabug.ingest.deletion import Deletion
from dejabug.ingest.scheduling import Scheduler
from dejabug.jira.client import JiraClient
from dejabug.jira.errors import IssueGoneError
from dejabug.jira.models import Attachment, Issue
from dejabug.records.collection import Collection
from dejabug.records.collections import Collections
from dejabug.records.issue_fields import evidence, fingerprint_of, game_of, location_of, words_of
from dejabug.records.issue_records import IssueRecords
from dejabug.records.retention import clip_record
from dejabug.records.types import ClipStatus, IssueRecord

log = structlog.get_logger()


class IssueSync:
    """Updates the records of issues. Raises JiraError and redis.RedisError."""

    def __init__(
        self,
        jira: JiraClient,
        collections: Collections,
        records: IssueRecords,
        visibility_cache: VisibilityCache,
        deletion: Deletion,
        scheduler: Scheduler,
        link_types: frozenset[str],
    ) -> None:
        self._jira = jira
        self._collections = collections
        self._records = records
        self._visibility_cache = visibility_cache
        self._deletion = deletion
        self._scheduler = scheduler
        self._link_types = link_types

    def sync(self, issue_id: str, *, watch: bool) -> None:
        """Re-read an issue, update its records, and queue its new clips.

        `watch`: it may get a comment from now on (a webhook reported it).
        """
        try:
            issue = self._jira.issue(issue_id)
        except IssueGoneError:
            self._gone(issue_id)
        else:
            self.take_in(issue, watch=watch)

    def take_in(self, issue: Issue, *, watch: bool) -> int:
        """Update the records to an issue as just read; returns the number of clips queued."""
        catalogue, kinds = self._collections.active.catalogue, self._link_types
        records = self._records
        old = catalogue.issue(issue.id)
        # If it was hidden from us, our comment on it must be updated.
        watch = watch or records.comments.begun(issue.id)
        record = IssueRecord(
            issue.id,
            issue.key,
            issue.project,
            game_of(issue),
            watch,
            fingerprint_of(issue, kinds),
            restricted=issue.security is not None,
        )
        self._visibility_cache.forget_issue(issue.id)
        records.verdicts.linked(issue.id, issue.duplicates(kinds))
        if old is not None and replace(old, watched=watch) != record:
            # Without a fingerprint until all changes are passed on: if a worker is killed here, the
            # next one passes them all on again.
            catalogue.put_issue(replace(record, fingerprint=""))
            self._tell_of_change(old, record)
        catalogue.put_issue(record)
        if records.projects.rules(issue.project).mode == "off":
            return 0
        attached = evidence(issue, self._jira, catalogue, records.retention)
        for clip_id in set(catalogue.clip_ids_of(issue.id)) - {file.id for file in attached}:
            self._deletion.forget_clip(clip_id, issue.id)
        # The active collection's count is returned; the candidate gets the same work.
        queued, *_ = [self._feed(each, issue, attached) for each in self._collections.receiving]
        log.info("issue_synced", issue=issue.key, clips=len(attached), queued=queued, watch=watch)
        if not queued:
            self._scheduler.suggest(issue.id)
        return queued

    def _gone(self, issue_id: str) -> None:
        """Forget an issue that Jira does not show us, unless its whole project is hidden: then our
        account has lost a permission, which may come back. Either way it is not shown to
        anybody."""
        catalogue = self._collections.active.catalogue
        record = catalogue.issue(issue_id)
        if record is not None and not self._jira.sees_project(record.project):
            log.error(
                "project_hidden",
                issue=record.key,
                remedy="grant our account the permission Browse Projects in this project",
            )
            self._scheduler.correct_comments_naming(issue_id)
            return
        self._deletion.forget_issue(issue_id, may_return=True)
        catalogue.put_hidden(issue_id)

    def _tell_of_change(self, old: IssueRecord, record: IssueRecord) -> None:
        """Update what depends on the issue's previous state; update everything if that was
        interrupted."""
        interrupted = not old.fingerprint
        if interrupted or old.fingerprint != record.fingerprint:
            self._scheduler.correct_comments_naming(record.id)
        if interrupted or old.restricted > record.restricted or old.project != record.project:
            self._scheduler.suggest_around(record.id)
        if interrupted or location_of(old) != location_of(record):
            where = location_of(record)
            for collection in self._collections.indexed():
                collection.tickets.move(record.id, record.project, restricted=record.restricted)
                for clip_id in collection.catalogue.clip_ids_of(record.id):
                    collection.index.move_clip(clip_id, where)

    def _feed(self, collection: Collection, issue: Issue, attached: Sequence[Attachment]) -> int:
        """Queue for a collection what is new in an issue; returns the number of clips queued."""
        catalogue = collection.catalogue
        if catalogue.put_words(issue.id, words_of(issue.summary, issue.description)):
            self._scheduler.index_ticket(issue.id, collection)
        known = {clip.id: clip for clip in catalogue.clips_of(issue.id)}
        queued, cutoffs = 0, self._records.retention.cutoffs()
        for file in attached:
            clip = known.get(file.id)
            if clip is not None and clip.status is not ClipStatus.QUEUED:
                continue
            fresh = clip_record(file, issue, cutoffs)
            catalogue.put_clip(fresh)
            if fresh.status is ClipStatus.QUEUED:
                self._scheduler.index_clip(file.id, collection)
                queued += not fresh.unsure  # may turn out not to be a clip
        return queued
