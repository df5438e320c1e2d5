"""A question in words, answered by a worker that has the model, while somebody waits.

Questions have a list of their own in Redis, which a thread of each worker on `search` reads: they
wait neither for a job in hand nor for RQ's book-keeping, which takes longer than an answer does.
Nothing is lost with a worker that dies: whoever waits is told so, and asks again.
"""

from __future__ import annotations

import json
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import redis
import structlog
from pydantic import TypeAdapter, ValidationError

from dejabug.collection import Collection
from dejabug.encoders import Floats, use_one_core
from dejabug.encoders.prompts import embed_queries
from dejabug.finder import TextMatch
from dejabug.index import IndexUnavailableError
from dejabug.logs import Seldom
from dejabug.metrics import QUESTION_SECONDS
from dejabug.ranking import POSSIBLE
from dejabug.refusals import push_briefly
from dejabug.replies import await_reply, new_reply, put_reply
from dejabug.rooms import Rooms, connect
from dejabug.tracing import current_trace, traced

log = structlog.get_logger()

# Seconds that somebody waits, unless they say otherwise.
PATIENCE = 30.0
# Seconds that questions are kept which nobody answers; whoever waited takes theirs back before.
KEPT = 60
# Questions that are embedded in one pass where so many wait. More take less work, and the last of
# them waits longer than all that saves.
TOGETHER = 2
# Answerers beside one worker: while Redis looks for one's neighbours, another one embeds.
ANSWERERS = 2
# Seconds of one blocking read, and of the pause after Redis could not be asked.
READ = 1.0


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


def search_text(place: Rooms, words: str, projects: list[str], limit: int) -> list[dict[str, Any]]:
    """Words → clips in the collection of this process's model, as JSON: clip, its issue's id,
    score, the cosines of its best frame and of its ticket, what it was found by, and the moment
    that they describe: start, end and its best frame's time (`at`), in seconds."""
    (vector,) = embed_queries(place.encoder, [words])
    return _search(place, words, vector, projects, limit)


def _search(
    place: Rooms, words: str, vector: Floats, projects: list[str], limit: int
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
    place: Rooms, words: str, projects: list[str], limit: int, patience: float = PATIENCE
) -> list[dict[str, Any]]:
    """Have a worker run `search_text`, and wait for its answer, `patience` seconds at most.

    Raises SearchFailedError when no worker answers in time, or it fails.
    """
    key = questions_key(place.collection)
    asked = Question(new_reply(), words, projects, limit, time.time(), current_trace())
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
    return list(answer["found"])


QUESTION = TypeAdapter(Question)


class Answerer(threading.Thread):
    """Beside a worker that has the model: answers questions, whatever the worker has in hand.

    `read`: seconds of one blocking read of Redis, which `stop` waits for at most.
    """

    def __init__(self, place: Rooms, *, read: float = READ) -> None:
        super().__init__(name="answerer", daemon=True)
        self._place = place
        self._read = read
        # A blocking read holds its connection.
        self._redis = connect(place.settings)
        self._done = threading.Event()
        self._seldom = Seldom()

    def run(self) -> None:
        """Until `stop`. While Redis is away it is asked again and again."""
        key = questions_key(self._place.own)
        use_one_core()
        while not self._done.is_set():
            try:
                first = cast("list[bytes] | None", self._redis.blpop([key], timeout=self._read))
                if first is not None:
                    others = cast("list[bytes] | None", self._redis.lpop(key, TOGETHER - 1))
                    self._answer(_questions([first[1], *(others or ())]))
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

    def _fail(self, questions: list[Question], error: Exception) -> None:
        why = ""
        if isinstance(error, IndexUnavailableError):
            why = str(error)
            log.warning("question_not_answered", why=why)
        else:
            # Where, and not what it says: an error's text may quote the words.
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("question_failed", error=type(error).__name__, where=where)
        for question in questions:
            put_reply(self._redis, question.reply, {"failed": True, "why": why})


def _questions(raws: Sequence[bytes]) -> list[Question]:
    """What was asked; what another version of us asked in another way gets no answer."""
    found = []
    for raw in raws:
        try:
            found.append(QUESTION.validate_json(raw))
        except ValidationError:
            log.warning("question_not_understood", bytes=len(raw))
    return found


def questions_key(kept: Collection) -> str:
    """The list of an encoder's questions, the oldest first."""
    return f"dejabug:questions:{kept.slug}"
