"""What is remembered of an issue and of a clip."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ClipStatus(StrEnum):
    """What became of a clip under one encoder."""

    QUEUED = "queued"
    INDEXED = "indexed"
    FAILED = "failed"
    PURGED = "purged"  # older than footage is kept: nothing of it is here, and it is not read again


@dataclass(frozen=True)
class IssueRecord:
    """A known issue. `watched` is set once it may get a comment: never by a backfill alone.
    `fingerprint` is a digest of what comments on other issues say of it, `restricted` whether it
    had a security level when it was last read: enough to see a change, never to decide by."""

    id: str
    key: str
    project: str
    game: str
    watched: bool = False
    fingerprint: str = ""
    restricted: bool = False


@dataclass(frozen=True)
class ClipRecord:
    """A known clip; `reason` says why it failed, `frames` and `duration` (s) what was kept,
    `content` is the file's SHA-256. `attached` is when it came to its issue (Unix seconds, 0 where
    that is not known); of an `unshown` one no picture and no preview is kept or made. Of an
    `unsure` one neither name nor type says that it is a clip: its first bytes must."""

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
        """As another encoder first knows it: to be read, unless its footage is purged."""
        if self.status is ClipStatus.PURGED:
            return self
        about = (self.id, self.issue_id, self.filename, self.size)
        return ClipRecord(*about, attached=self.attached, unshown=self.unshown, unsure=self.unsure)

    def purged(self) -> ClipRecord:
        """What is remembered of it when its footage is purged."""
        about = (self.id, self.issue_id, self.filename, self.size, ClipStatus.PURGED)
        return ClipRecord(*about, attached=self.attached, unshown=True)

    @property
    def still(self) -> bool:
        """Whether this is a picture, and no video."""
        return self.frames == 1 and self.duration == 0


def checked_clip_id(clip_id: str) -> str:
    """The id, which names of files and objects are made of. Raises ValueError for what is no
    clip's."""
    # ASCII alone: other scripts' digits and letters are no part of Jira's ids.
    if not (clip_id.isascii() and clip_id.isalnum()):
        raise ValueError(f"not a clip id: {clip_id!r}")
    return clip_id
