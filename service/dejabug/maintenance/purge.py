"""Footage retention: deletes old clips' frames, thumbnails and previews.

Files in Jira are left alone, and tickets' words stay as well. Comments based on a purged clip are
updated, so that none mentions a moment that nobody can watch any more.
"""

from __future__ import annotations

import time
from collections.abc import Collection as Container
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter

import redis
import structlog

from dejabug.infra.refused_writes import FULL, refused
from dejabug.ingest.scheduling import Scheduler
from dejabug.jira.client import PAGE, JiraClient
from dejabug.jira.jql import unix_time
from dejabug.media_store.store import MediaStore
from dejabug.records.catalogue import Catalogue
from dejabug.records.collection import Collection
from dejabug.records.collections import Collections
from dejabug.records.issue_records import IssueRecords
from dejabug.records.retention import DAY, EVERY, What
from dejabug.records.types import ClipRecord, ClipStatus
from dejabug.settings import Settings

log = structlog.get_logger()

# States in which there may be footage of a clip, or may be soon.
KEPT = (ClipStatus.INDEXED, ClipStatus.FAILED, ClipStatus.QUEUED)
# Held until the next purge by the setting is due.
TURN = "dejabug:retention-turn"


@dataclass(frozen=True)
class Old:
    """A clip to purge, and the project of its issue."""

    clip: ClipRecord
    project: str


@dataclass(frozen=True)
class Undated:
    """How many clips' dates were requested from Jira, and how many of them Jira does not know."""

    asked: int = 0
    unknown: int = 0


class FootagePurge:
    """Finds footage that is older than the retention time, and purges it."""

    def __init__(
        self,
        connection: redis.Redis,
        jira: JiraClient,
        collections: Collections,
        media: MediaStore,
        records: IssueRecords,
        scheduler: Scheduler,
        settings: Settings,
    ) -> None:
        self._redis = connection
        self._jira = jira
        self._collections = collections
        self._media = media
        self._records = records
        self._scheduler = scheduler
        self._settings = settings

    def run_job(self) -> None:
        """Purge what is older than the setting allows. Raises JiraError, and is then retried."""
        dated = self.date_clips()
        before = time.time() - self._settings.retention_days * DAY
        old = self.find_old(before)
        self.make_room(old)
        done = sum(1 for _ in self.purge(old, "clips"))
        log.info("retention_kept", purged=done, undated=dated.unknown)

    def date_clips(self) -> Undated:
        """Ask Jira for the dates of clips that earlier versions recorded without one. Raises
        JiraError."""
        asked = unknown = 0
        for each in self._collections.indexed():
            undated = [clip for clip in _clips(each.catalogue) if not clip.attached]
            asked += len(undated)
            for start in range(0, len(undated), PAGE):
                some = undated[start : start + PAGE]
                issues = self._jira.issues({clip.issue_id for clip in some})
                ages = {
                    file.id: unix_time(file.created) or 0.0
                    for issue in issues.values()
                    for file in issue.attachments
                }
                for clip in some:
                    now, age = each.catalogue.clip(clip.id), ages.get(clip.id, 0.0)
                    if now is not None and age:
                        each.catalogue.put_clip(replace(now, attached=age))
                    unknown += not age
        return Undated(asked, unknown)

    def find_old(
        self, before: float, projects: Container[str] | None = None, what: What = "clips"
    ) -> list[Old]:
        """The clips that were attached `before` (Unix seconds), of these projects or all, and have
        something left to purge; each issue's together."""
        found: dict[str, Old] = {}
        project_of: dict[str, str] = {}
        for each in self._collections.indexed():
            for clip in _clips(each.catalogue):
                done = what == "pictures" and clip.unshown
                if done or not 0 < clip.attached < before:
                    continue
                if clip.issue_id not in project_of:
                    issue = self._collections.active.catalogue.issue(clip.issue_id)
                    project_of[clip.issue_id] = issue.project if issue else ""
                project = project_of[clip.issue_id]
                if projects is None or project in projects:
                    # Of one clip under two encoders, the one that has frames is more accurate.
                    known = found.get(clip.id)
                    if known is None or known.clip.frames < clip.frames:
                        found[clip.id] = Old(clip, project)
        return sorted(found.values(), key=lambda old: (old.clip.issue_id, old.clip.id))

    def make_room(self, old: Iterable[Old]) -> None:
        """If Redis is full, delete these clips' vectors before anything else: recording what was
        purged takes memory, and vectors use most of it."""
        if refused(self._redis) is FULL:
            for each in old:
                for collection in self._collections.indexed():
                    collection.index.forget_clip(each.clip.id)

    def purge(self, old: Iterable[Old], what: What) -> Iterator[Old]:
        """Purge these clips, issue by issue; yields each when it is done. Safe to interrupt and run
        again."""
        everywhere = self._collections.indexed()
        for issue_id, together in groupby(old, key=attrgetter("clip.issue_id")):
            for each in together:
                self._hide(each.clip.id)
                for kept in everywhere:
                    _purge_from(kept, each.clip.id, what)
                self._hide(each.clip.id)  # a worker may have made them before it could notice
                log.info("clip_purged", clip=each.clip.id, issue_id=issue_id, what=what)
                yield each
            if what == "clips":
                self._scheduler.suggest(issue_id)
                self._scheduler.correct_comments_naming(issue_id)

    def lift(self, projects: Container[str] | None = None) -> int:
        """Keep the footage of these projects, or of all, again: forget that it was purged, so that
        a backfill reads it like any other; returns how many clips."""
        for project in projects or (EVERY, *self._collections.active.catalogue.projects()):
            self._records.retention.lift(project)
        lifted = 0
        for each in self._collections.indexed():
            clips = [*each.catalogue.with_status(ClipStatus.PURGED)]
            clips += [clip for clip in _clips(each.catalogue) if clip.unshown]
            for clip in clips:
                issue = self._collections.active.catalogue.issue(clip.issue_id)
                if projects is not None and (issue is None or issue.project not in projects):
                    continue
                lifted += 1
                if clip.status is ClipStatus.PURGED:
                    each.catalogue.forget_clip(clip)
                else:
                    each.catalogue.put_clip(replace(clip, unshown=False))
        return lifted

    def _hide(self, clip_id: str) -> None:
        self._media.thumbnails.forget(clip_id)
        self._media.previews.forget(clip_id)


def _purge_from(collection: Collection, clip_id: str, what: What) -> None:
    clip = collection.catalogue.clip(clip_id)
    if clip is None:
        return
    if what == "pictures":
        collection.catalogue.put_clip(replace(clip, unshown=True))
        return
    collection.index.forget_clip(clip_id)
    collection.catalogue.forget_clip(clip)
    collection.catalogue.put_clip(clip.purged())
    collection.index.forget_clip(clip_id)  # the same


def _clips(catalogue: Catalogue) -> Iterator[ClipRecord]:
    for status in KEPT:
        yield from catalogue.with_status(status)
