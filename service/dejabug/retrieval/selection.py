"""From ranked pairs of clips to the issues that are named: limits, chains of duplicates, and pairs
that were rejected. Pure functions.

`access/policy.py` has already decided who may see which issue; the comment's own rules are in
`suggestions/comment_policy.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from dejabug.access.policy import Ticket
from dejabug.retrieval.pairs import PairMatch


@dataclass(frozen=True)
class Suggestion:
    """An issue to name: the canonical one among the found issue's duplicates.

    `also` are the other found issues of the same chain, best first.
    """

    issue_id: str
    pair: PairMatch
    also: tuple[str, ...] = ()

    def issues(self) -> set[str]:
        """Every issue that it names."""
        return {self.issue_id, self.pair.found_issue_id, *self.also}


@dataclass(frozen=True)
class SuggestionLimits:
    """How many issues to name: at most `limit`, none less probable than `threshold`.

    `rejected` are issues that somebody marked as not similar: they never come back. `off` are the
    projects that are switched off.
    """

    threshold: float
    limit: int
    rejected: Collection[str] = ()
    off: Collection[str] = ()


def to_show(
    issue_id: str, pairs: Sequence[PairMatch], seen: Mapping[str, Ticket], limits: SuggestionLimits
) -> list[Suggestion]:
    """What one reader is shown for an issue, best first. `seen` are the issues that Jira shows to
    that reader now; empty if the issue itself is not among them."""
    own = seen.get(issue_id)
    return [] if own is None else select(own, pairs, seen, limits)


def to_tell(
    own: Ticket | None,
    pairs: Sequence[PairMatch],
    told: Mapping[str, Ticket],
    limits: SuggestionLimits,
) -> list[Suggestion]:
    """What a caller gets, best first.

    `told` are those of the found issues, and of those that they duplicate, that are `tellable`.
    `own` is the issue of the query, if it was one; it must be tellable itself.
    """
    if own is not None and own.id not in told:
        return []
    return select(own, pairs, told, limits)


def chain(issue_id: str, tickets: Mapping[str, Ticket]) -> list[str]:
    """An issue, what it is a duplicate of, and so on to the canonical one, as far as they may be
    named. If duplicates form a circle, the oldest is canonical."""
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


def select(
    own: Ticket | None,
    pairs: Sequence[PairMatch],
    readable: Mapping[str, Ticket],
    limits: SuggestionLimits,
) -> list[Suggestion]:
    """The issues to name, best first. `readable` are those that may be named at all; `own` is the
    issue of the query, if it was one."""
    named = {other: each for other, each in readable.items() if each.project not in limits.off}
    # A duplicate of a rejected issue is rejected too.
    unwanted = set(limits.rejected)
    if own is not None:
        # Chains that pass through these issues add nothing, even if the project is off.
        named[own.id] = own
        unwanted.add(own.id)
    chosen: dict[str, Suggestion] = {}
    for pair in pairs:
        if pair.score < limits.threshold or pair.found_issue_id not in named:
            continue
        passed = chain(pair.found_issue_id, named)
        if unwanted & set(passed):
            continue
        best = chosen.setdefault(passed[-1], Suggestion(passed[-1], pair))
        if pair.found_issue_id not in (best.issue_id, best.pair.found_issue_id, *best.also):
            chosen[passed[-1]] = replace(best, also=(*best.also, pair.found_issue_id))
    return list(chosen.values())[: limits.limit]
