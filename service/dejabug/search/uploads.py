"""Clips that users upload to search with: the file until a worker has read it, the progress, and
the clips that it matches. Nothing of an upload enters the index."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import redis
import structlog
from pydantic import TypeAdapter
from rq import Retry

from dejabug.index import text_of
from dejabug.infra.jobs import COMPARE_UPLOAD
from dejabug.infra.reply_list import await_reply, put_reply
from dejabug.infra.tracing import trace_for_job
from dejabug.media_store.store import MediaStore
from dejabug.records.collections import Collections
from dejabug.records.work_queues import WorkQueues
from dejabug.retrieval.pairs import PairMatch
from dejabug.search.expiring_ids import is_older, new_id

log = structlog.get_logger()

State = Literal["queued", "sampling", "embedding", "comparing", "done", "failed"]
STATES: tuple[State, ...] = get_args(State)
ENDED = ("done", "failed")
# Seconds that an upload's state and results are kept after its last step.
KEPT = 900
# Files that wait or are being read: more could fill the folder that thumbnails need too.
MOST_FILES = 20
PAIRS = TypeAdapter(list[PairMatch])


class TooManyUploadsError(Exception):
    """Too many uploads are waiting; no more are accepted right now."""


class ForgottenError(Exception):
    """The user has cancelled the upload."""


@dataclass(frozen=True)
class Upload:
    """An upload's state. `caller` made it, `asked` is their search as JSON, `projects` are the ones
    that it is compared with, and `reason` says why it failed, or which part was left out."""

    id: str
    caller: str
    asked: str
    projects: frozenset[str]
    state: State
    reason: str
    pairs: list[PairMatch]


class ClipUploads:
    """Clips that users upload to search with."""

    def __init__(
        self,
        connection: redis.Redis,
        collections: Collections,
        media: MediaStore,
        queues: WorkQueues,
    ) -> None:
        self._redis = connection
        self._collections = collections
        self._media = media
        self._queues = queues

    @contextmanager
    def receiving(self) -> Iterator[tuple[str, Path]]:
        """An unguessable id, and a folder in which to write the file, `clip`. Without an error the
        upload can then be submitted; after an error nothing of it is left.

        Raises TooManyUploadsError while too many are waiting, IndexUnavailableError while the index
        is incomplete, and StoreAwayError."""
        if self._collections.active.knows_dimensions():
            self._collections.active.index.check()
        if self._media.uploads.waiting() >= MOST_FILES:
            raise TooManyUploadsError(f"{MOST_FILES} uploads are waiting already")
        upload_id = new_id()
        with self._media.uploads.receiving(upload_id) as folder:
            yield upload_id, folder

    def submit(self, upload_id: str, caller: str, projects: list[str], asked: str) -> None:
        """Queue a job on `search` that compares the file with the clips of these projects."""
        try:
            self._submit(upload_id, caller, projects, asked)
        except BaseException:
            self._media.uploads.discard(upload_id)
            raise

    def _submit(self, upload_id: str, caller: str, projects: list[str], asked: str) -> None:
        row: dict[Any, Any] = {"caller": caller, "asked": asked, "state": "queued"}
        row["projects"] = json.dumps(projects)
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.multi()  # RQ would start it later, which redis-py refuses
            pipe.hset(upload_key(upload_id), mapping=row)
            pipe.expire(upload_key(upload_id), KEPT)
            self._queues.get("search").enqueue_call(
                COMPARE_UPLOAD.name,
                args=(upload_id, projects),
                timeout=COMPARE_UPLOAD.time_limit,
                ttl=KEPT,
                result_ttl=0,
                failure_ttl=KEPT,
                retry=Retry(max=1),  # after a worker is killed; any other error ends in `failed`
                description="search_upload",
                meta=trace_for_job(),
                pipeline=pipe,
            )
            pipe.execute()

    def look(self, upload_id: str, caller: str) -> Upload | None:
        """The state of this caller's upload; None for another caller's, and for one that is unknown
        or has expired."""
        row = {
            text_of(k): text_of(v) for k, v in self._redis.hgetall(upload_key(upload_id)).items()
        }
        if row.get("caller") != caller:
            return None
        state = next(state for state in STATES if state == row["state"])
        pairs = PAIRS.validate_json(row["pairs"]) if "pairs" in row else []
        projects = frozenset(json.loads(row.get("projects", "[]")))
        return Upload(
            upload_id, caller, row["asked"], projects, state, row.get("reason", ""), pairs
        )

    def reading(self, upload_id: str) -> AbstractContextManager[Path]:
        """The file, for as long as a worker reads it. Raises StoreAwayError."""
        return self._media.uploads.reading(upload_id)

    def discard(self, upload_id: str) -> None:
        """Delete the file; the upload's state stays."""
        self._media.uploads.discard(upload_id)

    def note_step(self, upload_id: str, **told: str) -> None:
        """Store an upload's state. Raises ForgottenError."""
        row: dict[Any, Any] = dict(told)
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(upload_key(upload_id), mapping=row)
            pipe.expire(upload_key(upload_id), KEPT)
            pipe.hexists(upload_key(upload_id), "caller")
            known = pipe.execute()[-1]
        if not known:
            raise ForgottenError

    def end(self, upload_id: str, **told: str) -> None:
        """Store how an upload ended, and notify the waiting request. Raises ForgottenError."""
        self.note_step(upload_id, **told)
        put_reply(self._redis, upload_id, True)
        why = told.get("reason", "").split(":")[0]
        log.info("upload_done", upload=upload_id, state=told["state"], why=why)

    def await_end(self, upload_id: str, seconds: float) -> None:
        """Wait until an upload is done or has failed, for at most so many seconds."""
        await_reply(self._redis, upload_id, seconds)

    def forget(self, upload_id: str) -> None:
        """Delete an upload; a worker that is processing it stops at its next step."""
        self._redis.delete(upload_key(upload_id))
        self._media.uploads.discard(upload_id)


def has_expired(upload_id: str) -> bool:
    """Whether an upload that is not kept may have expired: this depends on its id alone."""
    return is_older(upload_id, KEPT)


def upload_key(upload_id: str) -> str:
    """The Redis key of an upload's state."""
    return f"dejabug:upload:{upload_id}"
