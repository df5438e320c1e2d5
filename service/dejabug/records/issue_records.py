"""What is stored of issues beside what their encoder's collection holds."""

from __future__ import annotations

from dataclasses import dataclass

from dejabug.records.comments import CommentStore
from dejabug.records.projects import Projects
from dejabug.records.retention import Retention
from dejabug.records.verdicts import Verdicts


@dataclass(frozen=True)
class IssueRecords:
    """Our comments, people's feedback on pairs of issues, projects' rules, and how long footage is
    kept."""

    comments: CommentStore
    verdicts: Verdicts
    projects: Projects
    retention: Retention
