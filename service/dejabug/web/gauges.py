"""Metrics of Redis and the disk, collected when Prometheus asks. Only the web process exports
them, so they are counted once, whatever the number of workers."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import redis
import structlog
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq.utils import utcparse

from dejabug.index import IndexUnavailableError, text_of
from dejabug.infra.job_queue import QUEUES
from dejabug.infra.metrics import REGISTRY
from dejabug.infra.refused_writes import PrimaryPool, refusal, refused
from dejabug.records.outbox import PENDING
from dejabug.records.types import ClipStatus
from dejabug.search.questions import questions_key
from dejabug.services import Services
from dejabug.settings import Settings

log = structlog.get_logger()

# Seconds that one answer of Redis may take: a scrape by Prometheus has ten in total.
PATIENCE = 2.0


class Gauges(Collector):
    """Gauges of the whole installation. While Redis does not answer, `dejabug_redis_up` is 0 and
    all others except the disk's are absent, so that no alert uses a stale number. The same holds
    for the index's gauges and the Redis with the vectors."""

    def __init__(self, settings: Settings) -> None:
        main = _impatient(settings.redis_url)
        index = _impatient(settings.index_redis_url) if settings.vectors_apart else main
        self._services = Services(settings, connections=(main, index))

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering must not call Redis."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The current values of all gauges."""
        yield from _disk(self._services.settings)
        counted = self._count(_memory, _queues, _questions, _promises, _catalogue, _encoder)
        yield _gauge("redis_up", "1 when Redis answered this scrape, else 0.", bool(counted))
        yield from counted
        if counted:
            indexed = self._count(_index)
            about = "1 when the Redis that holds the vectors answered this scrape, else 0."
            yield _gauge("index_up", about, bool(indexed))
            yield from indexed

    def _count(self, *counts: Callable[[Services], Iterator[Metric]]) -> list[Metric]:
        """The metrics of these functions; none if Redis fails."""
        found: list[Metric] = []
        try:
            for count in counts:
                found += count(self._services)
        except (redis.RedisError, IndexUnavailableError) as error:
            log.warning("census_failed", error=type(error).__name__, why=str(error))
            if refusal(error) is None:
                return []  # otherwise Redis answers, and its first gauges show the problem
        return found


@lru_cache(maxsize=1)
def count_here(settings: Settings) -> None:
    """Add the gauges to this process's metrics, once."""
    REGISTRY.register(Gauges(settings))


def _impatient(url: str) -> redis.Redis:
    pool = PrimaryPool.from_url(
        url,
        protocol=3,
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        retry=Retry(NoBackoff(), 0),
    )
    return redis.Redis.from_pool(pool)


def _disk(settings: Settings) -> Iterator[Metric]:
    try:
        usage = shutil.disk_usage(settings.data_dir)
    except OSError:
        return  # not created yet; doctor reports it
    yield _gauge(
        "data_disk_free_bytes", "Free space on the disk that holds DEJABUG_DATA_DIR.", usage.free
    )
    yield _gauge("data_disk_bytes", "Size of the disk that holds DEJABUG_DATA_DIR.", usage.total)


def _memory(services: Services) -> Iterator[Metric]:
    """Memory of the queues' Redis, and of the vectors' Redis if that is another one and answers."""
    about = "1 when Redis takes writes; 0 while it is full, a replica, or cannot write to its disk."
    takes = _by_redis("takes_writes", about)
    used = _by_redis("memory_bytes", "Memory that Redis uses, by what it holds.")
    limit = _by_redis("memory_limit_bytes", "Redis' maxmemory, by what it holds; 0: no limit.")
    home = services.collections.location
    for holds, connection in {"index": home.index, "queues": home.main}.items():
        if holds == "index" and not home.apart:
            continue
        try:
            info: Any = connection.info("memory")
        except redis.RedisError:
            if holds == "queues":
                raise
            continue
        used.add_metric([holds], info["used_memory"])
        limit.add_metric([holds], info.get("maxmemory", 0))
        takes.add_metric([holds], refused(connection) is None)
    yield used
    yield limit
    yield takes


def _by_redis(name: str, about: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"dejabug_redis_{name}", about, labels=["holds"])


