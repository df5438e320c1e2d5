"""Which tickets may be named to whom. One place decides; pure functions.

A comment is read by everybody who may read its issue, so it names only tickets that each of those
readers may read: tickets of the same project (or of a group of projects that the studio declared)
without a security level. What is shown to one reader names tickets that Jira shows to that very
reader. When in doubt, out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Ticket:
    """What policy must know of an issue, as Jira tells it now, not as it was when indexed.

    `originals` are the ids of the issues that it is linked to as their duplicate.
    """

    id: str
    project: str
    restricted: bool  # has a security level
    originals: tuple[str, ...] = ()


def may_comment_on(ticket: Ticket, found: Ticket, projects: Sequence[str]) -> bool:
    """Whether every reader of `ticket` may be shown `found`, by what a comment can know.

    `projects` are those that may see each other's tickets, the ticket's own among them.
    """
    together = ticket.project in projects and found.project in projects
    return together and not found.restricted


def may_tell(
    project: str, restricted: bool, projects: Collection[str], off: Collection[str]
) -> bool:
    """Whether a caller who sees these projects may be told of an issue that Jira shows to our own
    account. `off` are the projects that are switched off."""
    return project in projects and project not in off and not restricted


def tellable(
    tickets: Mapping[str, Ticket],
    projects: Collection[str],
    off: Collection[str],
    seen: Collection[str] | None = None,
) -> dict[str, Ticket]:
    """Those of the issues that Jira shows to our own account which a caller may be told of.

    `seen` are the ids of those that Jira shows to that very caller now, security levels included;
    None for a caller who is known by projects only, and is told of no issue with such a level.
    """
    return {
        each.id: each
        for each in tickets.values()
        if may_tell(each.project, seen is None and each.restricted, projects, off)
        and (seen is None or each.id in seen)
    }
