"""Records about issues that don't depend on the encoder."""

from __future__ import annotations

from dataclasses import dataclass

from dejabug.records.comments import CommentStore
from dejabug.records.projects import Projects
from dejabug.records.retention import Retention
from dejabug.records.verdicts import Verdicts


@dataclass(frozen=True)
class IssueRecords:
    """Our comments, verdicts on pairs of issues, project rules, and how long clips are kept."""

    comments: CommentStore
    verdicts: Verdicts
    projects: Projects
    retention: Retention
