"""When an issue gets a comment, and what it names: the threshold, and when to be silent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from dejabug.access.policy import Ticket, may_comment_on
from dejabug.infra.labels import COMMENT_FLOOR
from dejabug.records.issue_records import IssueRecords
from dejabug.records.types import IssueRecord
from dejabug.retrieval.pairs import PairMatch
from dejabug.retrieval.selection import Suggestion, SuggestionLimits, select
from dejabug.retrieval.similar_issues import Answer, SimilarIssues, tickets_of
from dejabug.settings import Settings

# Words alone must be surer than this to be commented: most tickets without a clip tell of no bug
# that was ever filmed, and a clip may still be on its way.
WORDS_THRESHOLD = 0.95
# Beside fewer tickets than this it cannot be told which words are usual in a project.
FEWEST_TICKETS = 20


def to_comment(
    ticket: Ticket,
    pairs: Sequence[PairMatch],
    tickets: Mapping[str, Ticket],
    projects: Sequence[str],
    limits: SuggestionLimits,
) -> list[Suggestion]:
    """What the issue's comment names, best first; none means silence.

    `tickets` are the found issues, and those that they duplicate, as Jira tells them now: one that
    is absent there (deleted, or hidden from our account) is left out.
    """
    named = {
        found.id: found for found in tickets.values() if may_comment_on(ticket, found, projects)
    }
    return select(ticket, pairs, named, limits)


class CommentPolicy:
    """Decides what an issue's comment names."""

    def __init__(
        self, similar_issues: SimilarIssues, records: IssueRecords, settings: Settings
    ) -> None:
        self._similar_issues = similar_issues
        self._records = records
        self._settings = settings

    def decide(self, record: IssueRecord) -> tuple[Answer, list[Suggestion]]:
        """What is known of an issue, and what its comment names: nothing where all is too unsure.
        Raises JiraError."""
        answer = self._similar_issues.find_for_issue(record)
        threshold = self.threshold(record.project, answer)
        limit = self._settings.max_suggestions
        return answer, self.choose(record, answer, threshold=threshold, limit=limit)

    def choose(
        self, record: IssueRecord, answer: Answer, *, threshold: float, limit: int
    ) -> list[Suggestion]:
        """The issues that are named where every reader of this issue sees it; none when Jira hides
        the issue itself."""
        tickets = tickets_of(answer.tickets.values(), self._settings)
        own = tickets.get(record.id)
        if own is None:
            return []
        projects = self._settings.projects_beside(own.project)
        limits = SuggestionLimits(threshold, limit, answer.rejected, self._records.projects.off())
        return to_comment(own, answer.ranked, tickets, projects, limits)

    def threshold(self, project: str, answer: Answer) -> float:
        """How probable a match must be to be commented: in this project, and on such evidence."""
        threshold = self.threshold_in(project)
        if any(pair.clip_id for pair in answer.ranked):
            return threshold
        return max(threshold, WORDS_THRESHOLD) if len(answer.ranked) >= FEWEST_TICKETS else math.inf

    def threshold_in(self, project: str) -> float:
        """How probable a match of clips must be to be commented in this project."""
        own = self._records.projects.rules(project).threshold
        # Rules that an earlier version stored may be below the floor.
        return max(COMMENT_FLOOR, self._settings.comment_threshold if own is None else own)
