"""Checks of what is stored where: Redis, its query engine, and the files of clips."""

from __future__ import annotations

import shutil
import tempfile
import time
from typing import Any

import redis

from dejabug.cli.doctor.finding import UnwellError
from dejabug.infra.errors import UserError
from dejabug.infra.refused_writes import refused
from dejabug.records.index_location import WrongIndexError
from dejabug.services import Services

# The query engine that our searches need: FLOAT16 vectors came with search 2.8 or 2.10.
OLDEST_SEARCH = 21000
# Share of a disk that should be free.
LEAST_ROOM = 0.05
# Seconds that our clock may differ from Redis': promises and signed addresses are timed by both.
CLOCKS = 30
# What becomes of the service while Redis takes no writes.
NO_WRITES = "Until then webhooks get 503 and are sent again, jobs wait, and searches are answered."
NO_VECTORS = "Until then clips wait, and searches are answered."


def check_redis(services: Services) -> str:
    """The Redis of queues and records. Raises UnwellError."""
    engine = (
        "Redis 7 or newer"
        if services.collections.location.apart
        else "Redis 8 with its query engine"
    )
    remedy = f"Start {engine}, and set DEJABUG_REDIS_URL to it."
    return _told(services.redis, services.redis, services.settings.redis_address, remedy)


def check_index_redis(services: Services) -> str:
    """The Redis of vectors, where they have one of their own. Raises UnwellError."""
    remedy = "Start Redis 8 with its query engine, and set DEJABUG_INDEX_REDIS_URL to it."
    found = _told(
        services.collections.location.index,
        services.redis,
        services.settings.index_redis_address,
        remedy,
    )
    try:
        services.collections.location.connection()
    except redis.RedisError as error:
        raise UnwellError(f"cannot be compared with the other: {error}", "See Redis.") from error
    except WrongIndexError as error:
        raise UnwellError(str(error), "Set the right DEJABUG_INDEX_REDIS_URL.") from error
    return found


def check_search_module(services: Services) -> str:
    """Redis' query engine. Raises UnwellError."""
    remedy = "Use Redis 8, or load redisearch 2.10 or newer (--loadmodule redisearch.so)."
    try:
        modules: Any = services.collections.location.index.execute_command("MODULE", "LIST")  # type: ignore[no-untyped-call]
    except redis.RedisError as error:
        raise UnwellError(f"cannot be asked: {error}", remedy) from error
    versions = [
        int(module[b"ver"]) for module in modules if module.get(b"name") in (b"search", b"ft")
    ]
    if not versions:
        raise UnwellError("this Redis has no vector search", remedy)
    if versions[0] < OLDEST_SEARCH:
        raise UnwellError(f"version {versions[0]} is too old", remedy)
    return f"version {versions[0]}"


def check_data_folder(services: Services) -> str:
    """The folder of pictures, previews and uploads. Raises UnwellError."""
    folder = services.settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UnwellError(
            f"{folder} cannot be written: {error.strerror}",
            "Set DEJABUG_DATA_DIR to a folder that web and workers share and may write.",
        ) from error
    usage = shutil.disk_usage(folder)
    if usage.free < LEAST_ROOM * usage.total:
        raise UnwellError(
            f"the disk of {folder} has {usage.free / 1024**3:.1f} GB left",
            "Give it more room, or lower DEJABUG_PREVIEW_MAX_BYTES.",
        )
    return f"{folder} can be written, {usage.free / 1024**3:.0f} GB free"


def check_media_store(services: Services) -> str:
    """The object store in its place. Raises UnwellError."""
    remedy = (
        "Let web and workers reach it, with credentials in their environment that may read, write "
        "and delete there and list the bucket: docs/how-to/object-store.md."
    )
    started = time.monotonic()
    try:
        store = services.media.objects
        assert store is not None  # examine asks
        store.try_out()
    except UserError as error:
        raise UnwellError(str(error), remedy) from error
    except redis.RedisError as error:
        raise UnwellError(f"cannot be tried: {error}", "See Redis.") from error
    taken = 1000 * (time.monotonic() - started)
    return f"{store.address} takes, gives and deletes; four requests took {taken:.0f} ms"


def _told(connection: redis.Redis, queues: redis.Redis, url: str, remedy: str) -> str:
    """What is to be said of a Redis that is as it must be. Raises UnwellError."""
    try:
        info: Any = connection.info()
        why = refused(connection)
    except redis.RedisError as error:
        raise UnwellError(f"no answer from {url}: {error}", remedy) from error
    if why is not None:
        waits = NO_WRITES if connection is queues else NO_VECTORS
        raise UnwellError(f"{url} answers, but {why.says}", f"{why.remedy}. {waits}")
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        raise UnwellError(
            f"it may throw keys away when memory is short (maxmemory-policy {policy})",
            "Set maxmemory-policy to noeviction, or vectors and queued webhooks get lost.",
        )
    skew = abs(time.time() - float(connection.time()[0]))
    if skew > CLOCKS:
        raise UnwellError(
            f"its clock and ours differ by {skew:.0f} s", "Have both machines set theirs by NTP."
        )
    kept = "append-only file on" if int(info.get("aof_enabled", 0)) else "no append-only file"
    return f"version {info['redis_version']} at {url}, {kept}"
