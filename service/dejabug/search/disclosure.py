"""Selects the results of a search that the caller may see now and that pass the filters."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from dejabug.access.principals import Caller
from dejabug.access.visibility import Visibility
from dejabug.jira.client import JiraClient
from dejabug.jira.models import Issue
from dejabug.records.collections import Collections
from dejabug.records.issue_fields import game_of
from dejabug.records.issue_records import IssueRecords
from dejabug.retrieval.pairs import PairMatch
from dejabug.retrieval.selection import Suggestion, SuggestionLimits, to_tell
from dejabug.retrieval.similar_issues import tickets_of, with_originals
from dejabug.settings import Settings


class HiddenIssueError(Exception):
    """The issue that was searched with isn't indexed, or the caller doesn't have access."""


class ForeignProjectError(Exception):
    """A project that the caller has no access to; the message lists the caller's projects."""


class Filters(BaseModel):
    """Filters of a search; an empty list means all. Days are days of Jira's timestamps."""

    model_config = ConfigDict(frozen=True)

    project: tuple[str, ...] = ()
    game: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None


NO_FILTERS = Filters()


@dataclass(frozen=True)
class Told:
    """The results that pass the filters, and their issues by id."""

    choices: list[Suggestion] = field(default_factory=list)
    issues: dict[str, Issue] = field(default_factory=dict)


class Disclosure:
    """Gets each found issue from Jira, and leaves out those that the caller may not see."""

    def __init__(
        self,
        jira: JiraClient,
        collections: Collections,
        records: IssueRecords,
        visibility: Visibility,
        settings: Settings,
    ) -> None:
        self._jira = jira
        self._collections = collections
        self._records = records
        self._visibility = visibility
        self._settings = settings

    def projects_of(self, caller: Caller, filters: Filters) -> list[str]:
        """The projects to search for this caller. Raises ForeignProjectError."""
        wanted = {name.upper() for name in filters.project} or caller.projects
        if foreign := sorted(wanted - caller.projects):
            yours = ", ".join(sorted(caller.projects))
            raise ForeignProjectError(
                f"you don't have access to {', '.join(foreign)}; your projects: {yours or 'none'}"
            )
        return sorted(wanted - self._records.projects.off())

    def of(
        self, caller: Caller, pairs: list[PairMatch], filters: Filters, asked_about: str | None
    ) -> Told:
        """The pairs that the caller may see and that pass the filters. `asked_about` is the id
        of the issue that was searched with, if any. Raises HiddenIssueError when the caller may
        not see that issue, and JiraError."""
        settings = self._settings
        wanted = {pair.found_issue_id for pair in pairs} | ({asked_about} if asked_about else set())
        issues = with_originals(self._jira.issues, wanted, settings.duplicate_link_types)
        tickets = self._visibility.tellable(caller, tickets_of(issues.values(), settings))
        own = tickets.get(asked_about) if asked_about else None
        if asked_about and own is None:
            raise HiddenIssueError
        # A pair that was rejected is also rejected for its canonical issue.
        rejected = self._records.verdicts.rejected(own.id, issues.keys() - {own.id}) if own else ()
        limits = SuggestionLimits(0.0, len(pairs), rejected, self._records.projects.off())
        choices = to_tell(own, pairs, tickets, limits)
        passing = [each for each in choices if self._passes(issues[each.issue_id], filters)]
        return Told(passing, issues)

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


def _among(values: Collection[str], wanted: Collection[str]) -> bool:
    """Whether one of the values is wanted; without a filter, always. Ignores case."""
    return not wanted or bool(
        {value.casefold() for value in values} & {each.casefold() for each in wanted}
    )


def _day(created: str) -> date | None:
    try:
        return datetime.fromisoformat(created).date()
    except ValueError:
        return None
