"""What the indexes share: making one, asking one for the nearest, names that are safe in keys."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import redis

from dejabug.ranking import Floats

# Milliseconds that one query may take before Redis gives up with an error.
QUERY_TIMEOUT_MS = 10_000
# Seconds that a query waits for an index that is being built. A new one over nothing takes a
# moment; after a restart of Redis it takes seconds or minutes, and who asks is told so.
BUILDING = 1.0
# Seconds between two looks at it.
LOOK = 0.02


class IndexUnavailableError(Exception):
    """The index did not answer in time or not at all; worth trying again."""


class BadVectorsError(ValueError):
    """Vectors that must not reach the index: wrong size, not finite, or not of length one."""


def fail_on_timeout(connection: redis.Redis) -> None:
    """A timed-out query answers nothing and no error by default: make it an error."""
    connection.execute_command("FT.CONFIG", "SET", "ON_TIMEOUT", "FAIL")  # type: ignore[no-untyped-call]


def create_index(
    connection: redis.Redis,
    name: str,
    prefix: str,
    tags: Sequence[str],
    dimensions: int,
    algorithm: str,
    options: Sequence[str] = (),
) -> None:
    """Make an index over the hashes under `prefix`: tags and one FLOAT16 cosine `vector`.

    `options` are the algorithm's own. An index of that name that is there already stays as it is.
    """
    every = ("TYPE", "FLOAT16", "DIM", str(dimensions), "DISTANCE_METRIC", "COSINE", *options)
    fields = [word for tag in tags for word in (tag, "TAG")]
    try:
        connection.execute_command(  # type: ignore[no-untyped-call]
            *("FT.CREATE", name, "ON", "HASH", "PREFIX", "1", prefix, "SCHEMA", *fields),
            *("vector", "VECTOR", algorithm, str(len(every)), *every),
        )
    except redis.ResponseError as error:
        # Two processes may start at once; the second finds the first one's index.
        if "already exists" not in str(error):
            raise


def drop_indexes(connection: redis.Redis, encoder: str) -> None:
    """Take an encoder's indexes away, with their aliases; the hashes stay."""
    slug = slug_of(encoder)
    ours = (f"dejabug:frames:{slug}:", f"dejabug:tickets:{slug}")
    for name in map(text_of, connection.execute_command("FT._LIST")):  # type: ignore[no-untyped-call]
        if name.startswith(ours):
            connection.execute_command("FT.DROPINDEX", name)  # type: ignore[no-untyped-call]


def nearest(
    connection: redis.Redis,
    index: str,
    command: str,
    vectors: Floats,
    k: int,
    tags: Mapping[str, Sequence[str]],
    tail: Sequence[str],
    policy: str = "",
) -> list[list[dict[bytes, Any]]]:
    """One K-nearest query per row of `vectors` [m, d], in one round trip; the rows of each answer.

    `command` is FT.SEARCH or FT.AGGREGATE, `tail` what follows its query. `tags` are the values of
    which each row must have one, by their field; where a field has none, nothing is found. `policy`
    says how filter and vectors go together. Raises IndexUnavailableError when Redis is away, or an
    answer is late or incomplete.

    Redis answers from an index that it is still building as if that were whole: k rows, of those
    that it has. So the same round trip asks first whether it is.
    """
    if not all(tags.values()):
        return [[] for _ in vectors]
    ask = partial(_ask, connection, index, command, vectors, k, tags, tail, policy)
    info, *answers = ask()
    if not is_complete(info):
        await_complete(connection, index)
        info, *answers = ask()
        check_complete(info)
    for answer in answers:
        if answer[b"warning"]:
            raise IndexUnavailableError(f"the vector search is incomplete: {answer[b'warning']}")
    return [[row[b"extra_attributes"] for row in answer[b"results"]] for answer in answers]


def is_complete(info: Mapping[bytes, Any]) -> bool:
    """Whether an index holds all that it is over, by FT.INFO's answer."""
    return float(info[b"percent_indexed"]) == 1.0 and int(info[b"indexing"]) == 0


def check_complete(info: Mapping[bytes, Any]) -> None:
    """Raises IndexUnavailableError for an index that `is_complete` does not hold of."""
    if not is_complete(info):
        done = float(info[b"percent_indexed"])
        raise IndexUnavailableError(f"the index is being built, {done:.0%} is done; try again soon")


def await_complete(connection: redis.Redis, index: str) -> None:
    """Wait a moment for an index that is being built. Raises IndexUnavailableError after it."""
    until = time.monotonic() + BUILDING
    while not is_complete(info := index_info(connection, index)):
        if time.monotonic() > until:
            check_complete(info)
        time.sleep(LOOK)


def index_info(connection: redis.Redis, index: str) -> Mapping[bytes, Any]:
    """FT.INFO's answer. Raises redis.RedisError when Redis or the index is gone."""
    info: Mapping[bytes, Any] = connection.execute_command("FT.INFO", index)  # type: ignore[no-untyped-call]
    return info


def _ask(
    connection: redis.Redis,
    index: str,
    command: str,
    vectors: Floats,
    k: int,
    tags: Mapping[str, Sequence[str]],
    tail: Sequence[str],
    policy: str,
) -> list[Any]:
    """FT.INFO's answer, and that of each query."""
    query = f"({tag_filter(tags)})=>[KNN {int(k)} @vector $query {policy} AS distance]"
    with connection.pipeline(transaction=False) as pipe:
        pipe.execute_command("FT.INFO", index)  # type: ignore[no-untyped-call]
        for vector in np.ascontiguousarray(vectors, dtype=np.float16):
            parameters = ("PARAMS", "2", "query", vector.tobytes())
            limits = ("LIMIT", "0", str(k), "TIMEOUT", str(QUERY_TIMEOUT_MS), "DIALECT", "2")
            pipe.execute_command(  # type: ignore[no-untyped-call]
                command, index, query, *tail, *parameters, *limits
            )
        try:
            return list(pipe.execute())
        except redis.ResponseError as error:
            if "imeout" in str(error):
                raise IndexUnavailableError(f"the vector search timed out: {error}") from error
            raise
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise IndexUnavailableError(f"Redis did not answer: {error}") from error


def vector_field(info: Mapping[bytes, Any]) -> Mapping[bytes, Any]:
    """The vector field's description in FT.INFO's answer."""
    fields: list[Mapping[bytes, Any]] = info[b"attributes"]
    return next(field for field in fields if field[b"type"] == b"VECTOR")


def text_of(value: Any) -> str:
    """A value of Redis as text; nothing is empty."""
    if value is None:
        return ""
    return value.decode() if isinstance(value, bytes) else str(value)


def slug_of(encoder: str) -> str:
    """An encoder's name as a part of a Redis key: readable, and unlike any other encoder's."""
    readable = re.sub(r"[^A-Za-z0-9.]+", "-", encoder)[:60].strip("-")
    return f"{readable}-{hashlib.sha256(encoder.encode()).hexdigest()[:8]}"


def tag_filter(tags: Mapping[str, Sequence[str]]) -> str:
    """The query for rows that have one of these values in each of these fields."""
    return " ".join(
        f"@{field}:{{{'|'.join(map(escape_tag, values))}}}" for field, values in tags.items()
    )


def escape_tag(value: str) -> str:
    """A value as it must stand inside `@tag:{…}`, whatever signs are in it."""
    return re.sub(r"([^A-Za-z0-9_])", r"\\\1", value)
