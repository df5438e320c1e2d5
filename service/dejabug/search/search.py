"""The one way for all who ask: words, an issue's key or a clip of their own → pages of results.

What may be told is decided by `access/visibility.py`, for each page anew, on issues as Jira shows
them to our own account then. What was ranked is kept for minutes, so that pages do not shift.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import redis
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dejabug.access.principals import Caller
from dejabug.access.visibility import Visibility
from dejabug.infra.metrics import searching
from dejabug.infra.refused_writes import keep_briefly
from dejabug.jira.client import JiraClient
from dejabug.jira.models import Issue
from dejabug.ranking import Moment, relevance_of
from dejabug.records.collections import Collections
from dejabug.records.issue_fields import game_of
from dejabug.records.issue_records import IssueRecords
from dejabug.retrieval.pairs import PairMatch
from dejabug.retrieval.results import Result, Results
from dejabug.retrieval.selection import Suggestion, SuggestionLimits, to_tell
from dejabug.retrieval.similar_issues import (
    SimilarIssues,
    first_to_read,
    tickets_of,
    with_originals,
)
from dejabug.search.questions import Questions
from dejabug.search.uploads import Upload
from dejabug.settings import Settings

# Seconds that a question's further pages are kept.
PAGES_KEPT = 300
# Seconds that somebody waits for words to be answered.
PATIENCE = 10.0


class HiddenIssueError(Exception):
    """The issue that was asked about is unknown here, or not this caller's to see."""


class NoSuchPageError(Exception):
    """A cursor of another caller, question or filters, or one that is over."""


class ForeignProjectError(Exception):
    """A project that is not the caller's; the message says which are."""


class Filters(BaseModel):
    """What results must be; an empty list stands for all. Days are those of Jira's times."""

    model_config = ConfigDict(frozen=True)

    project: tuple[str, ...] = ()
    game: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None


NO_FILTERS = Filters()


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


@dataclass(frozen=True)
class Told:
    """Choices that the filters let through, and the issues that they name."""

    choices: list[Suggestion] = field(default_factory=list)
    issues: dict[str, Issue] = field(default_factory=dict)


class Search:
    """Answers searches by words, by a clip and by an issue, page by page."""

    def __init__(
        self,
        connection: redis.Redis,
        jira: JiraClient,
        collections: Collections,
        records: IssueRecords,
        visibility: Visibility,
        questions: Questions,
        results: Results,
        similar_issues: SimilarIssues,
        settings: Settings,
    ) -> None:
        self._redis = connection
        self._jira = jira
        self._collections = collections
        self._records = records
        self._visibility = visibility
        self._questions = questions
        self._results = results
        self._similar_issues = similar_issues
        self._settings = settings

    def projects_of(self, caller: Caller, filters: Filters) -> list[str]:
        """Where to look for this caller. Raises ForeignProjectError."""
        wanted = {name.upper() for name in filters.project} or caller.projects
        if foreign := sorted(wanted - caller.projects):
            yours = ", ".join(sorted(caller.projects))
            raise ForeignProjectError(
                f"not among your projects: {', '.join(foreign)}; yours: {yours}"
            )
        return sorted(wanted - self._records.projects.off())

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
        projects = self.projects_of(caller, filters)
        hits = (
            self._questions.search(words, projects, self._settings.candidate_clips, PATIENCE)
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
        projects = self.projects_of(caller, filters)
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
            some = self._tellable(caller, ranking, left[:at_once])
            fresh = [choice for choice in some.choices if choice.issue_id not in seen]
            seen |= {choice.issue_id for choice in fresh}
            told = Told([*told.choices, *fresh], {**told.issues, **some.issues})
            left = left[at_once:]
            # One more than asked for tells that there is a next page.
            if len(told.choices) > limit or not left:
                break
        shown, more = told.choices[:limit], told.choices[limit:]
        results = self._results.of(shown, told.issues)
        if not more:
            return Page(results, None)
        pairs = ranking.pairs[ranking.pairs.index(more[0].pair) :]
        earlier = [*ranking.told, *(choice.issue_id for choice in shown)]
        return Page(
            results, self._keep(ranking.model_copy(update={"pairs": pairs, "told": earlier}))
        )

    def _tellable(self, caller: Caller, ranking: Ranking, pairs: list[PairMatch]) -> Told:
        """What may be told of these pairs, and passes the filters. Raises HiddenIssueError when the
        issue that was asked about may not."""
        settings, filters = self._settings, ranking.filters
        wanted = {pair.found_issue_id for pair in pairs} | ({ranking.own} if ranking.own else set())
        issues = with_originals(self._jira.issues, wanted, settings.duplicate_link_types)
        tickets = self._visibility.tellable(caller, tickets_of(issues.values(), settings))
        own = tickets.get(ranking.own) if ranking.own else None
        if ranking.own and own is None:
            raise HiddenIssueError
        # A rejected pair is rejected under its canonical issue's name as well.
        rejected = self._records.verdicts.rejected(own.id, issues.keys() - {own.id}) if own else ()
        wish = SuggestionLimits(0.0, len(pairs), rejected, self._records.projects.off())
        choices = to_tell(own, pairs, tickets, wish)
        kept = [each for each in choices if self._passes(issues[each.issue_id], filters)]
        return Told(kept, issues)

    def _passes(self, issue: Issue, filters: Filters) -> bool:
        day = _day(issue.created)
        return (
            _among([issue.project], filters.project)
            and _among([game_of(issue)], filters.game)
            and _among([issue.status], filters.status)
            and (
                not filters.kind
                or _among(self._collections.active.catalogue.tags(issue.id), filters.kind)
            )
            and (filters.since is None or (day is not None and day >= filters.since))
            and (filters.until is None or (day is not None and day <= filters.until))
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


def _among(values: Collection[str], wanted: Collection[str]) -> bool:
    """Whether one of the values is wanted; all are where nothing is said. Case does not count."""
    return not wanted or bool(
        {value.casefold() for value in values} & {each.casefold() for each in wanted}
    )


def _day(created: str) -> date | None:
    try:
        return datetime.fromisoformat(created).date()
    except ValueError:
        return None


def _key(cursor: str) -> str:
    return f"dejabug:page:{cursor}"
