"""Whether an index is complete. While Redis builds an index, it answers from the part that is
already there, as if that were everything."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import redis

from dejabug.infra.errors import UserError

# Seconds that a query waits for an index that is being built. A new, empty one takes a moment;
# after a restart of Redis it takes seconds or minutes, and the caller is told so.
BUILDING = 1.0
# Seconds between two checks.
LOOK = 0.02
# How often an index was created in this Redis: a new one still has to be built.
MADE = "dejabug:indexes-made"
# Seconds after which an index is checked again, although nothing indicates a change.
TRUSTED = 60


class IndexUnavailableError(UserError):
    """The index did not answer in time or at all. Trying again may help."""


class Completeness:
    """What a process knows about one index.

    FT.INFO takes Redis six milliseconds with 100,000 frames in HNSW, as long as the query itself.
    So a process remembers a complete index by a stamp that costs nothing: the start of this Redis
    (each start rebuilds all indexes), and how many indexes were created since.
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
        """Check the index, after `stamp` was read; from then on `covers` accepts that stamp. Raises
        IndexUnavailableError when the index is still incomplete after a moment."""
        await_complete(self._redis, self._index)
        self._stamp, self._looked = stamp, time.monotonic()


def ask_stamp(pipe: Any) -> None:
    """Add the two reads to a pipeline whose answers `stamp_of` takes."""
    pipe.info("server")
    pipe.get(MADE)


def stamp_of(server: Mapping[str, Any], made: bytes | None) -> tuple[Any, ...]:
    """A value that changes whenever an index is built again."""
    return server["run_id"], made


def announce_index(connection: redis.Redis) -> None:
    """Announce, before creating an index, that one will be created: older stamps become invalid."""
    connection.incr(MADE)


def is_complete(info: Mapping[bytes, Any]) -> bool:
    """Whether an index is complete, by FT.INFO's answer."""
    return float(info[b"percent_indexed"]) == 1.0 and int(info[b"indexing"]) == 0


def await_complete(connection: redis.Redis, index: str) -> None:
    """Wait a moment for an index that is being built. Raises IndexUnavailableError if it takes
    longer."""
    until = time.monotonic() + BUILDING
    while not is_complete(info := index_info(connection, index)):
        if time.monotonic() > until:
            # Redis reports progress relative to the keys it knew when it started.
            done = min(0.99, float(info[b"percent_indexed"]))
            raise IndexUnavailableError(
                f"the search index is being built ({done:.0%} done); try again soon"
            )
        time.sleep(LOOK)


def index_info(connection: redis.Redis, index: str) -> Mapping[bytes, Any]:
    """FT.INFO's answer. Raises redis.RedisError when Redis is down or the index is gone."""
    info: Mapping[bytes, Any] = connection.execute_command("FT.INFO", index)  # type: ignore[no-untyped-call]
    return info