def _queues(services: Services) -> Iterator[Metric]:
    queues = {name: services.queues.get(name) for name in QUEUES}
    counts: tuple[tuple[str, str, Callable[[Any], float]], ...] = (
        ("queue_jobs", "Jobs that wait in a queue.", lambda queue: queue.count),
        ("queue_oldest_seconds", "How long the first job of a queue has waited; 0: none.", _oldest),
        (
            "queue_retries",
            "Jobs that wait for their next try.",
            lambda queue: _length(queue.scheduled_job_registry),
        ),
        (
            "queue_failed",
            "Jobs that were given up, as long as Redis keeps them (thirty days).",
            lambda queue: _length(queue.failed_job_registry),
        ),
    )
    for name, about, count in counts:
        family = GaugeMetricFamily(f"dejabug_{name}", about, labels=["queue"])
        for queue_name, queue in queues.items():
            family.add_metric([queue_name], count(queue))
        yield family
    workers = GaugeMetricFamily("dejabug_workers", "Live workers on a queue.", labels=["queue"])
    for queue_name, count_of in services.queues.workers().items():
        workers.add_metric([queue_name], count_of)
    yield workers


def _length(registry: Any) -> int:
    """RQ's own count deletes expired entries first, which fails if Redis does not accept writes."""
    return int(registry.connection.zcard(registry.key))


def _oldest(queue: Any) -> float:
    """Seconds since a queue's first job was queued."""
    first = queue.get_job_ids(0, 1)
    queued = queue.connection.hget(f"rq:job:{first[0]}", "enqueued_at") if first else None
    return max(0.0, time.time() - utcparse(text_of(queued)).timestamp()) if queued else 0.0


def _questions(services: Services) -> Iterator[Metric]:
    key = questions_key(services.collections.active)
    yield _gauge(
        "pending_queries", "Text searches that wait for a worker.", services.redis.llen(key)
    )
    first: Any = services.redis.lindex(key, 0)
    asked = float(json.loads(first).get("asked") or 0) if first else 0.0
    waited = max(0.0, time.time() - asked) if asked else 0.0
    about = "Age of the oldest text search that waits for a worker."
    yield _gauge("pending_queries_oldest_seconds", about, waited)


def _promises(services: Services) -> Iterator[Metric]:
    about = "Issues that a webhook or a reconcile run reported and that are not read yet."
    yield _gauge("outbox_issues", about, services.redis.zcard(PENDING))
    first: Any = services.redis.zrange(PENDING, 0, 0, withscores=True)
    waited = max(0.0, time.time() - first[0][1]) if first else 0.0
    yield _gauge("outbox_oldest_seconds", "Age of the oldest issue that waits to be read.", waited)


def _catalogue(services: Services) -> Iterator[Metric]:
    family = GaugeMetricFamily("dejabug_clips", "Clips by status.", labels=["status"])
    for status in ClipStatus:
        family.add_metric([str(status)], services.collections.active.catalogue.count(status))
    yield family
    yield _gauge("issues", "Known issues.", services.collections.active.catalogue.issue_count())
    waiting = len(services.collections.active.catalogue.all_words_waiting())
    yield _gauge("tickets_waiting", "Tickets whose text waits to be embedded.", waiting)


def _index(services: Services) -> Iterator[Metric]:
    services.collections.location.index.ping()
    clips = GaugeMetricFamily("dejabug_index_clips", "Clips that have frames in the index.")
    if not services.collections.active.knows_dimensions():
        clips.add_metric([], 0)  # no worker has started yet
        yield clips
        return
    state = services.collections.active.index.state()
    clips.add_metric(
        [],
        services.collections.active.index.clip_count(
            services.collections.active.catalogue.projects()
        ),
    )
    yield clips
    yield _gauge("index_frames", "Frames in the index.", state.frames)
    yield _gauge("index_bytes", "Memory of the index's vectors.", state.bytes)
    yield _gauge("index_ready", "1 when the index answers fully; 0 while it is built.", state.ready)
    yield _gauge("index_failures", "Frames that Redis could not index.", state.failures)
    about = "The index in use, and how it searches."
    which = {"name": state.name, "algorithm": state.algorithm}
    yield InfoMetricFamily("dejabug_index", about, which)


def _encoder(services: Services) -> Iterator[Metric]:
    about = (
        "The encoder in use: its name, and its model, precision and device as reported by a worker."
    )
    which = {"name": services.collections.active_name, "label": services.collections.active.label()}
    yield InfoMetricFamily("dejabug_encoder", about, which)


def _gauge(name: str, about: str, value: Any) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"dejabug_{name}", about, value=float(value))
