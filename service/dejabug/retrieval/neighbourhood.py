"""Compares a clip, or a ticket, with those of its own project: the baseline for scores.

Done once when it is indexed; the clips similar to it are updated at the same time. So each clip's
nearest are always known, and a search compares only its own pairs.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import structlog

from dejabug import ranking
from dejabug.index import ClipLocation
from dejabug.ranking import Compared, Floats, Likeness, Origins, Signature, TimedVectors
from dejabug.records.collection import Collection
from dejabug.records.types import ClipStatus

log = structlog.get_logger()

# How many clips one is compared with: the nearest that everybody can see, and some of the others,
# whose lists are updated.
COMPARED = 100
RESTRICTED_COMPARED = 50
# How many frames are searched around each of a clip's frames, to find them.
FRAMES = 1000
# How many tickets one is compared with.
TICKETS = 50
# Two clips this similar are copies of one recording, which do not show what is usual.
COPIES = 0.998
# Seconds that one maintenance round spends on waiting clips, and how many it takes at once.
PATIENCE = 20.0
AT_ONCE = 200


class Neighbours(Protocol):
    """The stored neighbours, as in `index.Neighbours`."""

    def open_among(self, members: Sequence[str], project: str, /) -> set[str]: ...
    def settle(self, member: str) -> None: ...
    def put(
        self,
        member: str,
        project: str,
        likenesses: Mapping[str, Likeness],
        back: Mapping[str, Likeness],
        frame_background: bytes = b"",
        /,
    ) -> None: ...


class Frames(Protocol):
    """The part of an index that comparing a clip needs, as in `FrameIndex`."""

    @property
    def neighbours(self) -> Neighbours: ...
    def nearest_clips(
        self, vectors: Floats, k: int, projects: Sequence[str]
    ) -> list[tuple[str, float]]: ...
    def clip_vectors(self, clip_ids: Iterable[str]) -> dict[str, TimedVectors]: ...
    def signatures(self, clip_ids: Iterable[str]) -> dict[str, Signature]: ...
    def places(self, clip_ids: Iterable[str]) -> dict[str, ClipLocation]: ...


class Tickets(Protocol):
    """The part of an index that comparing a ticket needs, as in `TicketIndex`."""

    @property
    def neighbours(self) -> Neighbours: ...
    def nearest(
        self, vector: Floats, k: int, projects: Sequence[str]
    ) -> list[tuple[str, float]]: ...
    def vectors(self, issue_ids: Iterable[str]) -> dict[str, Floats]: ...
    def places(self, issue_ids: Sequence[str]) -> dict[str, tuple[str, bool]]: ...


def compare_clip(collection: Collection, clip_id: str) -> None:
    """Compare an indexed clip with those of its project. Does nothing if it is gone."""
    enter_clip(collection.index, collection.origins(), clip_id)


def compare_ticket(collection: Collection, issue_id: str) -> None:
    """The same for a ticket's words."""
    enter_ticket(collection.tickets, collection.origins(), issue_id)


def catch_up(collection: Collection, patience: float = PATIENCE) -> int:
    """Compare waiting members for `patience` seconds, and at least one: those that an earlier
    version indexed, that were restored or moved, or that a killed worker left. Returns how many
    were compared."""
    adopted = collection.index.neighbours.adopt(_known_clips(collection))
    adopted += collection.tickets.neighbours.adopt(_known_tickets(collection))
    if adopted:
        log.info("comparing_with_projects", encoder=collection.name, clips_and_tickets=adopted)
    until, done = time.monotonic() + patience, 0
    for neighbours, compare in (
        (collection.tickets.neighbours, compare_ticket),
        (collection.index.neighbours, compare_clip),
    ):
        while (not done or time.monotonic() < until) and (some := neighbours.waiting(AT_ONCE)):
            for member in some:
                compare(collection, member)
                done += 1
                if time.monotonic() > until:
                    break
    if done:
        left = (
            collection.index.neighbours.waiting_count()
            + collection.tickets.neighbours.waiting_count()
        )
        log.info("compared_with_projects", encoder=collection.name, done=done, left=left)
    return done


def enter_clip(index: Frames, origins: Origins, clip_id: str) -> None:
    """Compare a clip of an index with its project, and again if it is moved meanwhile; see
    `compare_clip`."""
    where = index.places([clip_id]).get(clip_id)
    while where is not None:
        clip = index.clip_vectors([clip_id]).get(clip_id)
        if clip is None:
            break
        _compare_clip(index, origins, clip_id, clip, where)
        before, where = where, index.places([clip_id]).get(clip_id)
        if where == before:
            return
    index.neighbours.settle(clip_id)


