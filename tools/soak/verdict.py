"""Checks at the end: what is left when everything is deleted, and what grows with events."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise

from tools.soak.measure import Moment

# Keys without a TTL that an installation has even without any issue: its setup, what is up to date,
# and RQ's own names.
FIXED = re.compile(
    r"dejabug:(account|dimensions|labels|serving|projects|indexes-made|reconciled|reconcile-cursor"
    r"|index-(home|name|compared)|origins|neighbours:(clip|ticket):\S+:since"
    r"|retention|project-rules|webhook-refused|token-digests|token:[0-9a-f]+|(lessons|pace):\S+)"
    r"|rq:(queues|workers|(workers|finished|failed):\S+)"
)
# Single keys for all issues or clips of a kind, which are gone when the last of them is.
SHARED = re.compile(
    r"dejabug:(issues|hidden|verdicts|muted|comments-begun"
    r"|(clips|tags|words-done|words-waiting):\S+"
    r"|neighbours:(clip|ticket):\S+:(background|frames|waiting))"
)
# Bytes of memory that one event may cost a process permanently. Python's and libc's heaps grow in
# steps, so a few events prove nothing: a leak of one small record per event is more than this.
PER_EVENT = 600
# Memory that a heap may take in one step, and how many more descriptors and threads there may be
# than in the first season: connections to Redis and to Jira are opened when first needed, and kept.
STEP = 24 * 1024 * 1024
SPARE = 12


def left_over(names: Iterable[str], known: Collection[str]) -> list[str]:
    """Which of these keys, all without a TTL, belong to nothing any more. `known` are the ids, keys
    and digests of what exists: issues, clips, files; if empty, shared keys may not exist either."""
    wrong = []
    for name in sorted(names):
        shared = bool(known) and SHARED.fullmatch(name) is not None
        if FIXED.fullmatch(name) or shared or any(part in known for part in name.split(":")):
            continue
        wrong.append(f"the key {name} belongs to nothing that exists, and has no TTL")
    return wrong


def growing(moments: Sequence[Moment]) -> list[str]:
    """Processes whose memory, descriptors or threads keep growing with events."""
    first, last = moments[0], moments[-1]
    events = last.events - first.events
    wrong = []
    for name, now in last.processes.items():
        before = first.processes[name]
        if now.descriptors > before.descriptors + SPARE:
            wrong.append(f"{name} has {now.descriptors} open files, before: {before.descriptors}")
        if now.threads > before.threads + SPARE:
            wrong.append(f"{name} has {now.threads} threads, before: {before.threads}")
        more = now.memory - before.memory
        if more > STEP + events * PER_EVENT and rises_all_along(name, moments):
            wrong.append(
                f"{name} grew by {more / 1e6:.0f} MB in {events:,} events, a part in each season"
            )
    return wrong


def rises_all_along(name: str, moments: Sequence[Moment]) -> bool:
    """Whether a process has more memory at each moment than at the one before."""
    steps = [moment.processes[name].memory for moment in moments]
    return all(after > before for before, after in pairwise(steps))


def slope(moments: Sequence[Moment], name: str, what: str) -> float:
    """How much of `what` (memory, descriptors, threads) one event adds to a process, by least
    squares."""
    points = [(moment.events, getattr(moment.processes[name], what)) for moment in moments]
    middle = sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)
    spread = sum((x - middle[0]) ** 2 for x, _ in points)
    return sum((x - middle[0]) * (y - middle[1]) for x, y in points) / spread if spread else 0.0


def restless(moment: Moment) -> list[str]:
    """Jobs that are still queued or running, and files that should have been deleted."""
    wrong = [
        f"{count} {'job is' if count == 1 else 'jobs are'} in RQ's {name}"
        for name, count in moment.registries.items()
        if name != "failed"
    ]
    return [*wrong, *(f"the file {name} was left" for name in moment.passing_files)]
