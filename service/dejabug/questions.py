"""A question in words, answered by a worker that has the model, while somebody waits."""

from __future__ import annotations

import contextlib
from typing import Any

from rq.exceptions import InvalidJobOperation

from dejabug.encoders.prompts import embed_query
from dejabug.replies import await_reply, new_reply, put_reply
from dejabug.rooms import Rooms, rooms

# Seconds that a question may take.
SEARCH_JOB = 30


class SearchFailedError(Exception):
    """A question got no answer; the message says what to do."""


def search_text(words: str, projects: list[str], limit: int) -> list[dict[str, Any]]:
    """Words → clips, as JSON: clip, issue key, score, what it was found by, and the moment that
    they describe: start, end and its best frame's time (`at`), in seconds."""
    place = rooms()
    matches = place.finder.search(embed_query(place.encoder, words), projects, limit)
    places = place.index.places(match.clip_id for match in matches)
    keys = place.catalogue.keys_of({where.issue_id for where in places.values()})
    return [
        {
            "clip": match.clip_id,
            "issue": keys[where.issue_id],
            "issue_id": where.issue_id,
            "score": match.score,
            "picture": match.frames,
            "ticket": match.words,
            "start": match.moments[0].match_start,
            "end": match.moments[0].match_end,
            "at": match.moments[0].match_time,
        }
        for match in matches
        if (where := places.get(match.clip_id)) and where.issue_id in keys
    ]


def answer_text(reply: str, words: str, projects: list[str], limit: int) -> None:
    """The job: `search_text`, for whoever waits for this reply."""
    place = rooms()
    try:
        found = search_text(words, projects, limit)
    except Exception:
        put_reply(place.redis, reply, {"failed": True})
        raise
    put_reply(place.redis, reply, {"found": found})


def ask(
    place: Rooms, words: str, projects: list[str], limit: int, patience: float | None = None
) -> list[dict[str, Any]]:
    """Have a worker of the queue `search` run `search_text`, and wait for its answer, `patience`
    seconds at most (SEARCH_JOB).

    Raises SearchFailedError when no worker answers in time, or its job fails.
    """
    patience = SEARCH_JOB if patience is None else patience
    reply = new_reply()
    job = place.queue("search").enqueue_call(
        answer_text,
        args=(reply, words, projects, limit),
        timeout=SEARCH_JOB,
        ttl=SEARCH_JOB,
        result_ttl=0,
        failure_ttl=SEARCH_JOB,
        description="search_text",
    )
    answer = await_reply(place.redis, reply, patience)
    if answer is None:
        with contextlib.suppress(InvalidJobOperation):  # it has run out by itself
            job.cancel()
        raise SearchFailedError(
            f"no worker answered within {patience:g} s; start one with: dejabug worker search"
        )
    if "found" not in answer:
        raise SearchFailedError("the search failed in its worker; its log says why")
    return list(answer["found"])
