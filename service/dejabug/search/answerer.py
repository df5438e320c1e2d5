"""Answers the queries of `questions.py`, in a thread of a worker that has the model."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Sequence
from typing import Any, TypeVar, cast

import redis
import structlog
from pydantic import TypeAdapter, ValidationError

from dejabug.encoders import Encoder, EncoderError, Floats, use_one_core
from dejabug.encoders.prompts import embed_queries
from dejabug.index import IndexUnavailableError
from dejabug.infra.logs import Seldom
from dejabug.infra.metrics import QUESTION_SECONDS
from dejabug.infra.reply_list import put_reply
from dejabug.infra.tracing import traced
from dejabug.media_store.objects import StoreAwayError
from dejabug.ranking import POSSIBLE, Scale
from dejabug.records.collection import Collection
from dejabug.records.collections import Collections
from dejabug.retrieval.heat_maps import HeatMaps, NoPictureError
from dejabug.retrieval.retriever import TextMatch
from dejabug.retrieval.retrievers import Retrievers
from dejabug.search.questions import (
    HeatMapQuestion,
    Question,
    heat_map_questions_key,
    questions_key,
)

log = structlog.get_logger()

# Queries that are embedded in one pass. More at once take less work, but the last one waits longer
# than that saves.
TOGETHER = 2
# Answerers of one worker: while Redis finds neighbours for one query, the other one embeds. The
# first one also draws heat maps.
ANSWERERS = 2
# Seconds of one blocking read, and of the pause after Redis has failed.
READ = 1.0
# Errors whose message is shown to the user.
TOLD = (IndexUnavailableError, StoreAwayError, EncoderError, NoPictureError)


class TextSearch:
    """Search by words in the collection of this process's model."""

    def __init__(
        self, encoder: Encoder, scale: Scale, collections: Collections, retrievers: Retrievers
    ) -> None:
        self._encoder = encoder
        self._scale = scale
        self._collections = collections
        self._retrievers = retrievers

    @property
    def collection(self) -> Collection:
        """The collection that is searched."""
        return self._collections.configured

    def embed(self, questions: Sequence[str]) -> Sequence[Floats]:
        """Queries → a unit vector for each, float32 [d]."""
        return embed_queries(self._encoder, questions)

    def find(
        self, words: str, vector: Floats, projects: list[str], limit: int
    ) -> list[dict[str, Any]]:
        """Embedded words → clips, as JSON: the clip, its issue's id, the score, the cosines of its
        best frame and of its ticket, what it was found by, and the matching moment: start, end and
        the time of its best frame (`at`), in seconds."""
        retriever = self._retrievers.of(self.collection)
        return [
            {
                "clip": found.match.clip_id,
                "issue_id": found.issue_id,
                "score": found.match.score,
                "picture": found.match.frames,
                "ticket": found.match.words,
                "found_by": _found_by(found),
                "start": found.match.moments[0].match_start,
                "end": found.match.moments[0].match_end,
                "at": found.match.moments[0].match_time,
            }
            for found in retriever.search(words, vector, self._scale, projects, limit)
        ]


def _found_by(found: TextMatch) -> list[str]:
    """What matches: the ticket's words, the frames, or both. For an unlikely match, the closer."""
    told = {"words": found.said, "picture": found.seen}
    good = [name for name, score in told.items() if score >= POSSIBLE]
    return good or [max(told, key=lambda name: told[name])]


QUESTION = TypeAdapter(Question)
HEAT_MAP_QUESTION = TypeAdapter(HeatMapQuestion)
Asked = TypeVar("Asked", Question, HeatMapQuestion)


class Answerer(threading.Thread):
    """A thread of a worker that has the model. It answers queries, also while the worker runs a
    job.

    `connection` must be a dedicated one, since blocking reads occupy it; it is closed at the end.
    `read`: seconds of one blocking read of Redis, which `stop` may have to wait for. `draws`:
    whether this thread also draws heat maps, which take longer than words.
    """

    def __init__(
        self,
        connection: redis.Redis,
        text_search: TextSearch,
        heat_maps: HeatMaps,
        *,
        read: float = READ,
        draws: bool = True,
    ) -> None:
        super().__init__(name="answerer", daemon=True)
        self._redis = connection
        self._text_search = text_search
        self._heat_maps = heat_maps
        self._read = read
        self._draws = draws
        self._done = threading.Event()
        self._seldom = Seldom()

    def run(self) -> None:
        """Answer queries until `stop`. Retries while Redis is down. Words have priority."""
        words, pairs = (
            questions_key(self._text_search.collection),
            heat_map_questions_key(self._text_search.collection),
        )
        keys = [words, pairs] if self._draws else [words]
        use_one_core()
        while not self._done.is_set():
            try:
                first = cast("list[bytes] | None", self._redis.blpop(keys, timeout=self._read))
                if first is not None and first[0] == pairs.encode():
                    for question in _questions([first[1]], HEAT_MAP_QUESTION):
                        self._draw(question)
                elif first is not None:
                    others = cast("list[bytes] | None", self._redis.lpop(words, TOGETHER - 1))
                    self._answer(_questions([first[1], *(others or ())], QUESTION))
            except redis.RedisError as error:
                if self._seldom.due(type(error).__name__):
                    log.warning("questions_not_read", error=type(error).__name__, why=str(error))
                self._done.wait(self._read)

    def stop(self) -> None:
        """End the thread after the current query."""
        self._done.set()
        self.join()
        self._redis.close()

    def _answer(self, questions: list[Question]) -> None:
        if not questions:
            return
        started = time.monotonic()
        try:
            vectors = self._text_search.embed([each.words for each in questions])
        except Exception as error:  # noqa: BLE001 (the thread must go on)
            self._fail(questions, error)
            return
        for question, vector in zip(questions, vectors, strict=True):
            with traced(question.trace):
                try:
                    found = self._text_search.find(
                        question.words, vector, question.projects, question.limit
                    )
                except Exception as error:  # noqa: BLE001 (the same)
                    self._fail([question], error)
                    continue
                put_reply(self._redis, question.reply, {"found": found})
                took = time.monotonic() - started
                QUESTION_SECONDS.observe(took)
                log.info(
                    "question_answered",
                    clips=len(found),
                    together=len(questions),
                    seconds=round(took, 3),
                )

    def _draw(self, question: HeatMapQuestion) -> None:
        started = time.monotonic()
        with traced(question.trace):
            try:
                found = self._heat_maps.draw(question.here, question.there)
            except Exception as error:  # noqa: BLE001 (the thread must go on)
                self._fail([question], error)
                return
            put_reply(self._redis, question.reply, {"found": found})
            log.info(
                "heat_maps_drawn",
                here=question.here.clip,
                there=question.there.clip,
                seconds=round(time.monotonic() - started, 3),
            )

    def _fail(self, questions: Sequence[Question | HeatMapQuestion], error: Exception) -> None:
        why = ""
        if isinstance(error, TOLD):
            why = str(error)
            log.warning("question_not_answered", why=why)
        else:
            # The traceback only: the error's message may quote the user's words.
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("question_failed", error=type(error).__name__, where=where)
        for question in questions:
            put_reply(self._redis, question.reply, {"failed": True, "why": why})


def _questions(raws: Sequence[bytes], kind: TypeAdapter[Asked]) -> list[Asked]:
    """The queries. One in another version's format is skipped and gets no answer."""
    found = []
    for raw in raws:
        try:
            found.append(kind.validate_json(raw))
        except ValidationError:
            log.warning("question_not_understood", bytes=len(raw))
    return found
