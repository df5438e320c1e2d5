"""Switching from one encoder to another: what the new collection still lacks, and the swap.

Both collections' records of clips are the whole state: after an interruption, they show what is
left. Redis compares the sets, so nothing is counted twice or kept in memory.
"""

from __future__ import annotations

from collections.abc import Collection as AnyOf
from collections.abc import Iterator
from dataclasses import dataclass

import redis

from dejabug.index import text_of
from dejabug.records.active_encoder import ActiveEncoder
from dejabug.records.collection import Collection
from dejabug.records.types import ClipRecord, ClipStatus

# The share of clips that may fail only with the new encoder. Whether a file can be read does not
# depend on the model, so a larger share means that something is wrong.
LOST_AT_MOST = 0.01
# Clips read in one round trip.
AT_ONCE = 500


@dataclass(frozen=True)
class Counts:
    """How far the new collection is: clips `known` to the old one, `done` here (including `failed`
    and purged ones), waiting `clips` and `tickets` that the old one has done."""

    known: int
    done: int
    failed: int
    clips: int
    tickets: int


class EncoderSwitch:
    """From the active collection to the one that is being prepared."""

    def __init__(self, connection: redis.Redis, old: Collection, new: Collection) -> None:
        self._redis = connection
        self.old, self.new = old, new

    def missing(self) -> list[str]:
        """The clips of known issues that the old collection knows, and the new one does not."""
        known = [self.new.catalogue.status_key(status) for status in ClipStatus]
        found: set[str] = set()
        for status in ClipStatus:
            lacking = self._redis.sdiff([self.old.catalogue.status_key(status), *known])
            found.update(map(text_of, lacking))
        ids, whole = sorted(found), []
        for start in range(0, len(ids), AT_ONCE):
            clips = self.old.catalogue.clips(ids[start : start + AT_ONCE]).values()
            issues = self.old.catalogue.keys_of({clip.issue_id for clip in clips})
            whole += [clip.id for clip in clips if clip.issue_id in issues]
        return whole

    def take(self, clip_ids: AnyOf[str]) -> list[str]:
        """Make these clips wait in the new collection; returns those that the old one still knows.
        Purged clips become purged here too, and do not wait.

        What a webhook has added meanwhile, and perhaps a worker has finished, stays as it is.
        """
        taken = []
        for clip in self.old.catalogue.clips(clip_ids).values():
            if self.new.catalogue.clip(clip.id) is None:
                self.new.catalogue.put_clip(clip.fresh())
            if self.old.catalogue.clip(clip.id) is None:
                self.new.catalogue.forget_clip(clip)  # deleted in Jira at this moment
            elif clip.status is not ClipStatus.PURGED:
                taken.append(clip.id)
        return taken

    def counts(self) -> Counts:
        """The progress, in a few round trips."""
        old, new = self.old.catalogue, self.new.catalogue
        failed = new.count(ClipStatus.FAILED)
        queued = (new.status_key(ClipStatus.QUEUED), old.status_key(ClipStatus.QUEUED))
        return Counts(
            known=sum(old.count(status) for status in ClipStatus),
            done=new.count(ClipStatus.INDEXED) + new.count(ClipStatus.PURGED) + failed,
            failed=failed,
            clips=len(self._redis.sdiff(list(queued))),
            tickets=len(self._redis.sdiff([new.words_waiting, old.words_waiting])),
        )

    def lost(self) -> Iterator[ClipRecord]:
        """The clips that failed with the new encoder but are indexed with the old one."""
        keys = [
            self.new.catalogue.status_key(ClipStatus.FAILED),
            self.old.catalogue.status_key(ClipStatus.INDEXED),
        ]
        ids = sorted(map(text_of, self._redis.sinter(keys)))
        for start in range(0, len(ids), AT_ONCE):
            yield from self.new.catalogue.clips(ids[start : start + AT_ONCE]).values()

    def doubts(self) -> list[str]:
        """Why the new collection should not become active although it is complete; empty if it may.

        Raises redis.RedisError.
        """
        found = []
        indexed = self.old.catalogue.count(ClipStatus.INDEXED)
        lost = sum(1 for _ in self.lost())
        if lost > LOST_AT_MOST * indexed:
            found.append(f"{lost:,} of {indexed:,} clips failed only with the new encoder")
        state = self.new.index.state()
        if state.failures:
            found.append(f"Redis could not index {state.failures:,} frames")
        holds = self.new.index.clip_count(self.new.catalogue.projects())
        done = self.new.catalogue.count(ClipStatus.INDEXED)
        if holds < done:
            found.append(f"the index has only {holds:,} of the {done:,} clips that should be in it")
        return found

    def ready(self) -> bool:
        """Whether Redis has built the new index in the form that its size requires."""
        state = self.new.index.state()
        return state.ready and not self.new.index.growth.must_grow(state)

    def swap(self, active_encoder: ActiveEncoder) -> set[str]:
        """Make the new collection the active one, atomically; returns the issues for which the old
        one had work left at that moment.

        Their comments are still to be written: which of the two finished last is unknown. Raises
        NotServingError.
        """
        waiting = self.old.catalogue.status_key(ClipStatus.QUEUED)
        clips, issues = active_encoder.swap(
            self.old.name, self.new.name, [waiting, self.old.catalogue.words_waiting]
        )
        return issues | {clip.issue_id for clip in self.old.catalogue.clips(clips).values()}
