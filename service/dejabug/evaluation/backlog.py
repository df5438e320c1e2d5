"""One project's indexes in memory, filled ticket by ticket.

They give `ClipFinder` the same answers as those in Redis. They always compare exactly, and filling
them again in another order costs almost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from dejabug import ranking
from dejabug.index import ClipLocation
from dejabug.ranking import ENOUGH_TERMS, Floats, Likeness, Reference, Signature, TimedVectors


class NeighboursInMemory:
    """The nearest neighbours of each member of one project; everybody can see all of them."""

    def __init__(self) -> None:
        self._near: dict[str, dict[str, Likeness]] = {}
        self._usual: dict[str, bytes] = {}
        self._waiting: set[str] = set()
        self._backgrounds: dict[str, float] = {}

    def join(self, member: str) -> None:
        """A member was added, and waits to be compared."""
        self._near[member] = {}
        self._waiting.add(member)

    def open_among(self, members: Sequence[str], _project: str) -> set[str]:
        """As `Neighbours.open_among`."""
        return self._near.keys() & set(members)

    def settle(self, member: str) -> None:
        """As `Neighbours.settle`."""
        self._waiting.discard(member)

    def put(
        self,
        member: str,
        _project: str,
        likenesses: Mapping[str, Likeness],
        back: Mapping[str, Likeness],
        frame_background: bytes = b"",
    ) -> None:
        """As `Neighbours.put`."""
        self._near[member] |= likenesses
        for other, likeness in back.items():
            self._near[other][member] = likeness
        for name in (member, *back):
            self._near[name] = ranking.nearest_of(self._near[name])
            means = (each.mean for each in self._near[name].values())
            self._backgrounds[name] = ranking.background_of(means, len(self._near) - 1)
        self._usual[member] = frame_background
        self._waiting.discard(member)

    def references(self, project_of: Mapping[str, str]) -> dict[str, Reference]:
        """As `Neighbours.references`."""
        size = len(self._near)
        return {
            member: Reference(size=size)
            if member in self._waiting
            else ranking.reference_of(self._near[member], self._backgrounds, size)
            for member in project_of
        }

    def frame_backgrounds(self, members: Sequence[str]) -> dict[str, bytes]:
        """As `Neighbours.frame_backgrounds`."""
        return {name: self._usual[name] for name in members if self._usual.get(name)}


class FramesInMemory:
    """The frames of one project's clips, vectors of `dimensions`."""

    def __init__(self, project: str, dimensions: int) -> None:
        self._project = project
        self._clips: dict[str, TimedVectors] = {}
        self._signatures: dict[str, Signature] = {}
        self._places: dict[str, ClipLocation] = {}
        self._starts: list[int] = []
        self._filled = 0
        # Rows beyond `_filled` are spare capacity.
        self._rows: Floats = np.empty((1024, dimensions), np.float32)
        self.neighbours = NeighboursInMemory()

    def write_clip(
        self,
        clip_id: str,
        place: ClipLocation,
        clip: TimedVectors,
        signature: Signature | None = None,
    ) -> None:
        """Add a clip; each only once."""
        end = self._filled + len(clip.times)
        if end > len(self._rows):
            room = np.empty((2 * end, self._rows.shape[1]), np.float32)
            room[: self._filled] = self._rows[: self._filled]
            self._rows = room
        self._rows[self._filled : end] = clip.vectors
        self._starts.append(self._filled)
        self._filled = end
        self._clips[clip_id] = clip
        if signature is not None:
            self._signatures[clip_id] = signature
        self._places[clip_id] = place
        self.neighbours.join(clip_id)

    def nearest_clips(
        self, vectors: Floats, k: int, projects: Sequence[str]
    ) -> list[tuple[str, float]]:
        """As `FrameIndex.nearest_clips`."""
        if self._project not in projects or not self._clips:
            return []
        cosines = vectors @ self._rows[: self._filled].T
        if k < self._filled:
            least = np.partition(cosines, -k, axis=1)[:, -k, None]
            cosines = np.where(cosines >= least, cosines, -np.inf)
        best: Floats = np.maximum.reduceat(cosines, self._starts, axis=1)
        absent = np.isneginf(best)
        floors = np.where(absent, np.inf, best).min(axis=1, keepdims=True)
        scores = np.where(absent, floors, best).mean(axis=0)
        clips = list(self._clips)
        named = [(clips[n], float(scores[n])) for n in np.flatnonzero(~absent.all(axis=0))]
        return sorted(named, key=lambda item: (-item[1], item[0]))

    def clip_vectors(self, clip_ids: Iterable[str]) -> dict[str, TimedVectors]:
        """As `FrameIndex.clip_vectors`."""
        return {clip: self._clips[clip] for clip in clip_ids if clip in self._clips}

    def signatures(self, clip_ids: Iterable[str]) -> dict[str, Signature]:
        """As `FrameIndex.signatures`."""
        return {clip: self._signatures[clip] for clip in clip_ids if clip in self._signatures}

    def places(self, clip_ids: Iterable[str]) -> dict[str, ClipLocation]:
        """As `FrameIndex.places`."""
        return {clip: self._places[clip] for clip in clip_ids if clip in self._places}

    def issues_of_clips_on(self, issue_ids: Iterable[str]) -> dict[str, str]:
        """As `FrameIndex.issues_of_clips_on`."""
        clips_on: dict[str, list[str]] = {}
        for clip, place in self._places.items():
            clips_on.setdefault(place.issue_id, []).append(clip)
        return {
            clip: issue
            for issue in dict.fromkeys(issue_ids)
            for clip in sorted(clips_on.get(issue, []))
        }


class TicketsInMemory:
    """The words of one project's tickets."""

    def __init__(self, project: str) -> None:
        self._project = project
        self._vectors: dict[str, Floats] = {}
        self._terms: dict[str, int] = {}
        self.neighbours = NeighboursInMemory()

    def write(self, issue_id: str, vector: Floats, terms: int = ENOUGH_TERMS) -> None:
        """Add a ticket's words, as a unit vector [dimensions], and how many terms they are."""
        self._vectors[issue_id] = vector
        self._terms[issue_id] = terms
        self.neighbours.join(issue_id)

    def places(self, issue_ids: Sequence[str]) -> dict[str, tuple[str, bool]]:
        """As `TicketIndex.places`."""
        return {issue: (self._project, False) for issue in issue_ids if issue in self._vectors}

    def term_counts(self, issue_ids: Sequence[str]) -> dict[str, int]:
        """As `TicketIndex.term_counts`."""
        return {issue: self._terms.get(issue, 0) for issue in issue_ids}

    def vectors(self, issue_ids: Iterable[str]) -> dict[str, Floats]:
        """As `TicketIndex.vectors`."""
        wanted = dict.fromkeys(issue_ids)
        return {issue: self._vectors[issue] for issue in wanted if issue in self._vectors}

    def nearest(self, vector: Floats, k: int, projects: Sequence[str]) -> list[tuple[str, float]]:
        """As `TicketIndex.nearest`."""
        if self._project not in projects or not self._vectors:
            return []
        cosines = np.stack(list(self._vectors.values())) @ vector
        first = np.argsort(-cosines, kind="stable")[:k]
        issues = list(self._vectors)
        return [(issues[number], float(cosines[number])) for number in first]
