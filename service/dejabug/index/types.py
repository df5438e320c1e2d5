"""What the frames' index is told and tells."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where a clip belongs: the tags by which frames are filtered."""

    issue_id: str
    project: str
    game: str


@dataclass(frozen=True)
class IndexState:
    """What the index holds, and whether it answers fully."""

    name: str
    algorithm: str
    frames: int
    failures: int  # hashes that Redis could not index: must stay 0
    ready: bool  # False while Redis is still building it
    bytes: int  # of its vectors, in memory
