"""The indexing progress of an issue's clips: why a search by the issue may find little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dejabug.records.catalogue import Catalogue
from dejabug.records.types import ClipRecord, ClipStatus, IssueRecord

State = Literal["indexing", "ready", "no_clips", "failed"]
BY_WORDS = "so only its text was compared"


@dataclass(frozen=True)
class IndexingProgress:
    """An issue's `clips`, and how many of them (and of its text) are `waiting` to be indexed."""

    clips: list[ClipRecord]
    waiting: int

    @property
    def failed(self) -> list[ClipRecord]:
        """The clips that failed."""
        return [clip for clip in self.clips if clip.status is ClipStatus.FAILED]

    @property
    def state(self) -> State:
        """The state; `failed` only if all clips failed."""
        if self.waiting:
            return "indexing"
        if not self.clips:
            return "no_clips"
        return "failed" if len(self.failed) == len(self.clips) else "ready"

    @property
    def reason(self) -> str | None:
        """The state in a sentence for people; None if everything is indexed."""
        if self.state == "indexing":
            return "It is still being indexed. Try again in a minute."
        if self.state == "no_clips":
            return f"It has no clip, {BY_WORDS}."
        if self.state == "failed":
            first = self.failed[0]
            clips = "Its clip" if len(self.failed) == 1 else "All its clips"
            return f"{clips} failed, {BY_WORDS} ({first.filename}: {why(first)})."
        return None


def progress_of(catalogue: Catalogue, record: IssueRecord) -> IndexingProgress:
    """The indexing progress of this issue."""
    clips = catalogue.clips_of(record.id)
    waiting = sum(clip.status is ClipStatus.QUEUED for clip in clips)
    return IndexingProgress(clips, waiting + catalogue.words_wait(record.id))


def why(clip: ClipRecord) -> str:
    """Why a clip failed, for people: its reason without the error code."""
    return clip.reason.partition(": ")[2]
