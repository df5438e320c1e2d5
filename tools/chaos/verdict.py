"""Checks at the end: is everything idle, and is everything there exactly once?"""

from __future__ import annotations

import contextlib
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import redis
from rq.registry import (
    DeferredJobRegistry,
    FailedJobRegistry,
    ScheduledJobRegistry,
    StartedJobRegistry,
)

from dejabug.index import text_of
from dejabug.infra.job_queue import QUEUES
from dejabug.records.outbox import PENDING
from dejabug.records.types import ClipStatus
from dejabug.services import Services
from tools.chaos.storm import Filed, comments_by_us, pictures_by_us

# Seconds without any work before the service counts as idle.
STILL = 6.0
LOOK = 1.0
# How our comments name an issue.
NAMED = re.compile(r"^\* \*\[([A-Z][A-Z0-9_]*-\d+)\|", re.MULTILINE)


def wait_for_rest(services: Services, seconds: float) -> str:
    """Wait until nothing is in progress; returns what still is after `seconds`, or empty.

    Shortens pauses that would last hours: retries are due now, and lost work is resumed now.
    """
    deadline = time.monotonic() + seconds
    rested: float | None = None
    while time.monotonic() < deadline:
        with contextlib.suppress(redis.RedisError):
            _hurry(services)
            if under_way(services):
                rested = None
            elif rested is None:
                rested = time.monotonic()
            elif time.monotonic() - rested > STILL:
                return ""
        time.sleep(LOOK)
    return ", ".join(f"{count} {what}" for what, count in under_way(services).items())


def under_way(services: Services) -> dict[str, int]:
    """What waits or runs, by kind."""
    found: Counter[str] = Counter()
    for name in QUEUES:
        queue = services.queues.get(name)
        found[f"waiting on {name}"] = queue.count
        found[f"taken from {name}"] = len(queue.intermediate_queue.get_job_ids())
        found[f"running of {name}"] = len(queue.started_job_registry.get_job_ids(cleanup=False))
        found[f"retries on {name}"] = len(ScheduledJobRegistry(queue=queue))
        found[f"deferred on {name}"] = len(DeferredJobRegistry(queue=queue))
    found["promises"] = services.redis.zcard(PENDING)
    found["clips queued"] = services.collections.active.catalogue.count(ClipStatus.QUEUED)
    found["words waiting"] = len(list(services.collections.active.catalogue.all_words_waiting()))
    return {what: count for what, count in found.items() if count}


def _hurry(services: Services) -> None:
    for name in QUEUES:
        key = ScheduledJobRegistry(queue=services.queues.get(name)).key
        for job_id in services.redis.zrange(key, 0, -1):
            services.redis.zadd(key, {job_id: 1}, xx=True)
    idle = not any(services.queues.get(name).count for name in QUEUES)
    if idle:
        for issue_id in services.redis.zrange(PENDING, 0, -1):
            services.redis.zadd(PENDING, {issue_id: 1}, xx=True)


def faults(
    services: Services, tickets: Sequence[Filed], jira: str, token: str, folders: Sequence[Path]
) -> list[str]:
    """Everything that is wrong, as sentences; empty if all is well."""
    return [
        *_clips(services, tickets),
        *_comments(services, tickets, jira, token),
        *_jobs(services),
        *_left_over(services, folders),
    ]


def _clips(services: Services, tickets: Sequence[Filed]) -> list[str]:
    """Each clip must be indexed, with exactly its frames, and nothing else."""
    wrong, frames = [], 0
    for ticket in tickets:
        clip = services.collections.active.catalogue.clip(ticket.clip)
        if clip is None or clip.status is not ClipStatus.INDEXED:
            state = "unknown" if clip is None else f"{clip.status}: {clip.reason}"
            wrong.append(f"the clip of {ticket.key} is {state}")
            continue
        found = services.collections.active.index.clip_vectors([clip.id]).get(clip.id)
        held = 0 if found is None else len(found.times)
        frames += clip.frames
        if held != clip.frames:
            wrong.append(f"the clip of {ticket.key} has {held} frames instead of {clip.frames}")
    state = services.collections.active.index.state()
    if state.frames != frames or state.failures:
        wrong.append(f"the index has {state.frames} frames instead of {frames}")
    return wrong


def _comments(services: Services, tickets: Sequence[Filed], jira: str, token: str) -> list[str]:
    """Each ticket has one comment that names what the ranking names now, or none."""
    wrong = []
    for ticket in tickets:
        bodies, pictures = (say(jira, token, ticket) for say in (comments_by_us, pictures_by_us))
        if len(bodies) > 1 or len(pictures) > len(bodies):
            wrong.append(f"{ticket.key} has {len(bodies)} comments and {len(pictures)} images")
        named = [key for body in bodies[:1] for key in NAMED.findall(body)]
        wanted = _wanted(services, ticket)
        if named != wanted:
            wrong.append(f"the comment on {ticket.key} names {named} instead of {wanted}")
    return wrong


def _wanted(services: Services, ticket: Filed) -> list[str]:
    record = services.collections.active.catalogue.issue(ticket.id)
    if record is None:
        return []
    answer = services.similar_issues.find_for_issue(record)
    threshold = services.comment_policy.threshold(record.project, answer)
    limit = services.settings.max_suggestions
    chosen = services.comment_policy.choose(record, answer, threshold=threshold, limit=limit)
    return [answer.tickets[choice.issue_id].key for choice in chosen]


def _jobs(services: Services) -> list[str]:
    wrong = [f"{count} {what}" for what, count in under_way(services).items()]
    for name in QUEUES:
        queue = services.queues.get(name)
        if count := len(FailedJobRegistry(queue=queue)):
            wrong.append(f"queue {name}: {count} failed permanently")
        if count := len(StartedJobRegistry(queue=queue).get_job_ids(cleanup=False)):
            wrong.append(f"queue {name}: {count} stuck")
    # The lock of a killed holder expires by itself.
    locks = [
        key for key in services.redis.scan_iter("dejabug:lock:*") if services.redis.ttl(key) == -1
    ]
    return [*wrong, *(f"the lock {text_of(lock)} is never released" for lock in locks)]


def _left_over(services: Services, folders: Sequence[Path]) -> list[str]:
    """Files that nothing needs any more, in the temporary folder and in the data folder. torch
    keeps an empty folder in the former."""
    left = [
        path
        for folder in folders
        for path in folder.glob("*")
        if not path.name.startswith("torchinductor_")
    ]
    data = services.settings.data_dir
    left += [*data.rglob("*.new"), *data.rglob(".unfinished-*"), *data.glob("uploads/*")]
    return [f"{path.name} was left over" for path in left]
