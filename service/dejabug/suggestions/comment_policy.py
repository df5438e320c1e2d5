"""When an issue gets a comment, and what it names: the threshold, and when to be silent."""

from __future__ import annotations

import math

from dejabug.access import policy
from dejabug.access.policy import Suggestion, SuggestionLimits
from dejabug.infra.labels import COMMENT_FLOOR
from dejabug.records.types import IssueRecord
from dejabug.retrieval.similar_issues import Answer, tickets_of
from dejabug.services import Services

# Words alone must be surer than this to be commented: most tickets without a clip tell of no bug
# that was ever filmed, and a clip may still be on its way.
WORDS_THRESHOLD = 0.95
# Beside fewer tickets than this it cannot be told which words are usual in a project.
FEWEST_TICKETS = 20


def for_comment(
    place: Services, record: IssueRecord, answer: Answer, *, threshold: float, limit: int
) -> list[Suggestion]:
    """The issues that are named where every reader of this issue sees it; none when Jira hides the
    issue itself."""
    tickets = tickets_of(answer.tickets.values(), place.settings)
    own = tickets.get(record.id)
    if own is None:
        return []
    projects = place.settings.projects_beside(own.project)
    wish = SuggestionLimits(threshold, limit, answer.rejected, place.projects.off())
    return policy.to_comment(own, answer.ranked, tickets, projects, wish)


def comment_threshold(place: Services, project: str, answer: Answer) -> float:
    """How probable a match must be to be commented: in this project, and on such evidence."""
    threshold = threshold_of(place, project)
    if any(pair.clip_id for pair in answer.ranked):
        return threshold
    return max(threshold, WORDS_THRESHOLD) if len(answer.ranked) >= FEWEST_TICKETS else math.inf


def threshold_of(place: Services, project: str) -> float:
    """How probable a match of clips must be to be commented in this project."""
    own = place.projects.rules(project).threshold
    # Rules that an earlier version stored may be below the floor.
    return max(COMMENT_FLOOR, place.settings.comment_threshold if own is None else own)


