"""How long clips are kept: cut-off dates from purges and from DEJABUG_RETENTION_DAYS.

A cut-off stays after its purge, so that a backfill, a reconcile or another encoder doesn't bring
purged clips back.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import redis

from dejabug.index import text_of
from dejabug.jira.jql import unix_time
from dejabug.jira.models import Attachment, Issue
from dejabug.media import is_evidence
from dejabug.records.types import ClipRecord, ClipStatus

# What, and project or EVERY → Unix seconds.
KEY = "dejabug:retention"
EVERY = "*"
DAY = 24 * 3600  # seconds
# clips: all data of a clip; pictures: its thumbnails and preview, while its vectors stay.
What = Literal["clips", "pictures"]


@dataclass(frozen=True)
class Cutoffs:
    """The cut-off times in Unix seconds, by project: clips attached earlier are not kept. `always`:
    the one for all projects, from the setting."""

    clips: Mapping[str, float] = field(default_factory=dict)
    pictures: Mapping[str, float] = field(default_factory=dict)
    always: float = 0.0

    def purges(self, project: str, attached: float) -> bool:
        """Whether all data of such a clip is deleted. A clip of unknown age is kept."""
        return 0 < attached < max(self.always, _of(self.clips, project))

    def hides(self, project: str, attached: float) -> bool:
        """Whether such a clip has no thumbnails and no preview."""
        return (
            0 < attached < max(self.always, _of(self.clips, project), _of(self.pictures, project))
        )


class Retention:
    """The cut-offs in Redis, and the one of DEJABUG_RETENTION_DAYS."""

    def __init__(self, connection: redis.Redis, days: int) -> None:
        self._redis = connection
        self._days = days

    def put(self, what: What, project: str, before: float) -> None:
        """From now on, keep nothing in `project` (or EVERY) that was attached `before` (Unix
        seconds). A cut-off earlier than the current one changes nothing."""
        held = self.cutoffs()
        own = held.clips if what == "clips" else held.pictures
        if before > own.get(project, 0.0):
            self._redis.hset(KEY, f"{what}:{project}", before)

    def cutoffs(self) -> Cutoffs:
        """The current cut-offs."""
        found: dict[str, dict[str, float]] = {"clips": {}, "pictures": {}}
        for name, before in self._redis.hgetall(KEY).items():
            what, _, project = text_of(name).partition(":")
            if what in found:
                found[what][project] = float(before)
        always = time.time() - self._days * DAY if self._days else 0.0
        return Cutoffs(found["clips"], found["pictures"], always)

    def lift(self, project: str) -> None:
        """Remove the cut-offs of a project, or of EVERY."""
        self._redis.hdel(KEY, f"clips:{project}", f"pictures:{project}")


def clip_record(file: Attachment, issue: Issue, cutoffs: Cutoffs) -> ClipRecord:
    """The first record of a clip: to be indexed, unless it is too old."""
    attached = unix_time(file.created) or 0.0
    purged = cutoffs.purges(issue.project, attached)
    return ClipRecord(
        file.id,
        issue.id,
        file.filename,
        file.size,
        ClipStatus.PURGED if purged else ClipStatus.QUEUED,
        attached=attached,
        unshown=cutoffs.hides(issue.project, attached),
        unsure=not is_evidence(file.filename, file.mime_type),
    )


def _of(cutoffs: Mapping[str, float], project: str) -> float:
    return max(cutoffs.get(project, 0.0), cutoffs.get(EVERY, 0.0))
