"""What is read from a Jira issue: its clips, its game, its text, its fingerprint."""

from __future__ import annotations

import hashlib

from dejabug import media
from dejabug.index import ClipLocation
from dejabug.jira.client import JiraClient
from dejabug.jira.models import Attachment, Issue
from dejabug.media.kinds import may_be_evidence
from dejabug.records.catalogue import Catalogue
from dejabug.records.retention import Retention, clip_record
from dejabug.records.types import ClipStatus, IssueRecord

# The prefix of images that we attach to issues.
OWN_PICTURES = "dejabug-"
# The most characters of a description that are used: sentence encoders accept a few hundred words.
LONGEST_DESCRIPTION = 2000


def evidence(
    issue: Issue, jira: JiraClient, catalogue: Catalogue, retention: Retention
) -> list[Attachment]:
    """The videos and images attached to an issue, except images that we attached; and files that
    may be videos or images, until their first bytes have shown that they aren't."""
    found = [file for file in issue.attachments if media.is_evidence(file.filename, file.mime_type)]
    unsure = [file for file in issue.attachments if may_be_evidence(file.filename, file.mime_type)]
    if unsure:
        found += _to_be_told(issue, unsure, catalogue, retention)
    if not any(file.filename.startswith(OWN_PICTURES) for file in found):
        return found
    us = jira.myself()
    return [
        file
        for file in found
        if not (file.filename.startswith(OWN_PICTURES) and file.author_id == us)
    ]


def _to_be_told(
    issue: Issue, unsure: list[Attachment], catalogue: Catalogue, retention: Retention
) -> list[Attachment]:
    """Those of these files that are clips, or whose first bytes haven't been checked yet. Files
    that are too old to be kept are not checked, and must not be recorded as purged clips."""
    no_media, known = catalogue.no_media(issue.id), catalogue.clip_ids_of(issue.id)
    cutoffs = retention.cutoffs()
    return [
        file
        for file in unsure
        if file.id not in no_media
        and (file.id in known or clip_record(file, issue, cutoffs).status is not ClipStatus.PURGED)
    ]


def fingerprint_of(issue: Issue, kinds: frozenset[str]) -> str:
    """A digest of what comments on other issues show of this one, and of who may read it."""
    said = (
        issue.key,
        issue.summary,
        issue.status,
        issue.resolution,
        issue.fix_versions,
        issue.security,
        issue.originals(kinds),
    )
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def game_of(issue: Issue) -> str:
    """The game of an issue: its first component, or else its project."""
    return issue.components[0] if issue.components else issue.project


def words_of(summary: str, description: str) -> str:
    """A ticket's text for the encoder: its summary, and the start of its description."""
    parts = (summary.strip().rstrip("."), description.strip()[:LONGEST_DESCRIPTION])
    return ". ".join(part for part in parts if part)


def location_of(issue: IssueRecord) -> ClipLocation:
    """The fields under which an issue's clips are stored in an index."""
    return ClipLocation(issue.id, issue.project, issue.game, issue.restricted)
