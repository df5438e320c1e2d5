"""What may grow: processes, keys in Redis, files, logs. Measures them at one moment."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import redis

# A part of a key that identifies one of many: a number, a digest, an issue's key, a UUID.
ONE_OF_MANY = re.compile(
    r"\d+|[0-9a-f]{8,}|[A-Z][A-Z0-9]*-\d+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
# An encoder's name in keys, and the number at the end of a job's own name.
ENCODER = re.compile(r"(?<!\w)[a-z]+(?:[-_][\w.]+)*-[0-9a-f]{8}(?!\w)")
NUMBER = re.compile(r"-\d+$")
PAGE = 4096
# Keys that a running worker renews, and that show that it is alive.
RENEWED = re.compile(r"rq:(worker|scheduler-lock):|dejabug:lock:")


@dataclass(frozen=True)
class Process:
    """Resident memory in bytes, open descriptors, threads."""

    memory: int
    descriptors: int
    threads: int


@dataclass(frozen=True)
class Moment:
    """All measurements after a number of events. `lasting` and `passing` count keys without and
    with a TTL, by kind; `registries` are the lengths of RQ's, `passing_files` are in temporary
    folders.
    """

    what: str
    events: int
    processes: Mapping[str, Process]
    redis_bytes: int
    lasting: Counter[str]
    passing: Counter[str]
    registries: Counter[str]
    files: int
    passing_files: Sequence[str]
    log_bytes: int


def look_at(pids: Mapping[str, int]) -> dict[str, Process]:
    """Processes by name, each with all that it has started (ffmpeg)."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended meanwhile
        children.setdefault(parent, []).append(int(stat.parent.name))
    return {name: _with_children(pid, children) for name, pid in pids.items()}


def _with_children(pid: int, children: Mapping[int, Sequence[int]]) -> Process:
    found = [_one(pid), *(_with_children(child, children) for child in children.get(pid, ()))]
    return Process(
        sum(one.memory for one in found),
        sum(one.descriptors for one in found),
        sum(one.threads for one in found),
    )


def _one(pid: int) -> Process:
    home = Path("/proc") / str(pid)
    try:
        memory = int((home / "statm").read_text().split()[1]) * PAGE
        return Process(
            memory, len(list((home / "fd").iterdir())), len(list((home / "task").iterdir()))
        )
    except OSError:
        return Process(0, 0, 0)


def keys_of(connection: redis.Redis) -> tuple[Counter[str], Counter[str], frozenset[str]]:
    """The keys without a TTL and with one, by kind, and the names of the former."""
    lasting: Counter[str] = Counter()
    passing: Counter[str] = Counter()
    names = set()
    for name, ttl in _keys_and_ttls(connection):
        if ttl == -1:
            lasting[kind_of(name)] += 1
            names.add(name)
        elif ttl >= 0:
            passing[kind_of(name)] += 1
    return lasting, passing, frozenset(names)


def end_what_ends(connection: redis.Redis) -> None:
    """Delete the keys with a TTL, as if a season had passed and not a minute, except those that
    running workers renew."""
    for name, ttl in _keys_and_ttls(connection):
        if ttl >= 0 and not RENEWED.match(name):
            connection.unlink(name)


def kind_of(name: str) -> str:
    """A key's kind: its name without the parts that identify one of many."""
    parts = (
        "*" if ONE_OF_MANY.fullmatch(part) else NUMBER.sub("-*", ENCODER.sub("<encoder>", part))
        for part in name.split(":")
    )
    return ":".join(parts)


def _keys_and_ttls(connection: redis.Redis) -> Iterator[tuple[str, int]]:
    """Each key and its TTL in seconds, -1 if it has none; a thousand per round trip."""
    keys = connection.scan_iter(count=1000)
    while some := list(islice(keys, 1000)):
        with connection.pipeline(transaction=False) as pipe:
            for key in some:
                pipe.ttl(key)
            yield from zip((key.decode() for key in some), pipe.execute(), strict=True)


def registries_of(connection: redis.Redis) -> Counter[str]:
    """How long RQ's queues and registries are, except those of finished jobs (five minutes)."""
    found: Counter[str] = Counter()
    for kind in ("wip", "scheduled", "deferred", "failed"):
        for key in connection.scan_iter(f"rq:{kind}:*"):
            found[kind] += connection.zcard(key)
    for key in connection.scan_iter("rq:queue:*", _type="list"):
        found["queue"] += connection.llen(key)
    return Counter({name: count for name, count in found.items() if count})
