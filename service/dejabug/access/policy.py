"""Which matches may be shown, and when to stay silent. One place decides; pure functions.

A comment is read by everybody who may read its issue, so it names only tickets that each of those
readers may read: tickets of the same project (or of a group of projects that the studio declared)
without a security level. What is shown to one reader names tickets that Jira shows to that very
reader. When in doubt, out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from dejabug.ranking import SURE_COPY, Evidence, Match, Moment

# The `clip_id` of a clip that somebody sent to search with, which is on no issue.
UPLOAD = "upload"


@dataclass(frozen=True)
class Ticket:
    """What policy must know of an issue, as Jira tells it now, not as it was when indexed.

    `originals` are the ids of the issues that it is linked to as their duplicate.
    """

    id: str
    project: str
    restricted: bool  # has a security level
    originals: tuple[str, ...] = ()


@dataclass(frozen=True)
class PairMatch:
    """A match of one of an issue's clips with a clip of another issue.

    `clip_id` is empty where the issue has no clip and was compared by its words. `frames`, `words`,
    `rank`, `size` and `copy` are the evidence, as in `Match`. `same_file`: both clips are the same
    bytes. `answers` says by what a clip answers a question in words, `words` or `picture`, and is
    empty where none was asked.
    """

    clip_id: str
    found_clip_id: str
    found_issue_id: str
    score: float
    moments: tuple[Moment, ...]
    frames: float | None = None
    words: float | None = None
    same_file: bool = False
    answers: tuple[Literal["picture", "words"], ...] = ()
    rank: float = 0.0
    size: float = 0.0
    copy: float = 0.0

    @property
    def evidence(self) -> Evidence:
        """What the score of a pair of clips rests on."""
        return Evidence(self.frames or 0.0, self.words, self.rank, self.size, self.copy)

    @property
    def same_recording(self) -> bool:
        """Whether both clips are surely copies of one recording, and not the same bytes."""
        return not self.same_file and self.copy >= SURE_COPY


def pair_matches(
    clip_id: str, matches: Iterable[Match], issue_of: Mapping[str, str]
) -> list[PairMatch]:
    """Matches of one clip with the issues that the found clips belong to; strays are dropped."""
    return [
        PairMatch(
            clip_id,
            match.clip_id,
            issue_of[match.clip_id],
            match.score,
            match.moments,
            match.frames,
            match.words,
            rank=match.rank,
            size=match.size,
            copy=match.copy,
        )
        for match in matches
        if match.clip_id in issue_of
    ]


def best_per_issue(issue_id: str, pairs: Iterable[PairMatch]) -> list[PairMatch]:
    """Each other issue's best pair of clips, best first; never the issue itself. The same file
    comes before all else, the oldest clip first."""
    best: dict[str, PairMatch] = {}
    for pair in sorted(pairs, key=_order):
        if pair.found_issue_id != issue_id:
            best.setdefault(pair.found_issue_id, pair)
    return list(best.values())


def _order(pair: PairMatch) -> tuple[bool, float, int, str]:
    # Jira's ids are numbers that grow: of equal pairs, the one with the oldest clip comes first.
    return (not pair.same_file, -pair.score, len(pair.found_clip_id), pair.found_clip_id)


@dataclass(frozen=True)
class Suggestion:
    """An issue to be named: the canonical one of the found issue's duplicates.

    `also` are the other found issues of the same chain, best first.
    """

    issue_id: str
    pair: PairMatch
    also: tuple[str, ...] = ()

    def issues(self) -> set[str]:
        """Every issue of which it tells."""
        return {self.issue_id, self.pair.found_issue_id, *self.also}


@dataclass(frozen=True)
class SuggestionLimits:
    """How much is to be named: at most `limit` issues, none less probable than `threshold`.

    `rejected` are issues that somebody said are not similar: they never come back. `off` are the
    projects that are switched off.
    """

    threshold: float
    limit: int
    rejected: Collection[str] = ()
    off: Collection[str] = ()


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
    wish: SuggestionLimits,
) -> list[Suggestion]:
    """What the issue's comment names, best first; none means silence.

    `tickets` are the found issues, and those that they duplicate, as Jira tells them now: one that
    is absent there (deleted, or hidden from our account) is left out.
    """
    named = {
        found.id: found for found in tickets.values() if may_comment_on(ticket, found, projects)
    }
    return _choose(ticket, pairs, named, wish)


def to_show(
    issue_id: str, pairs: Sequence[PairMatch], seen: Mapping[str, Ticket], wish: SuggestionLimits
) -> list[Suggestion]:
    """What one reader is shown beside an issue, best first. `seen` are the issues that Jira shows
    to that reader now; with the issue itself not among them, nothing."""
    own = seen.get(issue_id)
    return [] if own is None else _choose(own, pairs, seen, wish)


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


def to_tell(
    own: Ticket | None,
    pairs: Sequence[PairMatch],
    told: Mapping[str, Ticket],
    wish: SuggestionLimits,
) -> list[Suggestion]:
    """What a caller is told, best first.

    `told` are those of the found issues, and of those that they duplicate, that are `tellable`.
    `own` is the issue that was asked about, if it was one; it must be tellable itself.
    """
    if own is not None and own.id not in told:
        return []
    return _choose(own, pairs, told, wish)


def chain(issue_id: str, tickets: Mapping[str, Ticket]) -> list[str]:
    """An issue, what it is a duplicate of, and so on to the canonical one, as far as they may be
    named. Of duplicates in a circle, the oldest is canonical."""
    passed = [issue_id]
    while True:
        ways = [each for each in tickets[passed[-1]].originals if each in tickets]
        following = next((each for each in ways if each not in passed), None)
        if following is not None:
            passed.append(following)
        elif ways:
            return [*passed, min(passed, key=lambda each: (len(each), each))]
        else:
            return passed


def _choose(
    own: Ticket | None,
    pairs: Sequence[PairMatch],
    readable: Mapping[str, Ticket],
    wish: SuggestionLimits,
) -> list[Suggestion]:
    """`readable` are the issues that may be named at all."""
    named = {other: each for other, each in readable.items() if each.project not in wish.off}
    # A duplicate of a rejected issue is no more welcome than that.
    unwanted = set(wish.rejected)
    if own is not None:
        # A chain of duplicates that comes by here says nothing new, even where the project is off.
        named[own.id] = own
        unwanted.add(own.id)
    chosen: dict[str, Suggestion] = {}
    for pair in pairs:
        if pair.score < wish.threshold or pair.found_issue_id not in named:
            continue
        passed = chain(pair.found_issue_id, named)
        if unwanted & set(passed):
            continue
        best = chosen.setdefault(passed[-1], Suggestion(passed[-1], pair))
        if pair.found_issue_id not in (best.issue_id, best.pair.found_issue_id, *best.also):
            chosen[passed[-1]] = replace(best, also=(*best.also, pair.found_issue_id))
    return list(chosen.values())[: wish.limit]
