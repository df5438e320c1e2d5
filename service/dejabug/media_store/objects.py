"""Files as objects in a store that all machines reach, such as S3: DEJABUG_MEDIA_STORE.

An object is either complete or not there: it is written by one request, or by several of which the
last one makes it appear. Nothing is renamed, and nothing is listed here: Redis knows what exists.
Objects to delete go on the delete queue in Redis first, so that they are deleted even if the store
is unavailable for a while or the process that wrote them is killed: see `collect_garbage`.
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
# Botocore's defaults are up to a minute per try, and five tries. Here somebody waits: seconds to
# connect and between two packets, and the total number of tries, after faults of the network and
# of the store.
REQUEST_LIMITS = {"connect_timeout": 3, "read_timeout": 10, "retries": {"total_max_attempts": 2}}
# Bytes of a file that are held in memory on the way to S3; larger files go in parts of this size.
PART_BYTES = 16 * 1024 * 1024
# Seconds for which a store that did not answer is not asked again: the threads of the web process
# must not all wait for it while Jira's webhooks arrive.
BACKOFF_SECONDS = 3.0
# The delete queue: names of objects, by when they are to be deleted (Unix seconds).
DELETE_QUEUE = "dejabug:media-doomed"
# Objects deleted at most in one garbage collection, with one request each.
DELETED_AT_ONCE = 1000


class StoreAwayError(UserError):
    """The store failed, perhaps only for a while; the message says why."""


class ObjectStore:
    """A BlobStore at an fsspec URL. All methods raise StoreAwayError, except `delete`,
    `count_temporary` and `collect_garbage`."""

    def __init__(self, address: str, connection: redis.Redis) -> None:
        """Raises UserError for a URL whose scheme is not supported here."""
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
                f"DEJABUG_MEDIA_STORE: {self._protocol}:// is not supported by this installation "
                f"({error}). For s3://, pip install 'dejabug[s3]'."
            ) from None

    def put(self, name: str, data: bytes) -> None:
        """Write an object, replacing an earlier one."""
        with self._kept(name), self._asked("put") as store:
            store.pipe_file(self._path(name), data)

    def put_file(self, name: str, file: Path, *, expires_in: float | None = None) -> None:
        """Write a file as an object, replacing an earlier one. It is deleted after `expires_in`
        seconds, even if this process is killed; None keeps it."""
        in_parts = {"chunksize": PART_BYTES} if self._protocol in S3 else {}
        with self._kept(name, expires_in), self._asked("put") as store:
            store.put_file(str(file), self._path(name), **in_parts)

    @contextlib.contextmanager
    def writing(self, name: str, *, temporary: bool = False) -> Iterator[Path]:
        """As `BlobStore.writing`; on disk only until it is uploaded."""
        prune_scratch()  # the web process has no housekeeper
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
        """Write an object to a file; returns whether the object exists."""
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
        """Write, read and delete an object. Raises StoreAwayError, also for a store that returns
        something else than was written."""
        name, said = f"doctor/{secrets.token_hex(8)}", secrets.token_bytes(32)
        self._redis.zadd(DELETE_QUEUE, {name: time.time()})  # deleted in any case
        with self._asked("put") as store:
            store.pipe_file(self._path(name), said)
        read = self.read(name)
        self._delete_now(name)
        if read != said or self.read(name) is not None:
            raise StoreAwayError(
                f"{self.address} does not return what was just written, or still returns what was "
                "deleted. Use a store that is strongly consistent, such as S3, without a cache in "
                "front of it"
            )

    def path(self, name: str) -> Path | None:  # noqa: ARG002 (as in BlobStore)
        """None: the blob is not on this machine."""
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
                if self._redis.zscore(DELETE_QUEUE, name) is not None:  # else written again
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
        """While an object is written that stays, or expires in `expires_in` seconds: take it off
        the delete queue, or set its time. An older one that was queued is queued again if it is not
        replaced."""
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
        """fsspec's file system, for one request. Raises FileNotFoundError if there is no such
        object; all other faults of the store are StoreAwayError, from whichever library."""
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
        return StoreAwayError(f"{self.address}: {operation} failed: {said}")

    def _system(self) -> Any:
        """This process's file system."""
        if self._opened is None or self._opened[0] != os.getpid():
            # A cache of listings or instances would hide what others write.
            options: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
            if self._protocol in S3:
                # One request for a whole object: otherwise its size would be requested first.
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
