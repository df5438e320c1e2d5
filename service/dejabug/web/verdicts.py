"""Recording a verdict, for everyone who was found to see both issues."""

from __future__ import annotations

import structlog

from dejabug.records.verdicts import Verdict
from dejabug.services import Services

log = structlog.get_logger()


def record_verdict(services: Services, issue_id: str, other: str, *, same: bool, by: str) -> None:
    """Record whether two issues, by id, are duplicates, and suggest on both again. `by` is where
    the verdict came from, for the metrics. Raises UserError for an issue and itself."""
    services.records.verdicts.put(Verdict(issue_id, other, same, "person"), by=by)
    for end in (issue_id, other):
        services.scheduler.suggest(end)
    log.info("verdict", issue_id=issue_id, other=other, same=same, by=by)
