"""Decides whether an issue gets a comment, and which tickets the comment names."""

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

# A match by text alone needs this score for a comment: most tickets without a clip describe a bug
# that no clip shows, and somebody may still attach a clip.
WORDS_THRESHOLD = 0.95
# With fewer tickets than this, nobody can know which words are common in a project.
FEWEST_TICKETS = 20


def to_comment(
    ticket: Ticket,
    pairs: Sequence[PairMatch],
    tickets: Mapping[str, Ticket],
    projects: Sequence[str],
    limits: SuggestionLimits,
) -> list[Suggestion]:
    """The suggestions that the issue's comment names, best first. Without any, there is no comment.

    `tickets` are the found issues and their originals as Jira shows them now. An issue that is not
    among them (deleted, or hidden from our account) is left out.
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
        """The matches of an issue, and the suggestions for its comment: none if no match reaches
        the threshold. Raises JiraError."""
        answer = self._similar_issues.find_for_issue(record)
        threshold = self.threshold(record.project, answer)
        limit = self._settings.max_suggestions
        return answer, self.choose(record, answer, threshold=threshold, limit=limit)

    def choose(
        self, record: IssueRecord, answer: Answer, *, threshold: float, limit: int
    ) -> list[Suggestion]:
        """The suggestions that every reader of this issue may see; none when Jira hides the issue
        from our account."""
        tickets = tickets_of(answer.tickets.values(), self._settings)
        own = tickets.get(record.id)
        if own is None:
            return []
        projects = self._settings.projects_beside(own.project)
        limits = SuggestionLimits(threshold, limit, answer.rejected, self._records.projects.off())
        return to_comment(own, answer.ranked, tickets, projects, limits)

    def threshold(self, project: str, answer: Answer) -> float:
        """The lowest score, 0 to 1, for a comment in this project, given how the matches were
        found. Infinite if text alone can't give one."""
        threshold = self.threshold_in(project)
        if any(pair.clip_id for pair in answer.ranked):
            return threshold
        return max(threshold, WORDS_THRESHOLD) if len(answer.ranked) >= FEWEST_TICKETS else math.inf

    def threshold_in(self, project: str) -> float:
        """The lowest score, 0 to 1, of a match of clips for a comment in this project."""
        own = self._records.projects.rules(project).threshold
        # An earlier version may have stored a threshold below the floor.
        return max(COMMENT_FLOOR, self._settings.comment_threshold if own is None else own)
