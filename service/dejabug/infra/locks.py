"""Locks among all processes, which end with whoever holds them, and leases.

- `held` waits for a lock; a thread of its own renews it.
- `try_lock` does not wait; whoever has it renews it between two steps of the work.
- `take_lease` is for what is to happen once in so many seconds; nobody gives a lease back.

A lock that lasts as long as its longest work would outlive a killed worker by as much, and hold up
whoever takes that work over. So a lock lasts seconds, and is renewed meanwhile.
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

# Seconds that a lock of `held` outlives a killed holder, and between two renewals.
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


@contextlib.contextmanager
def try_lock(
    connection: redis.Redis, name: str, seconds: int
) -> Iterator[Callable[[], None] | None]:
    """Take the lock of this name, or learn at once that another has it: None.

    Gives what renews it. To be called more often than once in `seconds`, by the thread that took
    it; raises redis.exceptions.LockError when it was not, and the lock is lost. Unlike with
    `held`, work that stands still loses its lock. Raises redis.RedisError.
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
    """Whether nobody took the lease of this name in the last `seconds`; then it is taken. Raises
    redis.RedisError."""
    return bool(connection.set(name, 1, nx=True, ex=seconds))


def _renew(lock: Lock, name: str, done: threading.Event) -> None:
    while not done.wait(RENEWAL):
        try:
            lock.reacquire()
        except (LockError, redis.RedisError) as error:
            log.warning("lock_not_renewed", lock=name, why=str(error))