def _compare_clip(
    index: Frames, origins: Origins, clip_id: str, clip: TimedVectors, where: ClipLocation
) -> None:
    standing = clip.vectors[ranking.spread(len(clip.vectors))]
    near = index.nearest_clips(standing, FRAMES, [where.project])
    places = index.places(other for other, _ in near)
    others = [
        other for other, _ in near if other in places and places[other].issue_id != where.issue_id
    ]
    is_open = index.neighbours.open_among([clip_id, *others], where.project)
    shown = [other for other in others if other in is_open][:COMPARED]
    hidden = [other for other in others if other not in is_open][:RESTRICTED_COMPARED]
    compared = _compared(index, origins, clip_id, clip, [*shown, *hidden])
    usual = ranking.frame_backgrounds(
        {other: compared[other] for other in shown if other in compared}, len(clip.times)
    )
    index.neighbours.put(
        clip_id,
        where.project,
        {other: compared[other].there for other in shown if other in compared},
        {other: each.back for other, each in compared.items()} if clip_id in is_open else {},
        usual.astype(np.float16).tobytes(),
    )


def _compared(
    index: Frames, origins: Origins, clip_id: str, clip: TimedVectors, others: Sequence[str]
) -> dict[str, Compared]:
    """Compares a clip with others, by frames and by motion; leaves out copies of its frames."""
    vectors = index.clip_vectors(others)
    seen = {
        other: ranking.centre(each.vectors, origins.pictures) for other, each in vectors.items()
    }
    found = ranking.compare(ranking.centre(clip.vectors, origins.pictures), seen)
    found = {
        other: each
        for other, each in found.items()
        if min(each.there.mean, each.back.mean) < COPIES
    }
    motions = {
        name: ranking.motion_of(each) for name, each in index.signatures([clip_id, *found]).items()
    }
    own = motions.pop(clip_id, None)
    if own is None:
        return found
    for other, motion in motions.items():
        step = ranking.likeness_in_step(own, motion)
        each = found[other]
        found[other] = replace(
            each, there=replace(each.there, step=step), back=replace(each.back, step=step)
        )
    return found


def enter_ticket(index: Tickets, origins: Origins, issue_id: str) -> None:
    """Compare a ticket of an index with its project, and again if it is moved meanwhile; see
    `compare_ticket`."""
    where = index.places([issue_id]).get(issue_id)
    while where is not None:
        vector = index.vectors([issue_id]).get(issue_id)
        if vector is None:
            break
        _compare_ticket(index, origins, issue_id, vector, where[0])
        before, where = where, index.places([issue_id]).get(issue_id)
        if where == before:
            return
    index.neighbours.settle(issue_id)


def _compare_ticket(
    index: Tickets, origins: Origins, issue_id: str, vector: Floats, project: str
) -> None:
    near = [other for other, _ in index.nearest(vector, 2 * TICKETS, [project])]
    is_open = index.neighbours.open_among([issue_id, *near], project)
    vectors = index.vectors(other for other in near if other != issue_id)
    if not vectors:
        index.neighbours.put(issue_id, project, {}, {})
        return
    cosines = ranking.likenesses(vector, np.stack(list(vectors.values())), origins.words)
    alike = {
        other: Likeness(cosine, cosine)
        for other, cosine in zip(vectors, cosines.tolist(), strict=True)
    }
    shown = {other: each for other, each in alike.items() if other in is_open}
    index.neighbours.put(issue_id, project, shown, alike if issue_id in is_open else {})


def _known_clips(collection: Collection) -> Iterator[tuple[str, str, bool]]:
    for clip in collection.catalogue.with_status(ClipStatus.INDEXED):
        issue = collection.catalogue.issue(clip.issue_id)
        if issue is not None and collection.index.holds(clip.id):
            yield clip.id, issue.project, issue.restricted


def _known_tickets(collection: Collection) -> Iterator[tuple[str, str, bool]]:
    for issue_id in collection.catalogue.words_done():
        issue = collection.catalogue.issue(issue_id)
        if issue is not None and collection.tickets.places([issue_id]):
            yield issue_id, issue.project, issue.restricted
