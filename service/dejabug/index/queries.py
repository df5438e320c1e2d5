"""What the indexes share: creating one, querying for the nearest, names that are safe in keys."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import redis

from dejabug.index.completeness import (
    Completeness,
    IndexUnavailableError,
    announce_index,
    ask_stamp,
    stamp_of,
)
from dejabug.infra.errors import UserError
from dejabug.ranking import Floats

# Tolerance for a vector's length: the rounding error of a unit vector.
UNIT_TOLERANCE = 0.02
# Milliseconds that one query may take before Redis stops it with an error.
QUERY_TIMEOUT_MS = 10_000
# How often one query is repeated because another index was created meanwhile.
LOOKS = 5


class BadVectorsError(ValueError):
    """Vectors that must not be indexed: wrong size, not finite, or not of length one."""


class OtherModelError(UserError):
    """The index belongs to another model that uses the same name."""


def check_frames(times: Floats, vectors: Floats, dimensions: int) -> None:
    """Raises BadVectorsError unless `vectors` [n, dimensions] are unit rows with as many `times`
    [n]."""
    if vectors.ndim != 2 or vectors.shape[1] != dimensions:
        raise BadVectorsError(f"expected vectors [n, {dimensions}], got {vectors.shape}")
    if len(vectors) == 0 or times.shape != (len(vectors),):
        raise BadVectorsError(f"expected one time per vector, got {times.shape}, {vectors.shape}")
    if not np.isfinite(vectors).all() or not np.isfinite(times).all():
        raise BadVectorsError("vectors or times are not finite")
    lengths: npt.NDArray[np.float32] = np.linalg.norm(vectors, axis=1)
    if np.abs(lengths - 1).max() > UNIT_TOLERANCE:
        raise BadVectorsError(f"expected unit vectors, got lengths up to {lengths.max():.3f}")


def fail_on_timeout(connection: redis.Redis) -> None:
    """Make a timed-out query an error. By default it gives an empty answer and no error."""
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
    """Create an index over the hashes under `prefix`: tags and one FLOAT16 cosine `vector`.

    `options` are the algorithm's own. An existing index of that name stays as it is.
    """
    every = ("TYPE", "FLOAT16", "DIM", str(dimensions), "DISTANCE_METRIC", "COSINE", *options)
    fields = [word for tag in tags for word in (tag, "TAG")]
    announce_index(connection)
    try:
        connection.execute_command(  # type: ignore[no-untyped-call]
            *("FT.CREATE", name, "ON", "HASH", "PREFIX", "1", prefix, "SCHEMA", *fields),
            *("vector", "VECTOR", algorithm, str(len(every)), *every),
        )
    except redis.ResponseError as error:
        # Two processes may start at once; the second finds the first one's index.
        if "already exists" not in str(error):
            raise


def add_words_field(connection: redis.Redis, name: str, words: str) -> None:
    """Add a field to an index: words separated by spaces, each a tag. Does nothing if the index has
    the field; `ismissing` finds rows without it."""
    try:
        connection.execute_command(  # type: ignore[no-untyped-call]
            *("FT.ALTER", name, "SCHEMA", "ADD", words, "TAG", "SEPARATOR", " ", "INDEXMISSING")
        )
    except redis.ResponseError as error:
        if "uplicate" not in str(error):
            raise


def drop_indexes(connection: redis.Redis, encoder: str) -> None:
    """Remove an encoder's indexes and their aliases; the hashes stay."""
    slug = slug_of(encoder)
    drop_named(connection, (f"dejabug:frames:{slug}:", f"dejabug:tickets:{slug}"))


