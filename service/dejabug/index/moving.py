"""Copies all vectors from one Redis to another: hashes of frames, clips and tickets, and the lists
of clips.

The search indexes themselves are not copied: the other Redis builds its own over the copied hashes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import redis

from dejabug.index.queries import drop_named

# Prefixes of the keys with vectors.
PREFIXES = ("dejabug:frame:", "dejabug:embedded:", "dejabug:ticket:", "dejabug:neighbours:")
# Prefixes of our indexes' names.
INDEXES = ("dejabug:frames:", "dejabug:tickets:")
# Keys read in one round trip: some megabytes.
AT_ONCE = 1000


def count_vectors(connection: redis.Redis) -> int:
    """How many keys there are with vectors, or about them."""
    return sum(map(len, _keys(connection)))


def copy_vectors(source: redis.Redis, target: redis.Redis) -> Iterator[int]:
    """Copy what `source` has, remove what only `target` has; yields how many keys are done.

    Nothing may write to either meanwhile. Safe to interrupt and run again. Raises
    redis.RedisError.
    """
    done = 0
    for keys in _keys(source):
        with source.pipeline(transaction=False) as reading:
            for key in keys:
                reading.type(key)
            kinds = reading.execute()
            for key, kind in zip(keys, kinds, strict=True):
                _READ.get(kind, redis.client.Pipeline.exists)(reading, key)
            values = reading.execute()
        with target.pipeline(transaction=True) as writing:
            for key, kind, value in zip(keys, kinds, values, strict=True):
                writing.delete(key)
                if kind == b"hash" and value:
                    writing.hset(key, mapping=value)
                elif kind == b"set" and value:
                    writing.sadd(key, *value)
            writing.execute()
        done += len(keys)
        yield done
    for keys in _keys(target):
        with source.pipeline(transaction=False) as asking:
            for key in keys:
                asking.exists(key)
            gone = [key for key, there in zip(keys, asking.execute(), strict=True) if not there]
        if gone:
            target.unlink(*gone)


def remove_vectors(connection: redis.Redis) -> Iterator[int]:
    """Remove all vectors and their indexes; yields how many keys are removed."""
    drop_named(connection, INDEXES)
    done = 0
    for keys in _keys(connection):
        done += int(connection.unlink(*keys))
        yield done


# How a key of each kind is read.
_READ: dict[bytes, Any] = {
    b"hash": redis.client.Pipeline.hgetall,
    b"set": redis.client.Pipeline.smembers,
}


def _keys(connection: redis.Redis) -> Iterator[list[bytes]]:
    """All our keys with vectors, in batches; a key may come twice."""
    found: list[bytes] = []
    prefixes = tuple(prefix.encode() for prefix in PREFIXES)
    for key in connection.scan_iter("dejabug:*", count=AT_ONCE):
        if key.startswith(prefixes):
            found.append(key)
        if len(found) >= AT_ONCE:
            yield found
            found = []
    if found:
        yield found
