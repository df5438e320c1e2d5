"""Estimates a backfill without running it: how many clips a JQL finds, and how large they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from dejabug.jira.client import JiraClient
from dejabug.jira.jql import oldest_first, without_order
from dejabug.jira.models import Issue
from dejabug.jira.patient_requests import patiently
from dejabug.media.kinds import is_evidence, suffix_of
from dejabug.records.collections import Collections
from dejabug.records.issue_fields import evidence
from dejabug.records.issue_records import IssueRecords
from dejabug.records.retention import clip_record
from dejabug.records.types import ClipStatus
from dejabug.settings import Settings

# The only fields requested for each issue.
FIELDS = ("attachment",)


@dataclass
class Kind:
    """Files of one kind: how many, their bytes, and how many of them count as clips."""

    files: int = 0
    size: int = 0
    clips: int = 0


@dataclass
class Survey:
    """What a backlog of about `total` issues contains: files by kind (`mp4`), clips that are
    `known` already or `too_large` to be read, and `new` ones, with their bytes. `unsure` files are
    none of these: only their first bytes can tell whether they are clips."""

    total: int = 0
    issues: int = 0
    kinds: dict[str, Kind] = field(default_factory=dict)
    known: int = 0
    too_large: int = 0
    new: int = 0
    new_size: int = 0
    unsure: int = 0
    pause: str = ""

    @property
    def clips(self) -> int:
        """All clips."""
        return self.known + self.too_large + self.new


class BackfillEstimate:
    """Estimates the work of a backfill, without reading any clip."""

    def __init__(
        self, jira: JiraClient, collections: Collections, records: IssueRecords, settings: Settings
    ) -> None:
        self._jira = jira
        self._collections = collections
        self._records = records
        self._settings = settings

    def run(self, jql: str) -> Iterator[Survey]:
        """Go through what `jql` finds, page by page, without queueing or changing anything; yields
        the same survey as it grows. Raises like `read_backlog`."""
        seen = Survey()

        def paused(why: str) -> Survey:
            seen.pause = why
            return seen

        seen.total = yield from patiently(partial(self._jira.count, without_order(jql)), paused)
        token: str | None = None
        while True:
            ask = partial(self._jira.search, oldest_first(jql), token, FIELDS)
            page = yield from patiently(ask, paused)
            seen.pause = ""
            for issue in page.issues:
                self._add(seen, issue)
            yield seen
            token = page.next_token
            if token is None:
                return

    def _add(self, seen: Survey, issue: Issue) -> None:
        """Count an issue's files; clips older than the retention time count as known."""
        cutoffs = self._records.retention.cutoffs()
        seen.issues += 1
        clips = {
            attachment.id
            for attachment in evidence(
                issue, self._jira, self._collections.active.catalogue, self._records.retention
            )
        }
        for attachment in issue.attachments:
            known = self._collections.active.catalogue.clip(attachment.id) is not None
            sure = known or is_evidence(attachment.filename, attachment.mime_type)
            is_clip = attachment.id in clips and sure
            seen.unsure += attachment.id in clips and not sure
            kind = seen.kinds.setdefault(_kind_of(attachment.filename), Kind())
            kind.files += 1
            kind.size += attachment.size
            kind.clips += is_clip
            if not is_clip:
                continue
            old = clip_record(attachment, issue, cutoffs).status is ClipStatus.PURGED
            if old or known:
                seen.known += 1
            elif attachment.size > self._settings.clip_max_bytes:
                seen.too_large += 1
            else:
                seen.new += 1
                seen.new_size += attachment.size


def _kind_of(filename: str) -> str:
    """A file's kind by its extension, such as `mp4`; `other` if that does not look like one."""
    suffix = suffix_of(filename)
    return suffix if suffix.isalnum() and len(suffix) <= 5 else "other"
