"""The records of issues and clips."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ClipStatus(StrEnum):
    """The state of a clip with one encoder."""

    QUEUED = "queued"
    INDEXED = "indexed"
    FAILED = "failed"
    PURGED = "purged"  # too old: its data was deleted, and it is not indexed again


@dataclass(frozen=True)
class IssueRecord:
    """A known issue. `watched`: whether it may get a comment, which a backfill alone never sets.
    `fingerprint`: a digest of what comments on other issues show of it. `restricted`: whether it
    had a security level when it was last read; used to notice changes, never to decide access."""

    id: str
    key: str
    project: str
    game: str
    watched: bool = False
    fingerprint: str = ""
    restricted: bool = False


@dataclass(frozen=True)
class ClipRecord:
    """A known clip.

    Attributes:
        reason: why it failed, or what was skipped.
        frames, duration: the number of indexed frames, and the length in seconds.
        content: the file's SHA-256.
        attached: when it was attached to its issue, in Unix seconds; 0 if unknown.
        unshown: whether it has no thumbnails and no preview.
        unsure: whether neither name nor type shows that it is a clip, so its first bytes decide.
    """

    id: str
    issue_id: str
    filename: str
    size: int
    status: ClipStatus = ClipStatus.QUEUED
    reason: str = ""
    frames: int = 0
    duration: float = 0.0
    content: str = ""
    attached: float = 0.0
    unshown: bool = False
    unsure: bool = False

    def fresh(self) -> ClipRecord:
        """A new record of it for another encoder: to be indexed, unless it is purged."""
        if self.status is ClipStatus.PURGED:
            return self
        about = (self.id, self.issue_id, self.filename, self.size)
        return ClipRecord(*about, attached=self.attached, unshown=self.unshown, unsure=self.unsure)

    def purged(self) -> ClipRecord:
        """The record that is left of it after a purge."""
        about = (self.id, self.issue_id, self.filename, self.size, ClipStatus.PURGED)
        return ClipRecord(*about, attached=self.attached, unshown=True)

    @property
    def still(self) -> bool:
        """Whether this is an image rather than a video."""
        return self.frames == 1 and self.duration == 0


def checked_clip_id(clip_id: str) -> str:
    """The id, safe to use in names of files and objects. Raises ValueError for an invalid id."""
    # ASCII only: Jira's ids have no digits or letters of other scripts.
    if not (clip_id.isascii() and clip_id.isalnum()):
        raise ValueError(f"not a valid clip id: {clip_id!r}")
    return clip_id
