"""Moves the vectors from the queues' Redis to a separate Redis."""

from __future__ import annotations

from collections.abc import Callable

import redis
import structlog
from rq import Worker

from dejabug.index import copy_vectors, count_vectors, remove_vectors
from dejabug.infra.errors import UserError
from dejabug.records.collections import Collections
from dejabug.records.index_location import WrongIndexError

log = structlog.get_logger()

Tell = Callable[[str, int, int], None]


class MoveError(UserError):
    """The vectors cannot be moved now; the message says what to do."""


class IndexMove:
    """Moves vectors to a separate Redis."""

    def __init__(self, connection: redis.Redis, collections: Collections) -> None:
        self._redis = connection
        self._collections = collections

    def move(self, tell: Tell) -> int:
        """Copy all vectors to DEJABUG_INDEX_REDIS_URL, and use that Redis for them from now on;
        returns how many keys were copied.

        The queues' Redis keeps its copy until `remove_moved`. If interrupted, nothing has changed,
        and it can be called again. Raises MoveError, and redis.RedisError."""
        home = self._collections.location
        self._must_be_apart()
        if home.holds():
            raise MoveError(
                "the vectors are already in this Redis. To delete the old copy in the queues' "
                "Redis: dejabug index move --delete"
            )
        if not home.is_at_main():
            raise MoveError(
                "the vectors are in neither of these two Redis servers. Check "
                "DEJABUG_INDEX_REDIS_URL. To move from one separate Redis to another, use Redis "
                "replication: docs/how-to/separate-redis.md"
            )
        if home.is_used():
            raise MoveError(
                "the Redis at DEJABUG_INDEX_REDIS_URL holds another installation's vectors. Give "
                "each installation a separate Redis, or a separate database"
            )
        if names := sorted({worker.name for worker in Worker.all(connection=self._redis)}):
            raise MoveError(
                f"{len(names)} {'worker is' if len(names) == 1 else 'workers are'} running and "
                "could write meanwhile. Stop all workers, then run this again. Webhooks are still "
                "accepted, and wait"
            )
        count, done = count_vectors(home.main), 0
        tell("Copying", 0, count)
        for done in copy_vectors(home.main, home.index):
            tell("Copying", done, max(count, done))
        home.adopt()
        for collection in self._collections.indexed():
            collection.index.state()  # creates the index, which Redis now builds
            collection.tickets.places([])
        log.info("index_moved", keys=done)
        return done

    def remove_moved(self, tell: Tell) -> int:
        """Delete the vectors from the queues' Redis, after they were moved; returns how many keys.
        Raises MoveError, and redis.RedisError."""
        self._must_be_apart()
        try:
            self._collections.location.connection()
        except WrongIndexError as error:
            raise MoveError(f"nothing was deleted: {error}") from error
        count, done = count_vectors(self._redis), 0
        for done in remove_vectors(self._redis):
            tell("Deleting", done, max(count, done))
        return done

    def _must_be_apart(self) -> None:
        if not self._collections.location.apart:
            raise MoveError(
                "DEJABUG_INDEX_REDIS_URL is not set, or the same as DEJABUG_REDIS_URL. Set it to "
                "the URL of the Redis to move to"
            )
