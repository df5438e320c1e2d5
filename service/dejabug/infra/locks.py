"""Locks and leases shared by all processes. A lock ends soon after its holder dies.

- `held` waits for a lock; a separate thread renews it.
- `try_lock` does not wait; its holder renews it between two steps of the work.
- `take_lease` limits something to once in so many seconds; a lease is never given back.

A lock that lasts as long as the longest job would block the next worker for that long after a
worker was killed. So a lock lasts seconds, and is renewed while its holder works.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

import redis
import structlog
from redis.exceptions import LockError
from redis.lock import Lock

log = structlog.get_logger()

# Seconds until a lock of `held` ends after its holder was killed, and seconds between renewals.
LIFE = 30
RENEWAL = 10


@contextlib.contextmanager
def held(connection: redis.Redis, name: str) -> Iterator[None]:
    """Wait for the lock with this name and hold it. Raises redis.RedisError.

    If Redis is unavailable for longer than the lock lives, another process may hold it as well. So
    work under a lock must be safe to do twice.
    """
    # The renewing thread needs the token, too.
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


@contextlib.contextmanager
def try_lock(
    connection: redis.Redis, name: str, seconds: int
) -> Iterator[Callable[[], None] | None]:
    """Take the lock with this name without waiting; yields None if another process has it.

    Yields a function that renews the lock. Call it at least every `seconds`, from the same thread;
    it raises redis.exceptions.LockError if the lock was lost. Unlike with `held`, work that hangs
    loses its lock. Raises redis.RedisError.
    """
    lock = connection.lock(name, timeout=seconds)
    if not lock.acquire(blocking=False):
        yield None
        return

    def renew() -> None:
        lock.reacquire()

    try:
        yield renew
    finally:
        with contextlib.suppress(LockError):
            lock.release()


def take_lease(connection: redis.Redis, name: str, seconds: int) -> bool:
    """Take the lease with this name if nobody did in the last `seconds`; whether it was taken.
    Raises redis.RedisError."""
    return bool(connection.set(name, 1, nx=True, ex=seconds))


def _renew(lock: Lock, name: str, done: threading.Event) -> None:
    while not done.wait(RENEWAL):
        try:
            lock.reacquire()
        except (LockError, redis.RedisError) as error:
            log.warning("lock_not_renewed", lock=name, why=str(error))