def drop_named(connection: redis.Redis, beginnings: tuple[str, ...]) -> None:
    """Remove the indexes whose names begin with one of these; the hashes stay."""
    for name in map(text_of, connection.execute_command("FT._LIST")):  # type: ignore[no-untyped-call]
        if name.startswith(beginnings):
            connection.execute_command("FT.DROPINDEX", name)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Query:
    """One k-nearest query without its vector. `command` is FT.SEARCH or FT.AGGREGATE, `tail` what
    follows its words. A row must have one of the values of each field in `tags`, and all of those
    in `every`. `policy` says how filter and vectors are combined."""

    command: str
    k: int
    tags: Mapping[str, Sequence[str]]
    tail: Sequence[str]
    policy: str = ""
    every: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Searcher:
    """Queries one index, and answers from the complete index or not at all."""

    def __init__(self, connection: redis.Redis, index: str) -> None:
        self._redis = connection
        self._index = index
        self._completeness = Completeness(connection, index)

    def nearest(self, query: Query, vectors: Floats) -> list[list[dict[bytes, Any]]]:
        """The rows nearest to each row of `vectors` [m, d]; errors as for `ask`."""
        return self.ask([(query, vector) for vector in vectors])

    def ask(self, asked: Sequence[tuple[Query, Floats]]) -> list[list[dict[bytes, Any]]]:
        """The rows that each query finds nearest to its vector [d], in one round trip.

        If a filter field has no allowed values, nothing is found. Raises IndexUnavailableError when
        Redis is down, the index is being built, or an answer is late or incomplete.
        """
        possible = [(query, vector) for query, vector in asked if all(query.tags.values())]
        if not possible:
            return [[] for _ in asked]
        stamp, answers = self._ask(possible)
        # Checking the index takes a moment, in which yet another one may be created.
        for _ in range(LOOKS):
            if self._completeness.covers(stamp):
                break
            self._completeness.learn(stamp)
            stamp, answers = self._ask(possible)
        else:
            raise IndexUnavailableError("the search index is being built; try again soon")
        for answer in answers:
            if answer[b"warning"]:
                raise IndexUnavailableError(
                    f"the search result is incomplete: {answer[b'warning']}"
                )
        found = iter([row[b"extra_attributes"] for row in each[b"results"]] for each in answers)
        return [next(found) if all(query.tags.values()) else [] for query, _ in asked]

    def _ask(self, asked: Sequence[tuple[Query, Floats]]) -> tuple[tuple[Any, ...], list[Any]]:
        """The stamp under which the index was queried, and its answer to each query."""
        with self._redis.pipeline(transaction=False) as pipe:
            # In the same pipeline, so that it comes from the Redis that answers.
            ask_stamp(pipe)
            for query, vector in asked:
                half = np.ascontiguousarray(vector, dtype=np.float16).tobytes()
                pipe.execute_command(  # type: ignore[no-untyped-call]
                    *(query.command, self._index, _knn(query), *query.tail),
                    *("PARAMS", "2", "query", half, "LIMIT", "0", str(query.k)),
                    *("TIMEOUT", str(QUERY_TIMEOUT_MS), "DIALECT", "2"),
                )
            try:
                server, made, *answers = pipe.execute()
            except redis.ResponseError as error:
                if "imeout" in str(error):
                    raise IndexUnavailableError(f"the vector search timed out: {error}") from error
                raise
            except (redis.ConnectionError, redis.TimeoutError) as error:
                raise IndexUnavailableError(f"Redis did not answer: {error}") from error
        return stamp_of(server, made), answers


def _knn(query: Query) -> str:
    """A query in the language of Redis search."""
    every = ({field: [value]} for field, values in query.every.items() for value in values)
    within = " ".join(map(tag_filter, (query.tags, *every)))
    return f"({within})=>[KNN {int(query.k)} @vector $query {query.policy} AS distance]"


def vector_field(info: Mapping[bytes, Any]) -> Mapping[bytes, Any]:
    """The vector field's description in FT.INFO's answer."""
    fields: list[Mapping[bytes, Any]] = info[b"attributes"]
    return next(field for field in fields if field[b"type"] == b"VECTOR")


def text_of(value: Any) -> str:
    """A Redis value as text; None becomes empty."""
    if value is None:
        return ""
    return value.decode() if isinstance(value, bytes) else str(value)


def slug_of(encoder: str) -> str:
    """An encoder's name as a part of a Redis key: readable and unique."""
    readable = re.sub(r"[^A-Za-z0-9.]+", "-", encoder)[:60].strip("-")
    return f"{readable}-{hashlib.sha256(encoder.encode()).hexdigest()[:8]}"


def tag_filter(tags: Mapping[str, Sequence[str]]) -> str:
    """The query for rows that have one of these values in each of these fields."""
    return " ".join(
        f"@{field}:{{{'|'.join(map(escape_tag, values))}}}" for field, values in tags.items()
    )


def escape_tag(value: str) -> str:
    """A value escaped for use in `@tag:{…}`, whatever characters it has."""
    return re.sub(r"([^A-Za-z0-9_])", r"\\\1", value)
