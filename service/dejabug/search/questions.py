"""A question in words, or about two pictures, answered by a worker that has the model, while
somebody waits.

Questions have lists of their own in Redis, one for each kind, which a thread of each worker on
`search` reads: they wait neither for a job in hand nor for RQ's book-keeping, which takes longer
than an answer does. Nothing is lost with a worker that dies: whoever waits is told so, and asks
again.
"""

from __future__ import annotations

import json
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar, cast

import redis
import structlog
from pydantic import TypeAdapter, ValidationError

from dejabug.encoders import EncoderError, Floats, use_one_core
from dejabug.encoders.prompts import embed_queries
from dejabug.index import IndexUnavailableError
from dejabug.infra.logs import Seldom
from dejabug.infra.metrics import QUESTION_SECONDS
from dejabug.infra.refused_writes import push_briefly
from dejabug.infra.reply_list import await_reply, new_reply, put_reply
from dejabug.infra.tracing import current_trace, traced
from dejabug.media_store.objects import StoreAwayError
from dejabug.ranking import POSSIBLE
from dejabug.records.collection import Collection
from dejabug.retrieval.heat_maps import NoPictureError, Spot, heat_maps
from dejabug.retrieval.retriever import TextMatch
from dejabug.services import Services, connect

log = structlog.get_logger()

# Seconds that somebody waits, unless they say otherwise.
PATIENCE = 30.0
# The same for heat maps: Forge gives an answer up after 25 s.
HEAT_MAP_PATIENCE = 15.0
# Seconds that questions are kept which nobody answers; whoever waited takes theirs back before.
KEPT = 60
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


class SearchFailedError(Exception):
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


def search_text(
    place: Services, words: str, projects: list[str], limit: int
) -> list[dict[str, Any]]:
    """Words → clips in the collection of this process's model, as JSON: clip, its issue's id,
    score, the cosines of its best frame and of its ticket, what it was found by, and the moment
    that they describe: start, end and its best frame's time (`at`), in seconds."""
    (vector,) = embed_queries(place.encoder, [words])
    return _search(place, words, vector, projects, limit)


def _search(
    place: Services, words: str, vector: Floats, projects: list[str], limit: int
) -> list[dict[str, Any]]:
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
        for found in place.finder_of(place.own).search(words, vector, place.scale, projects, limit)
    ]


def _found_by(found: TextMatch) -> list[str]:
    """What of a clip answers a question; of an unlikely one, what comes nearest to that."""
    told = {"words": found.said, "picture": found.seen}
    good = [name for name, score in told.items() if score >= POSSIBLE]
    return good or [max(told, key=lambda name: told[name])]


def ask(
    place: Services, words: str, projects: list[str], limit: int, patience: float = PATIENCE
) -> list[dict[str, Any]]:
    """Have a worker run `search_text`, and wait for its answer, `patience` seconds at most.

    Raises SearchFailedError when no worker answers in time, or it fails.
    """
    asked = Question(new_reply(), words, projects, limit, time.time(), current_trace())
    answer = _asked(place, questions_key(place.collection), asked, patience)
    return list(answer["found"])


def ask_heat_maps(
    place: Services, here: Spot, there: Spot, patience: float = HEAT_MAP_PATIENCE
) -> dict[str, Any]:
    """Have a worker run `heat_maps`, and wait for its answer, `patience` seconds at most. Who may
    see both clips must be known before.

    Raises SearchFailedError like `ask`.
    """
    asked = HeatMapQuestion(new_reply(), here, there, current_trace())
    answer = _asked(place, heat_map_questions_key(place.collection), asked, patience)
    return dict(answer["found"])


def _asked(
    place: Services, key: str, asked: Question | HeatMapQuestion, patience: float
) -> dict[str, Any]:
    question = json.dumps(asdict(asked))
    push_briefly(place.redis, key, question, KEPT)
    answer = await_reply(place.redis, asked.reply, patience)
    if answer is None:
        place.redis.lrem(key, 1, question)
        raise SearchFailedError(
            f"no worker answered within {patience:g} s; start one with: dejabug worker search"
        )
    if "found" not in answer:
        why = answer.get("why") or "the search failed in its worker; its log says why"
        raise SearchFailedError(why)
    return dict(answer)


QUESTION = TypeAdapter(Question)
HEAT_MAP_QUESTION = TypeAdapter(HeatMapQuestion)
Asked = TypeVar("Asked", Question, HeatMapQuestion)


class Answerer(threading.Thread):
    """Beside a worker that has the model: answers questions, whatever the worker has in hand.

    `read`: seconds of one blocking read of Redis, which `stop` waits for at most. `draws`: whether
    it answers for heat maps too, which take longer than words.
    """

    def __init__(self, place: Services, *, read: float = READ, draws: bool = True) -> None:
        super().__init__(name="answerer", daemon=True)
        self._place = place
        self._read = read
        self._draws = draws
        # A blocking read holds its connection.
        self._redis = connect(place.settings)
        self._done = threading.Event()
        self._seldom = Seldom()

    def run(self) -> None:
        """Until `stop`. While Redis is away it is asked again and again. Words go first."""
        words, pairs = questions_key(self._place.own), heat_map_questions_key(self._place.own)
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
            vectors = embed_queries(self._place.encoder, [each.words for each in questions])
        except Exception as error:  # noqa: BLE001 (the next questions must be answered)
            self._fail(questions, error)
            return
        for question, vector in zip(questions, vectors, strict=True):
            with traced(question.trace):
                try:
                    found = _search(
                        self._place, question.words, vector, question.projects, question.limit
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
                found = heat_maps(self._place, question.here, question.there)
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


def questions_key(kept: Collection) -> str:
    """The list of an encoder's questions, the oldest first."""
    return f"dejabug:questions:{kept.slug}"


def heat_map_questions_key(kept: Collection) -> str:
    """The same for heat maps."""
    return f"dejabug:heat-map-questions:{kept.slug}"
