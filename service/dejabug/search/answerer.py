"""Answers the questions of `questions.py`, in a thread beside a worker that has the model."""

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

# Questions that are embedded in one pass where so many wait. More take less work, and the last of
# them waits longer than all that saves.
TOGETHER = 2
# Answerers beside one worker: while Redis looks for one's neighbours, another one embeds. The first
# draws heat maps too.
ANSWERERS = 2
# Seconds of one blocking read, and of the pause after Redis could not be asked.
READ = 1.0
# What goes wrong that is said to whoever asked.
TOLD = (IndexUnavailableError, StoreAwayError, EncoderError, NoPictureError)


class TextSearch:
    """Words → clips in the collection of this process's model."""

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
        """Questions in words → a unit vector for each, float32 [d]."""
        return embed_queries(self._encoder, questions)

    def find(
        self, words: str, vector: Floats, projects: list[str], limit: int
    ) -> list[dict[str, Any]]:
        """Embedded words → clips, as JSON: clip, its issue's id, score, the cosines of its best
        frame and of its ticket, what it was found by, and the moment that they describe: start, end
        and its best frame's time (`at`), in seconds."""
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
    """What of a clip answers a question; of an unlikely one, what comes nearest to that."""
    told = {"words": found.said, "picture": found.seen}
    good = [name for name, score in told.items() if score >= POSSIBLE]
    return good or [max(told, key=lambda name: told[name])]


QUESTION = TypeAdapter(Question)
HEAT_MAP_QUESTION = TypeAdapter(HeatMapQuestion)
Asked = TypeVar("Asked", Question, HeatMapQuestion)


class Answerer(threading.Thread):
    """Beside a worker that has the model: answers questions, whatever the worker has in hand.

    `connection` is its own, since a blocking read holds it, and is closed at the end. `read`:
    seconds of one blocking read of Redis, which `stop` waits for at most. `draws`: whether
    it answers for heat maps too, which take longer than words.
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
        """Until `stop`. While Redis is away it is asked again and again. Words go first."""
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
        """End the thread; the question in hand is answered."""
        self._done.set()
        self.join()
        self._redis.close()

    def _answer(self, questions: list[Question]) -> None:
        if not questions:
            return
        started = time.monotonic()
        try:
            vectors = self._text_search.embed([each.words for each in questions])
        except Exception as error:  # noqa: BLE001 (the next questions must be answered)
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
            except Exception as error:  # noqa: BLE001 (the next questions must be answered)
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
            # Where, and not what it says: an error's text may quote the words.
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("question_failed", error=type(error).__name__, where=where)
        for question in questions:
            put_reply(self._redis, question.reply, {"failed": True, "why": why})


def _questions(raws: Sequence[bytes], kind: TypeAdapter[Asked]) -> list[Asked]:
    """What was asked; what another version of us asked in another way gets no answer."""
    found = []
    for raw in raws:
        try:
            found.append(kind.validate_json(raw))
        except ValidationError:
            log.warning("question_not_understood", bytes=len(raw))
    return found
