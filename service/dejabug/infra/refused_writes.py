"""A Redis that answers and takes no writes: it is full, it is a replica, or its disk takes no more.

Reading goes on meanwhile. What must be kept (a webhook, a job) waits where it is; what only spares
somebody work is left out (`optional`); and the few small writes without which nobody could ask are
made beyond the limit (`keep_briefly`, `push_briefly`): each is gone within minutes.
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

# What is written to see whether anything can be, and for how many seconds it stays.
PROBE, PROBE_KEPT = "dejabug:probe", 60
# Seconds between two looks at a Redis that takes no writes.
LOOK = 2.0
# Scripts with this flag run also while Redis is full (Redis: Lua scripting, script flags).
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
    """Why Redis takes no writes, and what to do about it."""

    says: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.says}. {self.remedy}"


FULL = Refusal(
    "Redis is full (maxmemory) and takes no writes",
    "Raise its maxmemory, which CONFIG SET does at once, or keep less footage (dejabug purge)",
)
REPLICA = Refusal(
    "this Redis is a replica and takes no writes",
    "Set DEJABUG_REDIS_URL to the primary, or end the failover",
)
BY_WORD = {
    "UNBLOCKED": REPLICA,  # it has become one while a command waited there
    "MISCONF": Refusal(
        "Redis cannot write to its disk and takes no writes",
        "Make room on its disk or mend it: Redis' own log says more",
    ),
    "NOREPLICAS": Refusal(
        "Redis misses its replicas and takes no writes",
        "Start them, or lower min-replicas-to-write",
    ),
}
# What has no class of redis-py's begins with Redis' word for it, in pipelines after redis-py's own.
WORD = re.compile(rf"(?:^|of pipeline caused error: )({'|'.join(BY_WORD)}) ")


def refusal(error: BaseException) -> Refusal | None:
    """What this error says of a Redis that takes no writes; None for any other."""
    if isinstance(error, redis.OutOfMemoryError):
        return FULL
    if isinstance(error, redis.ReadOnlyError):  # redis-py takes the word off
        return REPLICA
    if isinstance(error, redis.ResponseError):
        found = WORD.search(str(error))
        return BY_WORD[found[1]] if found else None
    return None


def refused(connection: redis.Redis) -> Refusal | None:
    """Why Redis takes no writes at the moment; None where it does. Raises redis.RedisError."""
    try:
        connection.set(PROBE, 1, ex=PROBE_KEPT)
    except redis.ResponseError as error:
        if (why := refusal(error)) is None:
            raise
        return why
    return None


def await_writes(connection: redis.Redis, still: Callable[[], bool] = lambda: True) -> None:
    """Wait until Redis takes writes, for as long as `still` says so before each look."""
    told = False
    while still():
        try:
            why = refused(connection)
        except redis.ConnectionError as error:
            why = Refusal(f"Redis is away: {error}", "It is asked again and again")
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
    """For a write that only spares work: it is left out while Redis takes none."""
    try:
        yield
    except redis.ResponseError as error:
        if refusal(error) is None:
            raise


def keep_briefly(
    connection: redis.Redis, key: str, value: str | bytes, seconds: int, *, new: bool = False
) -> bool:
    """Set a small value for so many seconds, also where Redis is full; with `new`, only where there
    is none. Whether it was set."""
    script = connection.register_script(KEEP)
    return bool(script(keys=[key], args=[value, seconds, "new" if new else ""]))


def push_briefly(connection: redis.Redis, key: str, value: str, seconds: int) -> None:
    """Put a value at the end of a list that lasts for so many seconds from now on, also where Redis
    is full."""
    connection.register_script(PUSH)(keys=[key], args=[value, seconds])


class PrimaryPool(redis.ConnectionPool):
    """Connections of which none is used again that led to a replica.

    After a failover the address leads to the new primary, while an old connection lasts as long as
    the replica does that it leads to.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        kind = self.connection_class
        if not issubclass(kind, _Wary):
            self.connection_class = type(f"Wary{kind.__name__}", (_Wary, kind), {})

    def release(self, connection: Any) -> None:
        """As redis-py's."""
        if connection.to_replica:
            connection.to_replica = False
            connection.disconnect()
        super().release(connection)


class _Wary:
    """A connection that notices where it leads to."""

    to_replica = False

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().read_response(*arguments, **options)  # type: ignore[misc]
        except redis.ResponseError as error:
            self.to_replica = self.to_replica or refusal(error) is REPLICA
            raise

    def _send_ping(self) -> None:
        """As redis-py's, before the first command and after a pause: without a disk Redis refuses
        even this, and what is to be read is read all the same."""
        try:
            super()._send_ping()  # type: ignore[misc]
        except redis.ResponseError as error:
            if refusal(error) is None:
                raise
