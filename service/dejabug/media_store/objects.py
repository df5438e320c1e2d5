"""Files as objects of a store that all machines reach, such as S3: DEJABUG_MEDIA_STORE.

An object is there whole or not at all: it is written by one request, or by several of which the
last one makes it appear. There is no renaming, no folder, and no listing here: what there is, is
known from Redis. What shall go is written down in Redis first, so that it goes for certain, also
when the store is away for a while or the process that wrote it was killed: `sweep`.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import fsspec
import redis
import structlog

from dejabug.infra.errors import UserError
from dejabug.infra.metrics import STORE_FAILURES, STORE_SECONDS

log = structlog.get_logger()

S3 = ("s3", "s3a")
# Botocore's own limits: up to a minute for one try, five tries. Here somebody waits: seconds to
# connect and between two packets, and tries in all, after faults of the net and of the store.
PATIENCE = {"connect_timeout": 3, "read_timeout": 10, "retries": {"total_max_attempts": 2}}
# Bytes that are held in memory of a file on its way to S3; larger ones go in parts of this size.
PART = 16 * 1024 * 1024
# Seconds in which a store that did not answer is not asked again: the threads of the web process
# must not all wait for it while Jira's webhooks come in.
REST = 3.0
# Names of what shall go, by when (Unix seconds).
DOOMED = "dejabug:media-doomed"
# Deleted at most in one sweep, each by a request.
SWEPT = 1000


class StoreAwayError(UserError):
    """The store does not do what it was asked, perhaps not for long; the message says why."""


class ObjectStore:
    """Objects below an address of fsspec, by names like `pictures/45/12345.zip`.

    Whoever keeps objects here has their names from ids alone. All methods raise StoreAwayError,
    but for `forget` and `sweep`.
    """

    def __init__(self, address: str, connection: redis.Redis) -> None:
        """Raises UserError for an address that nothing installed here can speak to."""
        self.address = address
        self._protocol, _, self._root = address.partition("://")
        self._redis = connection
        # fsspec's connections belong to one process: a fork makes its own (fsspec's docs, Async).
        self._opened: tuple[int, Any] | None = None
        self._rests_until = 0.0
        try:
            fsspec.get_filesystem_class(self._protocol)
        except (ImportError, ValueError) as error:
            raise UserError(
                f"DEJABUG_MEDIA_STORE: {self._protocol}:// cannot be spoken to here ({error}). "
                "For s3://, install dejabug[s3]."
            ) from None

    def put(self, name: str, data: bytes) -> None:
        """Write an object, in place of what was there."""
        with self._spared(name), self._asked("put") as store:
            store.pipe_file(self._path(name), data)

    def put_file(self, name: str, file: Path, *, lives: float | None = None) -> None:
        """Write a file as an object, in place of what was there. After `lives` seconds it goes,
        whatever becomes of us."""
        in_parts = {"chunksize": PART} if self._protocol in S3 else {}
        with self._spared(name, lives), self._asked("put") as store:
            store.put_file(str(file), self._path(name), **in_parts)

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes | None:
        """An object's bytes from `start` to before `end`, or all; None when there is no such
        object. Beyond its end there are none."""
        try:
            with self._asked("get") as store:
                return _bytes(store, self._path(name), start, end)
        except FileNotFoundError:
            return None

    def fetch(self, name: str, file: Path) -> bool:
        """Write an object to a file; whether there is such an object."""
        try:
            with self._asked("get") as store:
                store.get_file(self._path(name), str(file))
                return True
        except FileNotFoundError:
            return False

    def forget(self, name: str) -> None:
        """Take an object away, now or, when the store is away, as soon as it is back."""
        self._redis.zadd(DOOMED, {name: time.time()})
        try:
            self.delete(name)
        except StoreAwayError as error:
            log.warning("object_goes_later", name=name, why=str(error))

    def delete(self, name: str) -> None:
        """Take an object away now, if there is one."""
        with contextlib.suppress(FileNotFoundError), self._asked("delete") as store:
            store.rm_file(self._path(name))
        self._redis.zrem(DOOMED, name)

    def try_out(self) -> None:
        """Write, read and delete an object. Raises StoreAwayError, also for a store that gives back
        something else than it was given."""
        name, said = f"doctor/{secrets.token_hex(8)}", secrets.token_bytes(32)
        self._redis.zadd(DOOMED, {name: time.time()})  # gone in any case
        with self._asked("put") as store:
            store.pipe_file(self._path(name), said)
        read = self.read(name)
        self.delete(name)
        if read != said or self.read(name) is not None:
            raise StoreAwayError(
                f"{self.address} gives back something else than what was just written or deleted: "
                "use a store that does, as S3 is, with no cache before it"
            )

    def short_lived(self) -> int:
        """How many objects there are at most whose time has not come yet."""
        return int(self._redis.zcount(DOOMED, f"({time.time()}", "+inf"))

    def sweep(self) -> int:
        """Take away what shall have gone by now; how many objects. While the store is away, none:
        the rest of housekeeping must not wait for it."""
        found = self._redis.zrangebyscore(DOOMED, "-inf", time.time(), 0, SWEPT)
        due = [name.decode() for name in cast("list[bytes]", found)]
        try:
            for name in due:
                if self._redis.zscore(DOOMED, name) is not None:  # else written anew meanwhile
                    self.delete(name)
        except StoreAwayError as error:
            log.warning("objects_go_later", due=len(due), why=str(error))
            return 0
        return len(due)

    @contextlib.contextmanager
    def _spared(self, name: str, lives: float | None = None) -> Iterator[None]:
        """While an object is written that shall stay, or live for so many seconds: an older one of
        its name that shall go is doomed as before when it could not be replaced."""
        if lives is not None:
            self._redis.zadd(DOOMED, {name: time.time() + lives})
            yield
            return
        doomed = self._redis.zrem(DOOMED, name)
        try:
            yield
        except StoreAwayError:
            if doomed:
                self._redis.zadd(DOOMED, {name: time.time()})
            raise

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextlib.contextmanager
    def _asked(self, operation: str) -> Iterator[Any]:
        """fsspec's file system, for one request. Raises FileNotFoundError where there is no such
        object; the store's other faults are StoreAwayError, whichever library tells them."""
        if time.monotonic() < self._rests_until:
            raise StoreAwayError(f"{self.address} did not answer a moment ago")
        try:
            with STORE_SECONDS.labels(operation).time():
                yield self._system()
        except FileNotFoundError as error:
            if operation != "put":
                raise
            raise self._away(operation, error) from error
        except Exception as error:
            if not isinstance(error, PermissionError):
                self._rests_until = time.monotonic() + REST
            raise self._away(operation, error) from error

    def _away(self, operation: str, error: Exception) -> StoreAwayError:
        STORE_FAILURES.labels(operation).inc()
        said = str(error) or type(error).__name__
        return StoreAwayError(f"{self.address} refused a {operation}: {said}")

    def _system(self) -> Any:
        """This process's file system."""
        if self._opened is None or self._opened[0] != os.getpid():
            # What is remembered of listings and of instances would hide what others write.
            options: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
            if self._protocol in S3:
                # One request for a whole object: else its size would be asked for first.
                options |= {"config_kwargs": PATIENCE, "max_concurrency": 1}
            system = fsspec.filesystem(self._protocol, **options)
            if self._protocol in S3:
                system.retries = 1  # botocore tries again, see PATIENCE
            self._opened = os.getpid(), system
        return self._opened[1]


def _bytes(store: Any, path: str, start: int | None, end: int | None) -> bytes:
    try:
        data: bytes = store.cat_file(path, start=start, end=end)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return b""  # S3's InvalidRange: the object is shorter
    return data


class ObjectReader(io.RawIOBase):
    """An object of known size (bytes) as a file to read and to seek in; each reading is a request.

    `version` differs when its bytes do. Reading raises StoreAwayError, and FileNotFoundError when
    the object has gone.
    """

    def __init__(self, store: ObjectStore, name: str, size: int, version: str) -> None:
        super().__init__()
        self.size, self.version = size, version
        self._store, self._name, self._at = store, name, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """To `offset` bytes from the beginning, from here or from the end."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, or all that follow."""
        end = self.size if size < 0 else min(self.size, self._at + size)
        if self._at >= end:
            return b""
        data = self._store.read(self._name, self._at, end)
        if data is None:
            raise FileNotFoundError(errno.ENOENT, "the object has gone", self._name)
        self._at += len(data)
        return data
