"""Whether an index holds all that it is over: while it is built, Redis answers from what is there
already, as if that were all."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import redis

from dejabug.infra.errors import UserError

# Seconds that a query waits for an index that is being built. A new one over nothing takes a
# moment; after a restart of Redis it takes seconds or minutes, and who asks is told so.
BUILDING = 1.0
# Seconds between two looks at it.
LOOK = 0.02
# How often an index was made in this Redis: a new one is still to be built.
MADE = "dejabug:indexes-made"
# Seconds after which an index is looked at again, although nothing says that it changed.
TRUSTED = 60


class IndexUnavailableError(UserError):
    """The index did not answer in time or not at all; worth trying again."""


class Completeness:
    """What a process knows of one index.

    FT.INFO takes Redis six milliseconds at 100,000 frames in HNSW, as long as the query itself. So
    a complete index is known by a stamp that costs nothing: which start of Redis this is (each
    builds all indexes again), and how many were made since.
    """

    def __init__(self, connection: redis.Redis, index: str) -> None:
        self._redis = connection
        self._index = index
        self._stamp: tuple[Any, ...] = ()
        self._looked = 0.0

    def covers(self, stamp: tuple[Any, ...]) -> bool:
        """Whether the index was complete under this stamp."""
        return self._stamp == stamp and time.monotonic() - self._looked < TRUSTED

    def learn(self, stamp: tuple[Any, ...]) -> None:
        """Look at the index, after `stamp` was read: from now on it covers that. Raises
        IndexUnavailableError when the index, after a moment, is not complete."""
        await_complete(self._redis, self._index)
        self._stamp, self._looked = stamp, time.monotonic()


def ask_stamp(pipe: Any) -> None:
    """Have a pipeline read what `stamp_of` takes, in two answers."""
    pipe.info("server")
    pipe.get(MADE)


def stamp_of(server: Mapping[str, Any], made: bytes | None) -> tuple[Any, ...]:
    """What tells one making of an index from another."""
    return server["run_id"], made


def announce_index(connection: redis.Redis) -> None:
    """Say that an index will be made, before it is: what is known of it counts no more."""
    connection.incr(MADE)


def is_complete(info: Mapping[bytes, Any]) -> bool:
    """Whether an index holds all that it is over, by FT.INFO's answer."""
    return float(info[b"percent_indexed"]) == 1.0 and int(info[b"indexing"]) == 0


def await_complete(connection: redis.Redis, index: str) -> None:
    """Wait a moment for an index that is being built. Raises IndexUnavailableError after it."""
    until = time.monotonic() + BUILDING
    while not is_complete(info := index_info(connection, index)):
        if time.monotonic() > until:
            # Redis divides by the keys that it knew of when it began.
            done = min(0.99, float(info[b"percent_indexed"]))
            raise IndexUnavailableError(
                f"the index is being built, {done:.0%} is done; try again soon"
            )
        time.sleep(LOOK)


def index_info(connection: redis.Redis, index: str) -> Mapping[bytes, Any]:
    """FT.INFO's answer. Raises redis.RedisError when Redis or the index is gone."""
    info: Mapping[bytes, Any] = connection.execute_command("FT.INFO", index)  # type: ignore[no-untyped-call]
    return info
