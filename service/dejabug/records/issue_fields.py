"""What is read off an issue as Jira shows it: its evidence, its game, its words, its
fingerprint."""

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

# How the names begin of pictures that we attach to issues.
OWN_PICTURES = "dejabug-"
# Signs of a description that are read: sentence encoders take a few hundred words at most.
LONGEST_DESCRIPTION = 2000


def evidence(
    issue: Issue, jira: JiraClient, catalogue: Catalogue, retention: Retention
) -> list[Attachment]:
    """The videos and pictures attached to an issue, but for the pictures that we attached; and the
    files that may be some, until a look at their first bytes has told otherwise."""
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
    """Those of these files that are clips, or that a look at their first bytes has yet to tell of.
    What is older than footage is kept is not looked at, and must not pass for a purged clip."""
    no_media, known = catalogue.no_media(issue.id), catalogue.clip_ids_of(issue.id)
    cutoffs = retention.cutoffs()
    return [
        file
        for file in unsure
        if file.id not in no_media
        and (file.id in known or clip_record(file, issue, cutoffs).status is not ClipStatus.PURGED)
    ]


def fingerprint_of(issue: Issue, kinds: frozenset[str]) -> str:
    """A digest of what comments on other issues say of this one, and of who may read it."""
    said = (
        issue.key,
        issue.summary,
        issue.status,
        issue.resolution,
        issue.fix_versions,
        issue.security,
        issue.originals(kinds),
        issue.created,
        issue.reporter,
        issue.assignee,
    )
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def game_of(issue: Issue) -> str:
    """The game an issue is about: its first component, else its project."""
    return issue.components[0] if issue.components else issue.project


def words_of(summary: str, description: str) -> str:
    """What a ticket says, as one text: its summary, and as much of its description as counts."""
    parts = (summary.strip().rstrip("."), description.strip()[:LONGEST_DESCRIPTION])
    return ". ".join(part for part in parts if part)


def location_of(issue: IssueRecord) -> ClipLocation:
    """Where an issue's clips belong in an index."""
    return ClipLocation(issue.id, issue.project, issue.game, issue.restricted)
