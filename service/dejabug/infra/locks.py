"""Locks among all workers, which end with whoever holds them.

A lock that lasts as long as its longest work would outlive a killed worker by as much, and hold up
whoever takes that work over. So a lock lasts seconds, and a thread renews it meanwhile.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import redis
import structlog
from redis.exceptions import LockError
from redis.lock import Lock

log = structlog.get_logger()

# Seconds that a lock outlives a killed holder, and between two renewals.
LIFE = 30
RENEWAL = 10


@contextlib.contextmanager
def held(connection: redis.Redis, name: str) -> Iterator[None]:
    """Hold the lock of this name, after waiting for it. Raises redis.RedisError.

    Redis may be away for longer than the lock lives; another may hold it then as well. What is done
    under a lock must therefore bear being done twice.
    """
    # The thread that renews must know the token too.
    lock = connection.lock(name, timeout=LIFE, thread_local=False)
    lock.acquire()
    done = threading.Event()
    renewal = threading.Thread(target=_renew, args=(lock, name, done), daemon=True)
    renewal.start()
    try:
        yield
    finally:
        done.set()
        renewal.join()
        try:
            lock.release()
        except (LockError, redis.RedisError) as error:
            log.warning("lock_not_released", lock=name, why=str(error))


def _renew(lock: Lock, name: str, done: threading.Event) -> None:
    while not done.wait(RENEWAL):
        try:
            lock.reacquire()
        except (LockError, redis.RedisError) as error:
            log.warning("lock_not_renewed", lock=name, why=str(error))
