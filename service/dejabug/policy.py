"""Which matches may be shown, and when to stay silent. One place decides; pure functions.

A comment is read by everybody who may read its issue, so it names only tickets that each of those
readers may read: tickets of the same project (or of a group of projects that the studio declared)
without a security level. When in doubt, out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from dejabug.ranking import Match, Moment


@dataclass(frozen=True)
class Ticket:
    """What policy must know of an issue, as Jira tells it now, not as it was when indexed."""

    id: str
    project: str
    restricted: bool  # has a security level


@dataclass(frozen=True)
class PairMatch:
    """A match of one of an issue's clips with a clip of another issue."""

    clip_id: str
    found_clip_id: str
    found_issue_id: str
    score: float
    moments: tuple[Moment, ...]


def pair_matches(
    clip_id: str, matches: Iterable[Match], issue_of: Mapping[str, str]
) -> list[PairMatch]:
    """Matches of one clip with the issues that the found clips belong to; strays are dropped."""
    return [
        PairMatch(clip_id, match.clip_id, issue_of[match.clip_id], match.score, match.moments)
        for match in matches
        if match.clip_id in issue_of
    ]


def best_per_issue(issue_id: str, pairs: Iterable[PairMatch]) -> list[PairMatch]:
    """Each other issue's best pair of clips, best first; never the issue itself."""
    best: dict[str, PairMatch] = {}
    for pair in sorted(pairs, key=lambda pair: (-pair.score, pair.found_clip_id)):
        if pair.found_issue_id != issue_id:
            best.setdefault(pair.found_issue_id, pair)
    return list(best.values())


def may_comment_on(ticket: Ticket, found: Ticket, projects: Sequence[str]) -> bool:
    """Whether every reader of `ticket` may be shown `found`, by what a comment can know.

    `projects` are those that may see each other's tickets, the ticket's own among them.
    """
    together = ticket.project in projects and found.project in projects
    return together and not found.restricted


def to_comment(
    ticket: Ticket,
    pairs: Sequence[PairMatch],
    tickets: Mapping[str, Ticket],
    projects: Sequence[str],
    *,
    threshold: float,
    limit: int,
    rejected: Collection[str] = (),
) -> list[PairMatch]:
    """The pairs that the issue's comment names, best first; none means silence.

    `rejected` are issues that somebody said are not similar: they never come back.

    `tickets` are the found issues as Jira tells them now: one that is absent there (deleted, or
    hidden from our account) is left out.
    """
    allowed = [
        pair
        for pair in pairs
        if pair.score >= threshold
        and pair.found_issue_id not in rejected
        and (found := tickets.get(pair.found_issue_id)) is not None
        and may_comment_on(ticket, found, projects)
    ]
    return allowed[:limit]
