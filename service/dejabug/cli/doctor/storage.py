"""Checks of the storage: Redis, its query engine, and the clips' files."""

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
# The share of the disk that should be free.
LEAST_ROOM = 0.05
# Seconds that our clock may differ from Redis's: time-outs and signed addresses depend on both.
CLOCKS = 30
# What happens while Redis rejects writes.
NO_WRITES = (
    "Until then, webhooks get status 503 and Jira sends them again, jobs wait, and searches work."
)
NO_VECTORS = "Until then, clips wait and searches work."


def check_redis(services: Services) -> str:
    """The Redis of queues and records. Raises UnwellError."""
    engine = (
        "Redis 7 or newer"
        if services.collections.location.apart
        else "Redis 8 with its query engine"
    )
    remedy = f"Start {engine}, and set DEJABUG_REDIS_URL, e.g. redis://localhost:6379/0"
    return _told(services.redis, services.redis, services.settings.redis_address, remedy)


def check_index_redis(services: Services) -> str:
    """The Redis of the vectors, if it is a separate one. Raises UnwellError."""
    remedy = (
        "Start Redis 8 with its query engine, and set DEJABUG_INDEX_REDIS_URL, e.g. "
        "redis://localhost:6380/0"
    )
    found = _told(
        services.collections.location.index,
        services.redis,
        services.settings.index_redis_address,
        remedy,
    )
    try:
        services.collections.location.connection()
    except redis.RedisError as error:
        raise UnwellError(f"can't be checked: {error}", "Fix Redis first.") from error
    except WrongIndexError as error:
        raise UnwellError(
            str(error), "Set DEJABUG_INDEX_REDIS_URL to the Redis that holds the vectors."
        ) from error
    return found


def check_search_module(services: Services) -> str:
    """Redis's query engine. Raises UnwellError."""
    remedy = "Use Redis 8, or load RediSearch 2.10 or newer (--loadmodule redisearch.so)."
    try:
        modules: Any = services.collections.location.index.execute_command("MODULE", "LIST")  # type: ignore[no-untyped-call]
    except redis.RedisError as error:
        raise UnwellError(f"can't be checked: {error}", remedy) from error
    versions = [
        int(module[b"ver"]) for module in modules if module.get(b"name") in (b"search", b"ft")
    ]
    if not versions:
        raise UnwellError("this Redis has no vector search", remedy)
    if versions[0] < OLDEST_SEARCH:
        raise UnwellError(f"version {versions[0]} is too old", remedy)
    return f"version {versions[0]}"


def check_data_folder(services: Services) -> str:
    """The folder of thumbnails, previews and uploads. Raises UnwellError."""
    folder = services.settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UnwellError(
            f"can't write to {folder}: {error.strerror}",
            "Set DEJABUG_DATA_DIR to a folder that the web service and all workers share and can "
            "write to, e.g. DEJABUG_DATA_DIR=/srv/dejabug",
        ) from error
    usage = shutil.disk_usage(folder)
    if usage.free < LEAST_ROOM * usage.total:
        raise UnwellError(
            f"the disk of {folder} has only {usage.free / 1024**3:.1f} GB free",
            "Free some space, or lower DEJABUG_PREVIEW_MAX_BYTES.",
        )
    return f"{folder} is writable, {usage.free / 1024**3:.0f} GB free"


def check_media_store(services: Services) -> str:
    """The object store that replaces the folder. Raises UnwellError."""
    remedy = (
        "Allow the web service and the workers to reach it, and give them credentials that can "
        "read, write, delete and list the bucket. See docs/how-to/object-store.md"
    )
    started = time.monotonic()
    try:
        store = services.media.objects
        assert store is not None  # examine asks
        store.try_out()
    except UserError as error:
        raise UnwellError(str(error), remedy) from error
    except redis.RedisError as error:
        raise UnwellError(f"can't be tested: {error}", "Fix Redis first.") from error
    taken = 1000 * (time.monotonic() - started)
    return f"{store.address} can be written, read and deleted from; 4 requests took {taken:.0f} ms"


def _told(connection: redis.Redis, queues: redis.Redis, url: str, remedy: str) -> str:
    """The state of a Redis that works. Raises UnwellError."""
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
            f"it deletes keys when memory is full (maxmemory-policy {policy})",
            "Set maxmemory-policy to noeviction. Otherwise vectors and queued webhooks get lost.",
        )
    skew = abs(time.time() - float(connection.time()[0]))
    if skew > CLOCKS:
        raise UnwellError(
            f"its clock differs from this machine's by {skew:.0f} s",
            "Synchronise the clocks of both machines with NTP.",
        )
    kept = "append-only file on" if int(info.get("aof_enabled", 0)) else "no append-only file"
    return f"version {info['redis_version']} at {url}, {kept}"
