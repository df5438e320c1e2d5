"""Verdicts by callers of the API: on pairs of issues that they may see."""

from __future__ import annotations

from dejabug.access.principals import Caller
from dejabug.retrieval.similar_issues import tickets_of
from dejabug.services import Services
from dejabug.web.api.errors import BadRequestError, NotHereError
from dejabug.web.verdicts import record_verdict

# The same answer, whichever issue it is, and whether it is hidden or does not exist.
HIDDEN = "One of the issues isn't indexed, or you don't have access."


def record(services: Services, who: Caller, key: str, other: str, *, same: bool) -> None:
    """Record whether two issues, by key, are duplicates.

    Raises BadRequestError for an issue and itself, NotHereError where the caller may not see both,
    and JiraError.
    """
    if key.upper() == other.upper():
        raise BadRequestError("`other` must be another issue: an issue can't duplicate itself.")
    catalogue = services.collections.active.catalogue
    records = [catalogue.issue_by_key(each) for each in (key, other)]
    ids = [each.id for each in records if each is not None and each.project in who.projects]
    if len(ids) < len(records):
        raise NotHereError(HIDDEN)
    # What Jira says now counts: an issue may have moved or got a security level since it was read.
    tickets = tickets_of(services.jira.issues(ids).values(), services.settings)
    if not set(ids) <= services.visibility.tellable(who, tickets).keys():
        raise NotHereError(HIDDEN)
    record_verdict(services, *ids, same=same, by="api")
