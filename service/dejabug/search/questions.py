"""Queries that a worker with the model answers while a user waits: a search by words, or the heat
maps of two frames.

Each kind of query has a dedicated list in Redis, which a thread of each worker on `search` reads.
So a query waits neither for the worker's current job nor for RQ's bookkeeping, which takes longer
than an answer. If the worker dies, nothing is lost: the waiting request gets an error and can be
repeated.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import Any

import redis
import structlog

from dejabug.infra.errors import UserError
from dejabug.infra.refused_writes import push_briefly
from dejabug.infra.reply_list import await_reply, new_reply
from dejabug.infra.tracing import current_trace
from dejabug.records.collection import Collection
from dejabug.records.collections import Collections
from dejabug.retrieval.heat_maps import Spot

log = structlog.get_logger()

# Seconds to wait for an answer, by default.
PATIENCE = 30.0
# The same for heat maps: Forge gives up after 25 s.
HEAT_MAP_PATIENCE = 15.0
# Seconds that unanswered queries are kept; a request that gives up removes its query earlier.
KEPT = 60


class SearchFailedError(UserError):
    """A query got no answer; the message says what to do."""


@dataclass(frozen=True)
class Question:
    """A search by words for `limit` clips of these projects. `reply` is where the answer goes,
    `asked` the time of the search (Unix seconds), `trace` the request's trace."""

    reply: str
    words: str
    projects: list[str]
    limit: int
    asked: float = 0.0
    trace: str = ""


@dataclass(frozen=True)
class HeatMapQuestion:
    """The frames of two clips, where the answer goes, and the request's trace."""

    reply: str
    here: Spot
    there: Spot
    trace: str = ""


class Questions:
    """Sends queries to workers that have the model."""

    def __init__(self, connection: redis.Redis, collections: Collections) -> None:
        self._redis = connection
        self._collections = collections

    def search(
        self, words: str, projects: list[str], limit: int, patience: float = PATIENCE
    ) -> list[dict[str, Any]]:
        """Have a worker run `TextSearch.find`, and wait at most `patience` seconds for the answer.

        Raises SearchFailedError when no worker answers in time, or the search fails.
        """
        asked = Question(new_reply(), words, projects, limit, time.time(), current_trace())
        answer = self._asked(questions_key(self._collections.active), asked, patience)
        return list(answer["found"])

    def heat_maps(
        self, here: Spot, there: Spot, patience: float = HEAT_MAP_PATIENCE
    ) -> dict[str, Any]:
        """Have a worker run `HeatMaps.draw`, and wait at most `patience` seconds for the answer.
        Check first that the user may see both clips.

        Raises SearchFailedError like `search`.
        """
        asked = HeatMapQuestion(new_reply(), here, there, current_trace())
        answer = self._asked(heat_map_questions_key(self._collections.active), asked, patience)
        return dict(answer["found"])

    def _asked(
        self, key: str, asked: Question | HeatMapQuestion, patience: float
    ) -> dict[str, Any]:
        question = json.dumps(asdict(asked))
        push_briefly(self._redis, key, question, KEPT)
        answer = await_reply(self._redis, asked.reply, patience)
        if answer is None:
            self._redis.lrem(key, 1, question)
            raise SearchFailedError(
                f"no worker answered within {patience:g} seconds; "
                "start one with: dejabug worker search"
            )
        if "found" not in answer:
            why = answer.get("why") or "the search failed; the worker's log has the reason"
            raise SearchFailedError(why)
        return dict(answer)


def questions_key(collection: Collection) -> str:
    """The Redis key of an encoder's list of searches, oldest first."""
    return f"dejabug:questions:{collection.slug}"


def heat_map_questions_key(collection: Collection) -> str:
    """The Redis key of an encoder's list of heat map queries, oldest first."""
    return f"dejabug:heat-map-questions:{collection.slug}"
