"""Frames in Redis: the schema, writing, forgetting, and searching for the nearest ones.

Each frame is a Redis hash with its vector, its time and the tags used as filters. The search index
over those hashes belongs to one encoder, so vectors of two models never meet. It starts flat and
becomes HNSW when it is large (`hnsw.py`). All vectors are unit vectors, FLOAT16, compared by
cosine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import redis
from redis.client import Pipeline

from dejabug.index.completeness import await_complete
from dejabug.index.counts import FrameCounts
from dejabug.index.hnsw import TEXT_EFFORT, Algorithm, Growth, hybrid_policy, state_of
from dejabug.index.neighbours import Neighbours
from dejabug.index.queries import (
    BadVectorsError,
    Query,
    Searcher,
    check_frames,
    fail_on_timeout,
    slug_of,
    text_of,
)
from dejabug.index.signatures import FIELD as SIGNATURE
from dejabug.index.signatures import pack, unpack
from dejabug.index.types import ClipLocation, IndexState
from dejabug.ranking import Floats, Hit, Signature, TimedVectors

# Of a group of frames, the nearest one's distance and time.
NEAREST = ("REDUCE", "MIN", "1", "@distance", "AS", "distance")
ITS_TIME = ("REDUCE", "FIRST_VALUE", "4", "@time", "BY", "@distance", "ASC", "AS", "time")
# More frames than any clip has. Asking for missing ones costs a query nothing.
FRAMES_AT_MOST = 10_000


class FrameIndex:
    """The frames of one encoder.

    `encoder` is the encoder's name and `dimensions` the length of its vectors. Creating the object
    creates the index if there is none yet. Raises redis.RedisError when Redis cannot be reached,
    and OtherModelError when the index has vectors of another length.
    """

    def __init__(
        self,
        connection: redis.Redis,
        encoder: str,
        dimensions: int,
        *,
        algorithm: Algorithm = "auto",
    ) -> None:
        self._redis = connection
        self._dimensions = dimensions
        slug = slug_of(encoder)
        self._frames = f"dejabug:frame:{slug}:"
        self._clips = f"dejabug:embedded:{slug}:"
        self.alias = f"dejabug:frames:{slug}"
        self.neighbours = Neighbours(connection, "clip", slug)
        self._counts = FrameCounts(connection, self.alias)
        self._searcher = Searcher(connection, self.alias)
        # The index over the frames, and its change from flat to HNSW.
        self.growth = Growth(connection, self.alias, self._frames, dimensions, algorithm)
        fail_on_timeout(connection)
        self.growth.open()

    # Writing

    def write_clip(
        self,
        clip_id: str,
        place: ClipLocation,
        times: Floats,
        vectors: Floats,
        signature: Signature | None = None,
    ) -> None:
        """Write a clip's frames and signature in one transaction, replacing any earlier ones.

        `times` is float32 [n], seconds from the clip's start; `vectors` float32 [n, dimensions],
        unit rows. Raises BadVectorsError and writes nothing if they are not valid.
        """
        check_frames(times, vectors, self._dimensions)
        halves = np.ascontiguousarray(vectors, dtype=np.float16)
        tags = {"clip": clip_id, **place.tags()}
        restricted = int(place.restricted)
        about: dict[Any, Any] = {"count": len(times), "restricted": restricted, **tags}
        if signature is not None:
            about[SIGNATURE] = pack(signature)

        def write(pipe: Pipeline) -> None:
            old = self._take_off_lists(pipe, clip_id)
            for number, (time, vector) in enumerate(zip(times, halves, strict=True)):
                fields = {**tags, "time": float(time), "vector": vector.tobytes()}
                pipe.hset(f"{self._frames}{clip_id}:{number}", mapping=fields)
            for number in range(len(times), old):
                pipe.delete(f"{self._frames}{clip_id}:{number}")
            pipe.hdel(self._clips + clip_id, SIGNATURE)  # an earlier one
            pipe.hset(self._clips + clip_id, mapping=about)
            self._put_on_lists(pipe, clip_id, place)

        self._redis.transaction(write, self._clips + clip_id)

    def put_signature(self, clip_id: str, signature: Signature) -> bool:
        """Add a clip's signature; returns whether the clip is still indexed. Raises
        BadVectorsError."""
        packed, there = pack(signature), False

        def put(pipe: Pipeline) -> None:
            nonlocal there
            there = bool(pipe.hexists(self._clips + clip_id, "count"))
            pipe.multi()
            if there:
                pipe.hset(self._clips + clip_id, SIGNATURE, packed)

        self._redis.transaction(put, self._clips + clip_id)
        return there

    def move_clip(self, clip_id: str, place: ClipLocation) -> None:
        """Update the tags of a clip's frames, after its issue moved to another project or game."""
        tags = place.tags()

        def move(pipe: Pipeline) -> None:
            count = self._take_off_lists(pipe, clip_id)
            for number in range(count):
                pipe.hset(f"{self._frames}{clip_id}:{number}", mapping=tags)
            if count:
                about = {**tags, "restricted": int(place.restricted)}
                pipe.hset(self._clips + clip_id, mapping=about)
                self._put_on_lists(pipe, clip_id, place)

        if self.places([clip_id]).get(clip_id) != place:
            self._redis.transaction(move, self._clips + clip_id)

    def forget_clip(self, clip_id: str) -> None:
        """Remove a clip completely. Forgetting a clip that is not indexed is no error."""

        def forget(pipe: Pipeline) -> None:
            for number in range(self._take_off_lists(pipe, clip_id)):
                pipe.delete(f"{self._frames}{clip_id}:{number}")
            pipe.delete(self._clips + clip_id)

        self._redis.transaction(forget, self._clips + clip_id)

    def _take_off_lists(self, pipe: Pipeline, clip_id: str) -> int:
        """Begin a transaction by removing the clip from its project's and issue's lists; it fails
        if anything else writes the clip meanwhile. Returns how many frames the clip has."""
        about = pipe.hmget(self._clips + clip_id, "count", "project", "issue")
        count, project, issue = map(text_of, about)
        pipe.multi()
        pipe.srem(self._clips_of(project), clip_id)
        pipe.srem(self._clips_on(issue), clip_id)
        self.neighbours.leave(pipe, clip_id, project)
        return int(count or 0)

    def _put_on_lists(self, pipe: Pipeline, clip_id: str, place: ClipLocation) -> None:
        pipe.sadd(self._clips_of(place.project), clip_id)
        pipe.sadd(self._clips_on(place.issue_id), clip_id)
        self.neighbours.join(pipe, clip_id, place.project, restricted=place.restricted)

    # Reading

    def nearest_frames(self, vectors: Floats, k: int, projects: Sequence[str]) -> list[list[Hit]]:
        """For each row of `vectors` [m, dimensions], its k nearest frames, nearest first."""
        tail = ("RETURN", "3", "clip", "time", "distance", "SORTBY", "distance")
        answers = self._query("FT.SEARCH", vectors, k, projects, tail)
        return [[_hit(row) for row in rows] for rows in answers]

    def nearest_clips(
        self, vectors: Floats, k: int, projects: Sequence[str]
    ) -> list[tuple[str, float]]:
        """Candidate clips, best first, with the mean over query frames of their best similarity.

        Redis groups each query frame's k nearest frames by clip, so no rows are transferred for
        frames that cluster around one clip. A clip that is missing from a query frame's k nearest
        gets the similarity of the farthest of them.
        """
        tail = ("LOAD", "1", "@clip", "GROUPBY", "1", "@clip")
        answers = self._query("FT.AGGREGATE", vectors, k, projects, (*tail, *NEAREST))
        similarities: dict[str, Floats] = {}
        floors = np.zeros(len(answers), np.float32)
        for row, clips in enumerate(answers):
            found = [(text_of(clip[b"clip"]), 1 - float(clip[b"distance"])) for clip in clips]
            floors[row] = min((similarity for _, similarity in found), default=0.0)
            for clip_id, similarity in found:
                empty = np.full(len(answers), np.nan, np.float32)
                similarities.setdefault(clip_id, empty)[row] = similarity
        scores = {
            clip_id: float(np.where(np.isnan(row), floors, row).mean())
            for clip_id, row in similarities.items()
        }
        return sorted(scores.items(), key=lambda item: (-item[1], item[0]))

    def best_frames(self, vector: Floats, k: int, projects: Sequence[str]) -> list[Hit]:
        """The best frame of each clip among the k frames nearest to a text's vector [dimensions],
        nearest first, with its issue.

        Texts are far from all frames in the space, so HNSW has to search wider for them.
        """
        return self._best(vector, k, projects, effort=TEXT_EFFORT)

    def best_frames_of(
        self, clip_ids: Sequence[str], vector: Floats, projects: Sequence[str]
    ) -> list[Hit]:
        """For each of these clips, its frame nearest to a vector [dimensions]. Clips outside these
        projects are left out."""
        return self._best(vector, len(clip_ids) * FRAMES_AT_MOST, projects, clip=clip_ids)

    def clip_vectors(self, clip_ids: Iterable[str]) -> dict[str, TimedVectors]:
        """The frames of clips, in order of time. Clips that are not indexed are left out."""
        wanted = list(clip_ids)
        counts = self._counts_of(wanted)
        with self._redis.pipeline(transaction=False) as pipe:
            for clip_id, count in zip(wanted, counts, strict=True):
                for number in range(count):
                    pipe.hmget(f"{self._frames}{clip_id}:{number}", "time", "vector")
            rows = iter(pipe.execute())
        found = {}
        for clip_id, count in zip(wanted, counts, strict=True):
            # A frame can vanish between the two reads, when its clip is forgotten meanwhile.
            frames = [row for row in (next(rows) for _ in range(count)) if row[1] is not None]
            if frames:
                times = np.array([float(time) for time, _ in frames], np.float32)
                halves = [np.frombuffer(vector, np.float16) for _, vector in frames]
                found[clip_id] = TimedVectors(times, np.stack(halves).astype(np.float32))
        return found

    def signatures(self, clip_ids: Iterable[str]) -> dict[str, Signature]:
        """The signatures of clips, in one round trip. Leaves out clips that are not indexed, and
        clips that were indexed by a version without signatures."""
        wanted = list(clip_ids)
        with self._redis.pipeline(transaction=False) as pipe:
            for clip_id in wanted:
                pipe.hget(self._clips + clip_id, SIGNATURE)
            rows = pipe.execute()
        return {
            clip_id: unpack(packed)
            for clip_id, packed in zip(wanted, rows, strict=True)
            if packed is not None
        }

    def without_signature(self, clip_ids: Iterable[str]) -> list[str]:
        """Those of these clips that are indexed but have no signature."""
        wanted = list(clip_ids)
        with self._redis.pipeline(transaction=False) as pipe:
            for clip_id in wanted:
                pipe.hexists(self._clips + clip_id, "count")
                pipe.hexists(self._clips + clip_id, SIGNATURE)
            there = pipe.execute()
        return [
            clip_id
            for clip_id, indexed, signed in zip(wanted, there[::2], there[1::2], strict=True)
            if indexed and not signed
        ]

    def places(self, clip_ids: Iterable[str]) -> dict[str, ClipLocation]:
        """Where clips belong. Clips that are not indexed are left out."""
        wanted = list(clip_ids)
        with self._redis.pipeline(transaction=False) as pipe:
            for clip_id in wanted:
                pipe.hmget(self._clips + clip_id, "issue", "project", "game", "restricted")
            rows = pipe.execute()
        return {
            clip_id: ClipLocation(text_of(row[0]), text_of(row[1]), text_of(row[2]), row[3] == b"1")
            for clip_id, row in zip(wanted, rows, strict=True)
            if row[0] is not None
        }

    def issues_of_clips_on(self, issue_ids: Iterable[str]) -> dict[str, str]:
        """The indexed clips of these issues and each clip's issue, in the order of the issues."""
        wanted = list(issue_ids)
        with self._redis.pipeline(transaction=False) as pipe:
            for issue_id in wanted:
                pipe.smembers(self._clips_on(issue_id))
            rows = pipe.execute()
        return {
            clip_id: issue_id
            for issue_id, row in zip(wanted, rows, strict=True)
            for clip_id in sorted(map(text_of, row))
        }

    def clip_count(self, projects: Sequence[str]) -> int:
        """How many clips of these projects are indexed."""
        return sum(int(self._redis.scard(self._clips_of(project))) for project in projects)

    def clip_ids(self, projects: Sequence[str]) -> Iterator[str]:
        """The indexed clips of these projects. May miss one that is added or removed meanwhile."""
        for project in projects:
            yield from map(text_of, self._redis.sscan_iter(self._clips_of(project), count=1000))

    def holds(self, clip_id: str) -> bool:
        """Whether this clip's frames are indexed."""
        return self._count(clip_id) > 0

    def state(self) -> IndexState:
        """Size and health. Raises redis.RedisError when Redis is down or the index is gone."""
        return state_of(self._redis, self.alias)

    def check(self) -> None:
        """Raises IndexUnavailableError when the index is still incomplete after a moment."""
        await_complete(self._redis, self.alias)

    # Internal

    def _best(self, vector: Floats, k: int, projects: Sequence[str], **narrowed: Any) -> list[Hit]:
        """The best frame of each clip among the k nearest, nearest first."""
        fields = ("LOAD", "3", "@clip", "@issue", "@time")
        tail = (*fields, "GROUPBY", "2", "@clip", "@issue", *NEAREST, *ITS_TIME)
        (rows,) = self._query("FT.AGGREGATE", vector[None], k, projects, tail, **narrowed)
        return sorted(map(_hit, rows), key=lambda hit: (-hit.similarity, hit.clip_id))

    def _query(
        self,
        command: str,
        vectors: Floats,
        k: int,
        projects: Sequence[str],
        tail: tuple[str, ...],
        effort: int = 0,
        **tags: Sequence[str],
    ) -> list[list[dict[bytes, Any]]]:
        """One k-nearest query per vector, in one round trip; returns the rows of each answer.
        `tags` filter it further. Without them, an HNSW index explores `effort` frames, or k."""
        if vectors.ndim != 2 or vectors.shape[1] != self._dimensions:
            raise BadVectorsError(f"expected queries [m, {self._dimensions}], got {vectors.shape}")
        policy = ""
        if projects and not tags:
            policy = hybrid_policy(max(k, effort), *self._counts.get(projects))
        within = {"project": projects, **tags}
        return self._searcher.nearest(Query(command, k, within, tail, policy), vectors)

    def _count(self, clip_id: str) -> int:
        return int(self._redis.hget(self._clips + clip_id, "count") or 0)

    def _counts_of(self, clip_ids: Sequence[str]) -> list[int]:
        with self._redis.pipeline(transaction=False) as pipe:
            for clip_id in clip_ids:
                pipe.hget(self._clips + clip_id, "count")
            return [int(count or 0) for count in pipe.execute()]

    def _clips_of(self, project: str) -> str:
        return f"{self._clips}in:{project}"

    def _clips_on(self, issue_id: str) -> str:
        return f"{self._clips}on:{issue_id}"


def _hit(row: Mapping[bytes, bytes]) -> Hit:
    issue = text_of(row.get(b"issue"))
    return Hit(row[b"clip"].decode(), float(row[b"time"]), 1 - float(row[b"distance"]), issue)
