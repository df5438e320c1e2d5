"""Which tickets may be shown to whom. One place decides, with pure functions.

Everyone who may read an issue can read its comments. So a comment lists only tickets that all those
readers may see: tickets without a security level in the same project, or in its group of projects
(DEJABUG_PROJECT_GROUPS). Answers to a single reader show only tickets that Jira shows to that
reader. When in doubt, a ticket is not shown.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Ticket:
    """The facts about an issue that decide, as Jira shows them now, not when it was indexed.

    `originals`: the ids of the issues that it is linked to as a duplicate of.
    """

    id: str
    project: str
    restricted: bool  # has a security level
    originals: tuple[str, ...] = ()


def may_comment_on(ticket: Ticket, found: Ticket, projects: Sequence[str]) -> bool:
    """Whether a comment on `ticket`, which all its readers see, may list `found`.

    `projects`: the projects that may see each other's tickets, including the ticket's own.
    """
    together = ticket.project in projects and found.project in projects
    return together and not found.restricted


def may_tell(
    project: str, restricted: bool, projects: Collection[str], off: Collection[str]
) -> bool:
    """Whether a caller who may see these projects may see an issue that Jira shows to our own
    account. `off`: the projects that are switched off."""
    return project in projects and project not in off and not restricted


def tellable(
    tickets: Mapping[str, Ticket],
    projects: Collection[str],
    off: Collection[str],
    seen: Collection[str] | None = None,
) -> dict[str, Ticket]:
    """The issues that a caller may see, of those that Jira shows to our own account.

    `seen`: the ids of the issues that Jira shows to this caller now, including those with security
    levels. None for a caller known by projects only, who sees no issue with a security level.
    """
    return {
        each.id: each
        for each in tickets.values()
        if may_tell(each.project, seen is None and each.restricted, projects, off)
        and (seen is None or each.id in seen)
    }
