"""How far an issue's clips are: why little may be found of what is like them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dejabug.records.catalogue import Catalogue
from dejabug.records.types import ClipRecord, ClipStatus, IssueRecord

State = Literal["indexing", "ready", "no_clips", "failed"]
BY_WORDS = "so its words were compared"


@dataclass(frozen=True)
class IndexingProgress:
    """An issue's `clips`, and how many of them, and of its words, are still to be embedded."""

    clips: list[ClipRecord]
    waiting: int

    @property
    def failed(self) -> list[ClipRecord]:
        """The clips that could not be used."""
        return [clip for clip in self.clips if clip.status is ClipStatus.FAILED]

    @property
    def state(self) -> State:
        """`failed` only where no clip could be used."""
        if self.waiting:
            return "indexing"
        if not self.clips:
            return "no_clips"
        return "failed" if len(self.failed) == len(self.clips) else "ready"

    @property
    def reason(self) -> str | None:
        """The state in a sentence for people; None where all is read."""
        if self.state == "indexing":
            return "It is still being read: ask again in a minute."
        if self.state == "no_clips":
            return f"It has no clip, {BY_WORDS}."
        if self.state == "failed":
            first = self.failed[0]
            return f"No clip of it could be used, {BY_WORDS} ({first.filename}: {why(first)})."
        return None


def progress_of(catalogue: Catalogue, record: IssueRecord) -> IndexingProgress:
    """How far this issue is."""
    clips = catalogue.clips_of(record.id)
    waiting = sum(clip.status is ClipStatus.QUEUED for clip in clips)
    return IndexingProgress(clips, waiting + catalogue.words_wait(record.id))


def why(clip: ClipRecord) -> str:
    """Why a clip failed, for people: its reason without the code."""
    return clip.reason.partition(": ")[2]
