"""Files as objects of a store that all machines reach, such as S3: DEJABUG_MEDIA_STORE.

An object is there whole or not at all: it is written by one request, or by several of which the
last one makes it appear. There is no renaming, no folder, and no listing here: what there is, is
known from Redis. What is to be deleted goes on the delete queue in Redis first, so that it goes for
certain, also when the store is away for a while or the process that wrote it was killed:
`collect_garbage`.
"""

from __future__ import annotations

import contextlib
import errno
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
from dejabug.infra.temporary_folders import prune_scratch, scratch_folder
from dejabug.media_store.blobs import FILE, TEMPORARY_SECONDS

log = structlog.get_logger()

S3 = ("s3", "s3a")
# Botocore's own limits: up to a minute for one try, five tries. Here somebody waits: seconds to
# connect and between two packets, and tries in all, after faults of the net and of the store.
REQUEST_LIMITS = {"connect_timeout": 3, "read_timeout": 10, "retries": {"total_max_attempts": 2}}
# Bytes that are held in memory of a file on its way to S3; larger ones go in parts of this size.
PART_BYTES = 16 * 1024 * 1024
# Seconds in which a store that did not answer is not asked again: the threads of the web process
# must not all wait for it while Jira's webhooks come in.
BACKOFF_SECONDS = 3.0
# The delete queue: names of objects, by when they are to be deleted (Unix seconds).
DELETE_QUEUE = "dejabug:media-doomed"
# Deleted at most in one collection of garbage, each by a request.
DELETED_AT_ONCE = 1000


class StoreAwayError(UserError):
    """The store does not do what it was asked, perhaps not for long; the message says why."""


class ObjectStore:
    """A BlobStore below an address of fsspec. All methods raise StoreAwayError, but for `delete`,
    `count_temporary` and `collect_garbage`."""

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
        with self._kept(name), self._asked("put") as store:
            store.pipe_file(self._path(name), data)

    def put_file(self, name: str, file: Path, *, expires_in: float | None = None) -> None:
        """Write a file as an object, in place of what was there; deleted after so many seconds,
        whatever becomes of us, unless None."""
        in_parts = {"chunksize": PART_BYTES} if self._protocol in S3 else {}
        with self._kept(name, expires_in), self._asked("put") as store:
            store.put_file(str(file), self._path(name), **in_parts)

    @contextlib.contextmanager
    def writing(self, name: str, *, temporary: bool = False) -> Iterator[Path]:
        """As `BlobStore.writing`; on disk only meanwhile."""
        prune_scratch()  # the web has no housekeeper
        with scratch_folder() as folder:
            yield folder / FILE
            try:
                expiry = TEMPORARY_SECONDS if temporary else None
                self.put_file(name, folder / FILE, expires_in=expiry)
            except BaseException:
                if temporary:
                    self.delete(name)
                raise

    @contextlib.contextmanager
    def fetched(self, name: str) -> Iterator[Path]:
        """As `BlobStore.fetched`."""
        with scratch_folder() as folder:
            self.fetch(name, folder / FILE)
            yield folder / FILE

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes | None:
        """As `BlobStore.read`."""
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

    def delete(self, name: str) -> None:
        """As `BlobStore.delete`."""
        self._redis.zadd(DELETE_QUEUE, {name: time.time()})
        try:
            self._delete_now(name)
        except StoreAwayError as error:
            log.warning("object_goes_later", name=name, why=str(error))

    def try_out(self) -> None:
        """Write, read and delete an object. Raises StoreAwayError, also for a store that gives back
        something else than it was given."""
        name, said = f"doctor/{secrets.token_hex(8)}", secrets.token_bytes(32)
        self._redis.zadd(DELETE_QUEUE, {name: time.time()})  # gone in any case
        with self._asked("put") as store:
            store.pipe_file(self._path(name), said)
        read = self.read(name)
        self._delete_now(name)
        if read != said or self.read(name) is not None:
            raise StoreAwayError(
                f"{self.address} gives back something else than what was just written or deleted: "
                "use a store that does, as S3 is, with no cache before it"
            )

    def path(self, name: str) -> Path | None:  # noqa: ARG002 (as in BlobStore)
        """None: no file here."""
        return None

    def count_temporary(self) -> int:
        """As `BlobStore.count_temporary`."""
        return int(self._redis.zcount(DELETE_QUEUE, f"({time.time()}", "+inf"))

    def collect_garbage(self) -> int:
        """As `BlobStore.collect_garbage`: delete what is due on the delete queue."""
        found = self._redis.zrangebyscore(DELETE_QUEUE, "-inf", time.time(), 0, DELETED_AT_ONCE)
        due = [name.decode() for name in cast("list[bytes]", found)]
        try:
            for name in due:
                if self._redis.zscore(DELETE_QUEUE, name) is not None:  # else written again since
                    self._delete_now(name)
        except StoreAwayError as error:
            log.warning("objects_go_later", due=len(due), why=str(error))
            return 0
        return len(due)

    def _delete_now(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError), self._asked("delete") as store:
            store.rm_file(self._path(name))
        self._redis.zrem(DELETE_QUEUE, name)

    @contextlib.contextmanager
    def _kept(self, name: str, expires_in: float | None = None) -> Iterator[None]:
        """While an object is written that stays, or expires in so many seconds: off the delete
        queue, or on it for then. An older one that was on it goes back when it is not replaced."""
        if expires_in is not None:
            self._redis.zadd(DELETE_QUEUE, {name: time.time() + expires_in})
            yield
            return
        queued = self._redis.zrem(DELETE_QUEUE, name)
        try:
            yield
        except StoreAwayError:
            if queued:
                self._redis.zadd(DELETE_QUEUE, {name: time.time()})
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
                self._rests_until = time.monotonic() + BACKOFF_SECONDS
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
                options |= {"config_kwargs": REQUEST_LIMITS, "max_concurrency": 1}
            system = fsspec.filesystem(self._protocol, **options)
            if self._protocol in S3:
                system.retries = 1  # botocore tries again, see REQUEST_LIMITS
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
