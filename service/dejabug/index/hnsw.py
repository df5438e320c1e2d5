"""When and how an index of frames changes from flat to HNSW: the size limit, building the new index
next to the old one and swapping it in, and how HNSW is queried.

An index is read through an alias, so a flat one can be replaced by an HNSW one without a pause.
"""

from __future__ import annotations

from typing import Any, Literal

import redis

from dejabug.index.completeness import index_info, is_complete
from dejabug.index.queries import OtherModelError, create_index, text_of, vector_field
from dejabug.index.types import IndexState

# Values of the setting: "auto" starts flat, and changes to HNSW from FLAT_LIMIT frames on.
Algorithm = Literal["auto", "flat", "hnsw"]

# FLAT is exact, and takes at most 5 ms a query up to this size; beyond, HNSW is far faster.
FLAT_LIMIT = 50_000
# HNSW's degree and effort. Measured: M 32 gains no recall over 16; 200 gives 0.996 at K = 100.
HNSW_M = 16
HNSW_EF_CONSTRUCTION = 200
# A step through HNSW's graph costs as much as comparing this many frames one by one (measured).
STEP = 40
# Frames that HNSW explores for a text (at least k). Measured with 100,000 frames: it found 0.93 of
# the twenty best clips with 1000, 0.98 with 2000 and 0.99 with 3000, in 8, 10 and 13 ms. For a
# frame, k is enough.
TEXT_EFFORT = 2000


class Growth:
    """The index behind an alias, over the hashes under a prefix, and its change to HNSW."""

    def __init__(
        self,
        connection: redis.Redis,
        alias: str,
        prefix: str,
        dimensions: int,
        algorithm: Algorithm,
    ) -> None:
        self._redis = connection
        self._alias = alias
        self._prefix = prefix
        self._dimensions = dimensions
        self._algorithm = algorithm

    def open(self) -> None:
        """Create the index if there is none yet. Raises redis.RedisError when Redis cannot be
        reached, and OtherModelError when the index has vectors of another length."""
        try:
            info = index_info(self._redis, self._alias)
        except redis.ResponseError:
            algorithm = "HNSW" if self._algorithm == "hnsw" else "FLAT"
            name = f"{self._alias}:{algorithm.lower()}"
            self._make(name, algorithm)
            self._command("FT.ALIASUPDATE", self._alias, name)
            return
        found = vector_field(info)[b"dim"]
        if int(found) != self._dimensions:
            raise OtherModelError(
                f"the index {self._alias} has vectors of {found} numbers, but this encoder's have "
                f"{self._dimensions}: another model uses the same encoder name"
            )

    def must_grow(self, state: IndexState) -> bool:
        """Whether the index in this state is flat, and too large for that."""
        large = self._algorithm == "auto" and state.frames > FLAT_LIMIT
        return large and state.algorithm != "HNSW"

    def grow(self) -> bool:
        """Build an HNSW index next to a flat one that has become large; swap it in when ready.

        The worker's maintenance calls this repeatedly; each call takes the next step and returns at
        once. True when an index was swapped in.
        """
        state = state_of(self._redis, self._alias)
        if not self.must_grow(state):
            return False
        name = f"{self._alias}:hnsw"
        if name.encode() not in self._command("FT._LIST"):
            self._make(name, "HNSW")
            return False
        if not is_complete(index_info(self._redis, name)):
            return False
        self._command("FT.ALIASUPDATE", self._alias, name)
        self._command("FT.DROPINDEX", state.name)
        return True

    def _make(self, name: str, algorithm: str) -> None:
        effort: tuple[str, ...] = ()
        if algorithm == "HNSW":
            effort = ("M", str(HNSW_M), "EF_CONSTRUCTION", str(HNSW_EF_CONSTRUCTION))
        tags = ("clip", "issue", "project", "game")
        create_index(self._redis, name, self._prefix, tags, self._dimensions, algorithm, effort)

    def _command(self, *words: Any) -> Any:
        return self._redis.execute_command(*words)  # type: ignore[no-untyped-call]


def state_of(connection: redis.Redis, alias: str) -> IndexState:
    """Size and health of the index behind an alias. Raises redis.RedisError when Redis is down or
    the index is gone."""
    info = index_info(connection, alias)
    algorithm: bytes = vector_field(info)[b"algorithm"]
    return IndexState(
        name=text_of(info[b"index_name"]),
        algorithm=algorithm.decode(),
        frames=int(info[b"num_docs"]),
        failures=int(info[b"hash_indexing_failures"]),
        ready=is_complete(info),
        bytes=round(float(info[b"vector_index_sz_mb"]) * 1024**2),
    )


def hybrid_policy(effort: int, frames: int, matching: int) -> str:
    """How HNSW, exploring `effort` frames, combines with a filter that `matching` of all `frames`
    pass: walk the graph and skip what does not pass, or compare all that pass one by one. By
    default Redis does the latter even when all pass, which takes three times as long.
    """
    if not matching or STEP * effort * frames > matching**2:
        return ""
    return f"HYBRID_POLICY BATCHES BATCH_SIZE {round(effort * frames / matching)}"
