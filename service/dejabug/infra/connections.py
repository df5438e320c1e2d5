"""Connections to the Redis servers in the settings."""

from __future__ import annotations

import redis

from dejabug.infra.errors import UserError
from dejabug.infra.refused_writes import PrimaryPool
from dejabug.settings import Settings


def connect(settings: Settings) -> redis.Redis:
    """A connection to Redis. Raises UserError for an invalid URL."""
    return _connected(settings.redis_url, "DEJABUG_REDIS_URL")


def connect_index(settings: Settings) -> redis.Redis | None:
    """A connection to the separate Redis for vectors; None if none is set. Raises UserError."""
    if not settings.vectors_apart:
        return None
    return _connected(settings.index_redis_url, "DEJABUG_INDEX_REDIS_URL")


def _connected(url: str, variable: str) -> redis.Redis:
    """A connection with RESP3, in which search answers include their warnings. It finds the primary
    again after a failover. Errors don't repeat an invalid URL, since it may contain a password."""
    try:
        pool = PrimaryPool.from_url(
            url, protocol=3, health_check_interval=30, socket_connect_timeout=5
        )
        str(pool.connection_kwargs.get("host", "")).encode("idna")  # as a socket will
        return redis.Redis.from_pool(pool)
    except ValueError:  # UnicodeError is one
        raise UserError(
            f"{variable} is not a valid Redis URL; expected redis://user:password@host:6379/0 or "
            "rediss://… for TLS, with characters like / and @ of a password percent-encoded"
        ) from None
