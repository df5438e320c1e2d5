"""Search by words, by issue key or by an uploaded clip, for every interface → pages of results.

`access/visibility.py` decides for each page what the caller may see, from the issues as Jira shows
them to our account at that time. The ranking is kept for minutes, so that pages do not shift.
"""

from __future__ import annotations

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
from dejabug.search.expiring_ids import is_older, new_id
from dejabug.search.questions import Questions
from dejabug.search.uploads import Upload

# Seconds that a search's further pages are kept.
PAGES_KEPT = 300
# Seconds to wait for a worker's answer to a search by words.
PATIENCE = 10.0


class NoSuchPageError(Exception):
    """A cursor that is unknown, or belongs to another caller, search or set of filters."""


class ExpiredPageError(NoSuchPageError):
    """A cursor that is no longer kept."""


@dataclass(frozen=True)
class Page:
    """Results, best first, and the cursor of the next page, None on the last."""

    results: list[Result]
    cursor: str | None


class Ranking(BaseModel):
    """The results of a search that are not shown yet. `own` is the issue that was searched with,
    `told` are the issues on earlier pages."""

    caller: str
    question: str
    filters: Filters
    pairs: list[PairMatch]
    own: str | None = None
    told: list[str] = Field(default_factory=list)


class Search:
    """Runs searches by words, by clip and by issue, page by page."""

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
        """Clips that match a description: likely and possible matches, and with `unlikely` the
        others too. Raises ForeignProjectError, SearchFailedError and JiraError."""
        projects = self._disclosure.projects_of(caller, filters)
        hits = (
            self._questions.search(words, projects, self._candidate_clips, PATIENCE)
            if projects
            else []
        )
        # An issue's best clip: the best hits come first.
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
        """Issues with clips that are similar to this issue's. Raises HiddenIssueError,
        ForeignProjectError and JiraError."""
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
        """Issues with clips that are similar to an upload that is done. Raises JiraError."""
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
        """The page of a cursor. `question` is the search that it must belong to: the result of
        `words_question`, `issue KEY` or `upload ID`.

        Filters are optional and must be those of the first page, which always apply. Raises
        ExpiredPageError, NoSuchPageError, and what the search itself raises.
        """
        kept = self._redis.get(_key(cursor)) if cursor.isascii() and cursor.isalnum() else None
        try:
            ranking = Ranking.model_validate_json(kept or b"")
        except ValidationError:
            expired = kept is None and is_older(cursor, PAGES_KEPT)
            raise (ExpiredPageError if expired else NoSuchPageError) from None
        if (ranking.caller, ranking.question) != (caller.principal.name, question):
            raise NoSuchPageError
        if filters not in (NO_FILTERS, ranking.filters):
            raise NoSuchPageError
        return self._page(caller, ranking, limit)

    def _page(self, caller: Caller, ranking: Ranking, limit: int) -> Page:
        """Return up to `limit` of the remaining results, and keep the rest for the next page."""
        left, told, seen = ranking.pairs, Told(), set(ranking.told)
        while True:
            at_once = first_to_read(left)
            some = self._disclosure.of(caller, left[:at_once], ranking.filters, ranking.own)
            fresh = [choice for choice in some.choices if choice.issue_id not in seen]
            seen |= {choice.issue_id for choice in fresh}
            told = Told([*told.choices, *fresh], {**told.issues, **some.issues})
            left = left[at_once:]
            # One more than `limit` means that there is a next page.
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
        cursor = new_id()
        keep_briefly(self._redis, _key(cursor), ranking.model_dump_json(), PAGES_KEPT)
        return cursor


def words_question(words: str, *, unlikely: bool = False) -> str:
    """The name of a search by words, to which its cursors belong."""
    return f"{'all' if unlikely else 'words'} {words}"


def _pair(hit: Mapping[str, Any]) -> PairMatch:
    moment = Moment(0, 0, hit["start"], hit["end"], 0, hit["at"], hit["picture"])
    about = (hit["clip"], hit["issue_id"], hit["score"], (moment,), hit["picture"], hit["ticket"])
    return PairMatch("", *about, answers=tuple(hit.get("found_by", ())))


def _key(cursor: str) -> str:
    return f"dejabug:page:{cursor}"
