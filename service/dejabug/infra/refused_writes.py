"""Handling a Redis that rejects writes: it is full, a replica, or can't write to its disk.

Reading still works then. Important writes (a webhook, a job) wait. Writes that only save work, such
as caches, are skipped (`optional`). The few small writes that searches need are made beyond the
memory limit (`keep_briefly`, `push_briefly`), and expire within minutes.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import redis
import structlog

log = structlog.get_logger()

# The key that tests whether writes work, and how many seconds it is kept.
PROBE, PROBE_KEPT = "dejabug:probe", 60
# Seconds between two tests of a Redis that rejects writes.
LOOK = 2.0
# Scripts with this flag also run while Redis is full (Redis: Lua scripting, script flags).
KEEP = """#!lua flags=allow-oom
if ARGV[3] == 'new' then return redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2], 'NX') end
return redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
"""
PUSH = """#!lua flags=allow-oom
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
"""


@dataclass(frozen=True)
class Refusal:
    """Why Redis rejects writes, and how to fix it."""

    says: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.says}. {self.remedy}"


FULL = Refusal(
    "Redis is full (maxmemory) and rejects writes",
    "Raise its maxmemory (CONFIG SET works without a restart), or delete old clips with "
    "dejabug purge",
)
REPLICA = Refusal(
    "this Redis is a replica and rejects writes",
    "Set DEJABUG_REDIS_URL to the primary, or finish the failover",
)
BY_WORD = {
    "UNBLOCKED": REPLICA,  # it became a replica while a command waited there
    "MISCONF": Refusal(
        "Redis can't write to its disk and rejects writes",
        "Free disk space or fix the disk; Redis's log has the details",
    ),
    "NOREPLICAS": Refusal(
        "Redis has too few replicas and rejects writes",
        "Start the replicas, or lower min-replicas-to-write",
    ),
}
# Errors for which redis-py has no class begin with Redis's word for them, in pipelines after
# redis-py's own words.
WORD = re.compile(rf"(?:^|of pipeline caused error: )({'|'.join(BY_WORD)}) ")


def refusal(error: BaseException) -> Refusal | None:
    """Why Redis rejects writes, by this error; None for any other error."""
    if isinstance(error, redis.OutOfMemoryError):
        return FULL
    if isinstance(error, redis.ReadOnlyError):  # redis-py removes the word
        return REPLICA
    if isinstance(error, redis.ResponseError):
        found = WORD.search(str(error))
        return BY_WORD[found[1]] if found else None
    return None


def refused(connection: redis.Redis) -> Refusal | None:
    """Why Redis rejects writes now; None if it accepts them. Raises redis.RedisError."""
    try:
        connection.set(PROBE, 1, ex=PROBE_KEPT)
    except redis.ResponseError as error:
        if (why := refusal(error)) is None:
            raise
        return why
    return None


def await_writes(connection: redis.Redis, still: Callable[[], bool] = lambda: True) -> None:
    """Wait until Redis accepts writes, or `still` returns False before the next test."""
    told = False
    while still():
        try:
            why = refused(connection)
        except redis.ConnectionError as error:
            why = Refusal(f"Redis does not answer: {error}", "Trying again until it does")
        if why is None:
            break
        if not told:
            log.error("redis_refuses_writes", why=str(why))
        told = True
        time.sleep(LOOK)
    if told:
        log.info("redis_takes_writes_again")


@contextlib.contextmanager
def optional() -> Iterator[None]:
    """For a write that only saves work, such as a cache: skipped while Redis rejects writes."""
    try:
        yield
    except redis.ResponseError as error:
        if refusal(error) is None:
            raise


def keep_briefly(
    connection: redis.Redis, key: str, value: str | bytes, seconds: int, *, new: bool = False
) -> bool:
    """Set a small value for so many seconds, even if Redis is full; with `new`, only if the key
    doesn't exist. Returns whether it was set."""
    script = connection.register_script(KEEP)
    return bool(script(keys=[key], args=[value, seconds, "new" if new else ""]))


def push_briefly(connection: redis.Redis, key: str, value: str, seconds: int) -> None:
    """Append a value to a list and keep the list for so many seconds, even if Redis is full."""
    connection.register_script(PUSH)(keys=[key], args=[value, seconds])


class PrimaryPool(redis.ConnectionPool):
    """A connection pool that drops connections to a replica.

    After a failover, the address points to the new primary, but an old connection still leads to
    the old server, which is now a replica.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        kind = self.connection_class
        if not issubclass(kind, _Wary):
            self.connection_class = type(f"Wary{kind.__name__}", (_Wary, kind), {})

    def release(self, connection: Any) -> None:
        """Like redis-py's, but closes connections to a replica."""
        if connection.to_replica:
            connection.to_replica = False
            connection.disconnect()
        super().release(connection)


class _Wary:
    """A connection that notices when it leads to a replica."""

    to_replica = False

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().read_response(*arguments, **options)  # type: ignore[misc]
        except redis.ResponseError as error:
            self.to_replica = self.to_replica or refusal(error) is REPLICA
            raise

    def _send_ping(self) -> None:
        """Like redis-py's, before the first command and after a pause. Without a disk, Redis
        rejects even a ping, but reading still works."""
        try:
            super()._send_ping()  # type: ignore[misc]
        except redis.ResponseError as error:
            if refusal(error) is None:
                raise
