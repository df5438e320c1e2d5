"""A question in words, answered by a worker that has the model, while somebody waits."""

from __future__ import annotations

import time
from typing import Any

from rq.job import JobStatus

from dejabug.encoders.prompts import embed_query
from dejabug.rooms import Rooms, rooms

# Seconds that a question may take, between two looks for its answer, and that an answer is kept.
SEARCH_JOB = 30
ANSWER_POLL = 0.01
RESULT_TTL = 300


class SearchFailedError(Exception):
    """A question got no answer; the message says what to do."""


def search_text(words: str, projects: list[str], limit: int) -> list[dict[str, Any]]:
    """Words → clips, as JSON: clip, issue key, score, what it was found by, start and end (s)."""
    place = rooms()
    matches = place.finder.search(embed_query(place.encoder, words), projects)[:limit]
    places = place.index.places(match.clip_id for match in matches)
    found = []
    for match in matches:
        where = places.get(match.clip_id)
        issue = place.catalogue.issue(where.issue_id) if where else None
        if issue is not None:
            moment = match.moments[0]
            found.append(
                {
                    "clip": match.clip_id,
                    "issue": issue.key,
                    "issue_id": issue.id,
                    "score": match.score,
                    "picture": match.frames,
                    "ticket": match.words,
                    "start": moment.match_start,
                    "end": moment.match_end,
                }
            )
    return found


def ask(place: Rooms, words: str, projects: list[str], limit: int) -> list[dict[str, Any]]:
    """Have a worker of the queue `search` run `search_text`, and wait for its answer.

    Raises SearchFailedError when no worker answers in time, or its job fails.
    """
    queue = place.queue("search")
    job = queue.enqueue_call(
        search_text,
        args=(words, projects, limit),
        timeout=SEARCH_JOB,
        result_ttl=RESULT_TTL,
        failure_ttl=RESULT_TTL,
        description="search_text",
    )
    deadline = time.monotonic() + SEARCH_JOB
    while time.monotonic() < deadline:
        status = job.get_status()
        if status == JobStatus.FINISHED:
            return list(job.return_value() or [])
        if status == JobStatus.FAILED:
            raise SearchFailedError("the search failed in its worker; its log says why")
        time.sleep(ANSWER_POLL)
    job.cancel()
    raise SearchFailedError(
        f"no worker answered within {SEARCH_JOB} s; start one with: dejabug worker search"
    )
