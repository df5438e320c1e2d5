"""The one way for all who ask: words, an issue's key or a clip of their own → pages of results.

What may be told is decided by `access/visibility.py`, for each page again, on issues as Jira shows
them to our own account then. What was ranked is kept for minutes, so that pages do not shift.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import redis
from pydantic import BaseModel, Field, ValidationError

from dejabug.access.principals import Caller
from dejabug.infra.metrics import searching
from dejabug.infra.refused_writes import keep_briefly
from dejabug.ranking import Moment, relevance_of
from dejabug.records.collections import Collections
from dejabug.retrieval.pairs import PairMatch
from dejabug.retrieval.results import Result, Results
from dejabug.retrieval.similar_issues import (
    SimilarIssues,
    first_to_read,
)
from dejabug.search.disclosure import NO_FILTERS, Disclosure, Filters, HiddenIssueError, Told
from dejabug.search.questions import Questions
from dejabug.search.uploads import Upload

# Seconds that a question's further pages are kept.
PAGES_KEPT = 300
# Seconds that somebody waits for words to be answered.
PATIENCE = 10.0


class NoSuchPageError(Exception):
    """A cursor of another caller, question or filters, or one that is over."""


@dataclass(frozen=True)
class Page:
    """Results, best first, and the cursor of the next page, None on the last."""

    results: list[Result]
    cursor: str | None


class Ranking(BaseModel):
    """What a question has left to tell. `own` is the issue asked about, `told` are those on earlier
    pages."""

    caller: str
    question: str
    filters: Filters
    pairs: list[PairMatch]
    own: str | None = None
    told: list[str] = Field(default_factory=list)


class Search:
    """Answers searches by words, by a clip and by an issue, page by page."""

    def __init__(
        self,
        connection: redis.Redis,
        collections: Collections,
        questions: Questions,
        results: Results,
        similar_issues: SimilarIssues,
        disclosure: Disclosure,
        candidate_clips: int,
    ) -> None:
        self._redis = connection
        self._collections = collections
        self._questions = questions
        self._results = results
        self._similar_issues = similar_issues
        self._disclosure = disclosure
        self._candidate_clips = candidate_clips

    @searching("words")
    def by_words(
        self,
        caller: Caller,
        words: str,
        filters: Filters,
        limit: int,
        *,
        unlikely: bool = False,
    ) -> Page:
        """Clips that words describe, likely and possible ones, and `unlikely` ones where these are
        wanted too. Raises ForeignProjectError, SearchFailedError and JiraError."""
        projects = self._disclosure.projects_of(caller, filters)
        hits = (
            self._questions.search(words, projects, self._candidate_clips, PATIENCE)
            if projects
            else []
        )
        # An issue's best clip; `ask` gives the best first.
        best: dict[str, PairMatch] = {}
        for hit in hits:
            if unlikely or relevance_of(hit["score"]) != "unlikely":
                best.setdefault(hit["issue_id"], _pair(hit))
        question = words_question(words, unlikely=unlikely)
        pairs = list(best.values())
        ranking = Ranking(
            caller=caller.principal.name, question=question, filters=filters, pairs=pairs
        )
        return self._page(caller, ranking, limit)

    @searching("issue")
    def like_issue(self, caller: Caller, key: str, filters: Filters, limit: int) -> Page:
        """Issues whose clips are like this one's. Raises HiddenIssueError, ForeignProjectError and
        JiraError."""
        record = self._collections.active.catalogue.issue_by_key(key)
        if record is None or record.project not in caller.projects:
            raise HiddenIssueError
        projects = self._disclosure.projects_of(caller, filters)
        pairs = self._similar_issues.rank(record, projects) if projects else []
        ranking = Ranking(
            caller=caller.principal.name,
            question=f"issue {record.key}",
            filters=filters,
            pairs=pairs,
            own=record.id,
        )
        return self._page(caller, ranking, limit)

    def like_upload(self, caller: Caller, upload: Upload, filters: Filters, limit: int) -> Page:
        """Issues whose clips are like an upload that is done. Raises JiraError."""
        question = f"upload {upload.id}"
        ranking = Ranking(
            caller=caller.principal.name, question=question, filters=filters, pairs=upload.pairs
        )
        return self._page(caller, ranking, limit)

    def further(
        self,
        caller: Caller,
        cursor: str,
        question: str,
        limit: int,
        filters: Filters = NO_FILTERS,
    ) -> Page:
        """The page of a cursor; `question` is what it must be of: that of `words_question`, `issue
        KEY` or `upload ID`.

        Filters that are given must be those of the first page, which count in any case. Raises
        NoSuchPageError, and like the question itself.
        """
        kept = self._redis.get(_key(cursor)) if cursor.isascii() and cursor.isalnum() else None
        try:
            ranking = Ranking.model_validate_json(kept or b"")
        except ValidationError:
            raise NoSuchPageError from None
        if (ranking.caller, ranking.question) != (caller.principal.name, question):
            raise NoSuchPageError
        if filters not in (NO_FILTERS, ranking.filters):
            raise NoSuchPageError
        return self._page(caller, ranking, limit)

    def _page(self, caller: Caller, ranking: Ranking, limit: int) -> Page:
        """Tell up to `limit` results of what is left, and keep the rest for the next page."""
        left, told, seen = ranking.pairs, Told(), set(ranking.told)
        while True:
            at_once = first_to_read(left)
            some = self._disclosure.of(caller, left[:at_once], ranking.filters, ranking.own)
            fresh = [choice for choice in some.choices if choice.issue_id not in seen]
            seen |= {choice.issue_id for choice in fresh}
            told = Told([*told.choices, *fresh], {**told.issues, **some.issues})
            left = left[at_once:]
            # One more than asked for tells that there is a next page.
            if len(told.choices) > limit or not left:
                break
        shown, more = told.choices[:limit], told.choices[limit:]
        results = self._results.of(shown, told.issues)
        if caller.is_anonymous:
            # What a public project shows to everybody is enough for somebody nobody knows.
            names = {"reporter": None, "assignee": None}
            results = [result.model_copy(update=names) for result in results]
        if not more:
            return Page(results, None)
        pairs = ranking.pairs[ranking.pairs.index(more[0].pair) :]
        earlier = [*ranking.told, *(choice.issue_id for choice in shown)]
        return Page(
            results, self._keep(ranking.model_copy(update={"pairs": pairs, "told": earlier}))
        )

    def _keep(self, ranking: Ranking) -> str:
        cursor = secrets.token_hex(16)
        keep_briefly(self._redis, _key(cursor), ranking.model_dump_json(), PAGES_KEPT)
        return cursor


def words_question(words: str, *, unlikely: bool = False) -> str:
    """What the further pages of words are asked by."""
    return f"{'all' if unlikely else 'words'} {words}"


def _pair(hit: Mapping[str, Any]) -> PairMatch:
    moment = Moment(0, 0, hit["start"], hit["end"], 0, hit["at"], hit["picture"])
    about = (hit["clip"], hit["issue_id"], hit["score"], (moment,), hit["picture"], hit["ticket"])
    return PairMatch("", *about, answers=tuple(hit.get("found_by", ())))


def _key(cursor: str) -> str:
    return f"dejabug:page:{cursor}"
