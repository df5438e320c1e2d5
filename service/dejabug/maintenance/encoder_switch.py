"""One encoder takes over from another: what the new collection still lacks, and the swap.

Both collections' records of clips are the whole state: whoever goes on after a break looks at them
and finds what is left. Redis compares the sets; nothing is counted twice and nothing kept in hand.
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

# Clips that may be lost to the new encoder and not to the old one, as a share of all: whether a
# file can be read is no matter of the model, so more tells of something that is wrong.
LOST_AT_MOST = 0.01
# Clips looked at in one round trip.
AT_ONCE = 500


@dataclass(frozen=True)
class Counts:
    """How far the new collection is: clips `known` to the old one, `done` here (`failed` and purged
    ones among them), waiting `clips` and `tickets` that the old one has done."""

    known: int
    done: int
    failed: int
    clips: int
    tickets: int


class EncoderSwitch:
    """From the collection that serves to the one that is being prepared."""

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
        """Have the new collection wait for these clips; those that are still known to the old one.
        What was purged is so here too, and waits for nothing.

        What a webhook has put there meanwhile, and a worker perhaps has done, stays as it is.
        """
        taken = []
        for clip in self.old.catalogue.clips(clip_ids).values():
            if self.new.catalogue.clip(clip.id) is None:
                self.new.catalogue.put_clip(clip.fresh())
            if self.old.catalogue.clip(clip.id) is None:
                self.new.catalogue.forget_clip(clip)  # deleted in Jira in this moment
            elif clip.status is not ClipStatus.PURGED:
                taken.append(clip.id)
        return taken

    def counts(self) -> Counts:
        """How far it is, in a few round trips."""
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
        """The clips that failed under the new encoder and are indexed under the old one."""
        keys = [
            self.new.catalogue.status_key(ClipStatus.FAILED),
            self.old.catalogue.status_key(ClipStatus.INDEXED),
        ]
        ids = sorted(map(text_of, self._redis.sinter(keys)))
        for start in range(0, len(ids), AT_ONCE):
            yield from self.new.catalogue.clips(ids[start : start + AT_ONCE]).values()

    def doubts(self) -> list[str]:
        """Why the new collection should not serve, though all of it is in; nothing where it may.

        Raises redis.RedisError.
        """
        found = []
        indexed = self.old.catalogue.count(ClipStatus.INDEXED)
        lost = sum(1 for _ in self.lost())
        if lost > LOST_AT_MOST * indexed:
            found.append(f"{lost:,} of {indexed:,} clips were lost on the way")
        state = self.new.index.state()
        if state.failures:
            found.append(f"Redis could not index {state.failures:,} frames")
        holds = self.new.index.clip_count(self.new.catalogue.projects())
        done = self.new.catalogue.count(ClipStatus.INDEXED)
        if holds < done:
            found.append(f"the index holds {holds:,} of the {done:,} clips that are said to be in")
        return found

    def ready(self) -> bool:
        """Whether Redis has built the new index as its size wants it."""
        state = self.new.index.state()
        return state.ready and not self.new.index.growth.must_grow(state)

    def swap(self, active_encoder: ActiveEncoder) -> set[str]:
        """Let the new collection serve, in one step; the issues of which the old one had something
        left to do in that moment.

        Their comments are still owed: which of the two did its part last cannot be told. Raises
        NotServingError.
        """
        waiting = self.old.catalogue.status_key(ClipStatus.QUEUED)
        clips, issues = active_encoder.swap(
            self.old.name, self.new.name, [waiting, self.old.catalogue.words_waiting]
        )
        return issues | {clip.issue_id for clip in self.old.catalogue.clips(clips).values()}
