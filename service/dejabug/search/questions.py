"""A question in words, or about two pictures, answered by a worker that has the model, while
somebody waits.

Questions have lists of their own in Redis, one for each kind, which a thread of each worker on
`search` reads: they wait neither for a job in hand nor for RQ's book-keeping, which takes longer
than an answer does. Nothing is lost with a worker that dies: whoever waits is told so, and asks
again.
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

# Seconds that somebody waits, unless they say otherwise.
PATIENCE = 30.0
# The same for heat maps: Forge gives an answer up after 25 s.
HEAT_MAP_PATIENCE = 15.0
# Seconds that questions are kept which nobody answers; whoever waited takes theirs back before.
KEPT = 60


class SearchFailedError(UserError):
    """A question got no answer; the message says what to do."""


@dataclass(frozen=True)
class Question:
    """Words to be answered with `limit` clips of these projects, and where the answer goes; when
    they were asked (Unix seconds), and under which trace."""

    reply: str
    words: str
    projects: list[str]
    limit: int
    asked: float = 0.0
    trace: str = ""


@dataclass(frozen=True)
class HeatMapQuestion:
    """Two clips' spots that are asked about, where the answer goes, and under which trace."""

    reply: str
    here: Spot
    there: Spot
    trace: str = ""


class Questions:
    """Asks workers that have the model."""

    def __init__(self, connection: redis.Redis, collections: Collections) -> None:
        self._redis = connection
        self._collections = collections

    def search(
        self, words: str, projects: list[str], limit: int, patience: float = PATIENCE
    ) -> list[dict[str, Any]]:
        """Have a worker run `TextSearch.find`, and wait for its answer, `patience` seconds at most.

        Raises SearchFailedError when no worker answers in time, or it fails.
        """
        asked = Question(new_reply(), words, projects, limit, time.time(), current_trace())
        answer = self._asked(questions_key(self._collections.active), asked, patience)
        return list(answer["found"])

    def heat_maps(
        self, here: Spot, there: Spot, patience: float = HEAT_MAP_PATIENCE
    ) -> dict[str, Any]:
        """Have a worker run `HeatMaps.draw`, and wait for its answer, `patience` seconds at most.
        Who may see both clips must be known before.

        Raises SearchFailedError like `ask`.
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
                f"no worker answered within {patience:g} s; start one with: dejabug worker search"
            )
        if "found" not in answer:
            why = answer.get("why") or "the search failed in its worker; its log says why"
            raise SearchFailedError(why)
        return dict(answer)


def questions_key(collection: Collection) -> str:
    """The list of an encoder's questions, the oldest first."""
    return f"dejabug:questions:{collection.slug}"


def heat_map_questions_key(collection: Collection) -> str:
    """The same for heat maps."""
    return f"dejabug:heat-map-questions:{collection.slug}"
