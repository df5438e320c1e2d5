"""Data types that the frame index takes and returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ClipLocation:
    """Where a clip belongs: the tags by which frames are filtered, and whether its issue is
    `restricted`, by a security level."""

    issue_id: str
    project: str
    game: str
    restricted: bool = False

    def tags(self) -> dict[Any, Any]:
        """The fields of a frame, and of a clip, that hold these tags."""
        return {"issue": self.issue_id, "project": self.project, "game": self.game}


@dataclass(frozen=True)
class IndexState:
    """What the index holds, and whether it answers completely."""

    name: str
    algorithm: str
    frames: int
    failures: int  # hashes that Redis could not index: must stay 0
    ready: bool  # False while Redis is still building it
    bytes: int  # size of its vectors in memory
