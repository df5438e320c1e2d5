"""The nearest neighbours of each clip or ticket within its project, kept next to an index.

A score subtracts the usual similarity around both clips of a pair (`ranking.reference`). The data
for that is updated here as clips come and go, so no search has to compute it, and every search gets
the same answer. Only members that everybody with access to the project can see count as neighbours:
a clip of an issue with a security level has neighbours, but is a neighbour of none.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from typing import Any, Literal

import redis
from redis.client import Pipeline

from dejabug.index.queries import text_of
from dejabug.ranking import (
    KEPT,
    Likeness,
    Reference,
    background_of,
    nearest_of,
    reference_of,
)

# A list that has grown to this many entries is cut to KEPT.
MOST = 2 * KEPT


class Neighbours:
    """The nearest neighbours of each member of an index: its members are of this `kind`, under the
    encoder's `slug`.

    The index's own writes add members (`join`, `leave`), which then wait to be compared; `put`
    stores the result of the comparison.
    """

    def __init__(self, connection: redis.Redis, kind: Literal["clip", "ticket"], slug: str) -> None:
        prefix = f"dejabug:neighbours:{kind}:{slug}:"
        self._redis = connection
        self._near = f"{prefix}near:"
        self._open = f"{prefix}open:"
        self._waiting = f"{prefix}waiting"
        self._backgrounds = f"{prefix}background"
        self._usual = f"{prefix}frames"
        self._since = f"{prefix}since"

    # Members

    def join(self, pipe: Pipeline, member: str, project: str, *, restricted: bool) -> None:
        """Within a transaction: a member was added to the index, and waits to be compared."""
        if restricted:
            pipe.srem(self._open + project, member)
        else:
            pipe.sadd(self._open + project, member)
        pipe.sadd(self._waiting, member)

    def leave(self, pipe: Pipeline, member: str, project: str) -> None:
        """Within a transaction: a member was removed, or moves to another project."""
        pipe.srem(self._open + project, member)
        self._drop(pipe, member)

    def _drop(self, pipe: Pipeline, member: str) -> None:
        pipe.srem(self._waiting, member)
        pipe.hdel(self._backgrounds, member)
        pipe.hdel(self._usual, member)
        pipe.delete(self._near + member)

    def adopt(self, members: Iterable[tuple[str, str, bool]]) -> int:
        """Make all members wait to be compared, for an index that was filled by a version without
        neighbours: (member, project, restricted) each. Returns how many; 0 if already done."""
        if self._redis.exists(self._since):
            return 0
        count = 0
        for member, project, restricted in members:
            count += 1
            with self._redis.pipeline(transaction=True) as pipe:
                self.join(pipe, member, project, restricted=restricted)
                pipe.execute()
        self._redis.set(self._since, int(time.time()))
        return count

    def waiting(self, limit: int) -> list[str]:
        """Up to `limit` members that wait to be compared."""
        return [text_of(name) for name in self._redis.srandmember(self._waiting, limit) or []]

    def waiting_count(self) -> int:
        """How many members wait to be compared."""
        return int(self._redis.scard(self._waiting))

    def settle(self, member: str) -> None:
        """A member is gone: it no longer waits, and results that arrived meanwhile are removed."""
        with self._redis.pipeline(transaction=True) as pipe:
            self._drop(pipe, member)
            pipe.execute()

    def open_among(self, members: Sequence[str], project: str) -> set[str]:
        """Those of these members that everybody with access to their project can see."""
        if not members:
            return set()
        found = self._redis.smismember(self._open + project, list(members))
        return {name for name, there in zip(members, found, strict=True) if there}

    # Their neighbours

    def put(
        self,
        member: str,
        project: str,
        likenesses: Mapping[str, Likeness],
        back: Mapping[str, Likeness],
        frame_background: bytes = b"",
    ) -> None:
        """Store what a member is similar to, `likenesses` by other member, and what is similar to
        it (`back`; empty where it must not be a neighbour)."""
        # Members added while it was compared have already stored theirs: their likeness stays.
        # The backgrounds of members that it is similar to are computed again even where it must not
        # be their neighbour: it may have been one before it was restricted.
        lists = self._lists(sorted({member, *likenesses, *back}))
        new = {member: nearest_of(likenesses)}
        new |= {other: {member: likeness} for other, likeness in back.items()}
        # As they would be read again, so repeating a comparison changes nothing.
        new = {
            name: {other: _unpacked(_packed(each)) for other, each in found.items()}
            for name, found in new.items()
        }
        for name, found in new.items():
            lists[name] |= found
        is_open = self.open_among(sorted(_named(lists)), project)
        told: dict[Any, Any] = dict(self._backgrounds_of(project, lists, is_open))
        with self._redis.pipeline(transaction=True) as pipe:
            for name, found in new.items():
                if found:
                    packed: dict[Any, Any] = {other: _packed(each) for other, each in found.items()}
                    pipe.hset(self._near + name, mapping=packed)
                if surplus := _surplus(lists[name], is_open):
                    pipe.hdel(self._near + name, *surplus)
            pipe.hset(self._backgrounds, mapping=told)
            if frame_background:
                pipe.hset(self._usual, member, frame_background)
            pipe.srem(self._waiting, member)
            pipe.execute()

    def references(self, project_of: Mapping[str, str]) -> dict[str, Reference]:
        """The usual similarity around these members, each with the project that it is in."""
        members = list(project_of)
        if not members:
            return {}
        lists = self._lists(members)
        projects = sorted(set(project_of.values()))
        near = {
            project: sorted({o for m in members if project_of[m] == project for o in lists[m]})
            for project in projects
        }
        every = sorted({other for names in near.values() for other in names})
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.smismember(self._waiting, [*members, *every])
            for project in projects:
                pipe.scard(self._open + project)
                # Members that have left, or were restricted, stop counting immediately.
                pipe.smismember(self._open + project, [*members, *near[project]])
            if every:
                pipe.hmget(self._backgrounds, every)
            waiting, *told = pipe.execute()
        rows = told.pop() if every else []
        waits = set(compress([*members, *every], waiting))
        backgrounds = {
            other: float(each)
            for other, each in zip(every, rows, strict=True)
            if each is not None and other not in waits
        }
        found: dict[str, Reference] = {}
        for number, project in enumerate(projects):
            count, there = told[2 * number], told[2 * number + 1]
            is_open = dict(zip([*members, *near[project]], map(bool, there), strict=True))
            for member in (m for m in members if project_of[m] == project):
                size = int(count) + (not is_open[member])
                kept = {o: each for o, each in lists[member].items() if is_open[o]}
                found[member] = reference_of(kept, backgrounds, size)
        return {
            member: Reference(size=found[member].size) if member in waits else found[member]
            for member in members
        }

    def open_near(self, member: str, project: str) -> list[str]:
        """What a member in this project is most similar to, nearest first, at most KEPT: only
        members that everybody with access to the project can see now."""
        near = self._lists([member])[member]
        is_open = self.open_among(list(near), project)
        return list(nearest_of({other: each for other, each in near.items() if other in is_open}))

    def frame_backgrounds(self, members: Sequence[str]) -> dict[str, Any]:
        """What `put` received about each member's frames."""
        if not members:
            return {}
        rows = self._redis.hmget(self._usual, list(members))
        return {name: row for name, row in zip(members, rows, strict=True) if row is not None}

    def _lists(self, members: Sequence[str]) -> dict[str, dict[str, Likeness]]:
        with self._redis.pipeline(transaction=False) as pipe:
            for member in members:
                pipe.hgetall(self._near + member)
            rows = pipe.execute()
        return {
            member: {text_of(other): _unpacked(each) for other, each in row.items()}
            for member, row in zip(members, rows, strict=True)
        }

    def _backgrounds_of(
        self, project: str, lists: Mapping[str, Mapping[str, Likeness]], is_open: set[str]
    ) -> dict[str, float]:
        count = int(self._redis.scard(self._open + project))
        found = {}
        for member, near in lists.items():
            shown = nearest_of({other: each for other, each in near.items() if other in is_open})
            means = (each.mean for each in shown.values())
            found[member] = background_of(means, count - (member in is_open))
        return found


def _named(lists: Mapping[str, Mapping[str, Likeness]]) -> set[str]:
    """All members that have one of these lists, or are named in one."""
    return {*lists, *(other for near in lists.values() for other in near)}


def _surplus(near: Mapping[str, Likeness], is_open: set[str]) -> set[str]:
    """Whom a list that has grown too long drops: members that are gone or restricted, and the
    least similar ones."""
    if len(near) <= MOST:
        return set()
    shown = {other: each for other, each in near.items() if other in is_open}
    return near.keys() - nearest_of(shown).keys()


def _packed(likeness: Likeness) -> str:
    return f"{likeness.mean:.4f} {likeness.both:.4f} {likeness.step:.3f}"


def _unpacked(packed: Any) -> Likeness:
    return Likeness(*map(float, text_of(packed).split()))
