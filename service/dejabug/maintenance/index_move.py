"""The vectors from the queues' Redis into one of their own, and no longer in the queues'."""

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
    """Takes vectors over into a Redis of their own."""

    def __init__(self, connection: redis.Redis, collections: Collections) -> None:
        self._redis = connection
        self._collections = collections

    def move(self, tell: Tell) -> int:
        """Copy all vectors to DEJABUG_INDEX_REDIS_URL, and have that Redis hold them from now on;
        how many keys were copied.

        The queues' Redis keeps its own until `remove_moved`. Interrupted, nothing has changed, and
        it can be called again. Raises MoveError, and redis.RedisError."""
        home = self._collections.location
        self._must_be_apart()
        if home.holds():
            raise MoveError(
                "the vectors are in this Redis already. What the queues' Redis still has of them "
                "goes with: dejabug index move --delete"
            )
        if not home.is_at_main():
            raise MoveError(
                "the vectors are in neither of these two Redis: is DEJABUG_INDEX_REDIS_URL right? "
                "Between two Redis of their own, Redis' replication moves them: docs/how-to/separate-redis.md"
            )
        if home.is_used():
            raise MoveError(
                "the Redis of DEJABUG_INDEX_REDIS_URL holds another installation's vectors: give "
                "each a Redis, or a database, of its own"
            )
        if names := sorted({worker.name for worker in Worker.all(connection=self._redis)}):
            raise MoveError(
                f"{len(names)} workers run, and might write meanwhile: stop them all, then call "
                "this again. Webhooks come in all the same, and wait"
            )
        count, done = count_vectors(home.main), 0
        tell("Copying", 0, count)
        for done in copy_vectors(home.main, home.index):
            tell("Copying", done, max(count, done))
        home.adopt()
        for collection in self._collections.indexed():
            collection.index.state()  # makes the index, which Redis builds now
            collection.tickets.places([])
        log.info("index_moved", keys=done)
        return done

    def remove_moved(self, tell: Tell) -> int:
        """Take the vectors out of the queues' Redis, after they were moved; how many keys. Raises
        MoveError, and redis.RedisError."""
        self._must_be_apart()
        try:
            self._collections.location.connection()
        except WrongIndexError as error:
            raise MoveError(f"nothing is deleted: {error}") from error
        count, done = count_vectors(self._redis), 0
        for done in remove_vectors(self._redis):
            tell("Deleting", done, max(count, done))
        return done

    def _must_be_apart(self) -> None:
        if not self._collections.location.apart:
            raise MoveError(
                "DEJABUG_INDEX_REDIS_URL is not set, or the same as DEJABUG_REDIS_URL: there is "
                "nowhere to move to"
            )
