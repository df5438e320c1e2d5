"""Evaluation by arrivals: what would have been suggested if the tickets had come one by one.

The protocol:

- Each project (each game of a data set, unless its manifest names projects) is a separate backlog,
  empty at first. Its tickets arrive in a random order, which is the same for the same seed and
  clips, whatever the order of the manifest's lines. Several orders are replayed, and all figures
  are over the tickets of all orders together. If the times at which clips were attached are known
  (`--from-jira`), only that order is replayed; clips without a time come first.
- Each ticket is indexed and compared with its project, and is then a query to the service's own
  finder, with the current calibration. So candidates and backgrounds come from the tickets that
  exist at that time, and from no other project. Tickets without a bug are queries too.
- The best issues are suggested, at most as many as one comment names, in the order of their scores;
  a pair of screenshots is capped as in the service. Links between issues are not known on arrival,
  so two earlier tickets about one bug take two places.
- A suggestion is right when both tickets are in one group. It is related, and then neither right
  nor wrong, when they are in different groups that share a `related` id.
- A clip that cannot be read is no query and is never found, but its ticket counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args
from zlib import crc32

import numpy as np

from dejabug.evaluation.backlog import FramesInMemory, TicketsInMemory
from dejabug.evaluation.calibrate import FITTED
from dejabug.evaluation.corpus import Corpus, Item, Progress, unseen
from dejabug.index import ClipLocation
from dejabug.ranking import Evidence, Recipe
from dejabug.records.learned_parameters import read_learned
from dejabug.retrieval.neighbourhood import enter_clip, enter_ticket
from dejabug.retrieval.pairs import PairMatch, best_per_issue, pair_matches
from dejabug.retrieval.retriever import ClipRetriever
from dejabug.retrieval.similar_issues import STILLS_AT_MOST

Asked = Literal["clip", "clip_text"]
ASKED: tuple[Asked, ...] = get_args(Asked)
# Default number of orders of arrival.
ORDERS = 3


@dataclass(frozen=True)
class Suggestion:
    """An earlier issue suggested for a new one: the score and evidence of their best pair of clips.

    `right`: both are in one group. `related`: their groups are related, so it is neither right nor
    wrong. `worded`: the words of both tickets are part of the evidence. `stills`: both are
    screenshots, so the score is capped.
    """

    score: float
    evidence: Evidence
    right: bool
    related: bool = False
    worded: bool = False
    stills: bool = False


@dataclass(frozen=True)
class Arrival:
    """A ticket that arrived, and the best earlier issues, best first.

    `cluster` names what is resampled together: the ticket's group, or a ticket without a group on
    its own. `has_duplicate`: a ticket of its group came before it in this order.
    """

    project: str
    cluster: str
    has_duplicate: bool
    suggestions: tuple[Suggestion, ...]


Replay = Mapping[Asked, Sequence[Arrival]]


@dataclass(frozen=True)
class _Ticket:
    """The clips of one issue, which arrive together."""

    items: tuple[Item, ...]

    @property
    def first(self) -> Item:
        return self.items[0]

    @property
    def cluster(self) -> str:
        group = self.first.group
        return f"issue {self.first.issue_id}" if group is None else f"group {group}"


def replay(
    corpus: Corpus,
    *,
    orders: int = ORDERS,
    seed: int = 0,
    recipe: Recipe | None = None,
    progress: Progress = unseen,
) -> dict[Asked, list[Arrival]]:
    """Let a corpus's tickets arrive: for each kind of query, one Arrival for each ticket and order.

    Uses what the corpus's own service has learned, as in its comments. `recipe`: a different one
    than the service's, to compare them.
    """
    shared = _Replayer(corpus, recipe)
    planned = list(_orders(corpus.items, orders, seed))
    total, done = sum(len(tickets) for _, tickets in planned), 0
    told: dict[Asked, list[Arrival]] = {asked: [] for asked in ASKED}
    for project, tickets in planned:
        for arrival in shared.run(project, tickets):
            for asked in ASKED:
                told[asked].append(arrival[asked])
            progress(done := done + 1, total)
    return told


def _orders(
    items: Iterable[Item], orders: int, seed: int
) -> Iterator[tuple[str, Sequence[_Ticket]]]:
    """Every project's tickets in each order in which they arrive."""
    of_project: dict[str, dict[str, list[Item]]] = {}
    for item in sorted(items, key=lambda item: (item.name, item.clip_id)):
        of_project.setdefault(item.project, {}).setdefault(item.issue_id, []).append(item)
    for project, of_issue in sorted(of_project.items()):
        tickets = [_Ticket(tuple(clips)) for clips in of_issue.values()]
        dated = [ticket for ticket in tickets if ticket.first.attached is not None]
        if len(dated) == len(tickets):
            yield project, sorted(tickets, key=_when)
            continue
        for number in range(orders):
            drawn = np.random.default_rng([seed, number, crc32(project.encode())])
            yield project, [tickets[services] for services in drawn.permutation(len(tickets))]


def _when(ticket: _Ticket) -> tuple[float, int, str]:
    """When a ticket's first clip was attached; Jira's ids grow with time."""
    issue = ticket.first.issue_id
    times = [item.attached or 0.0 for item in ticket.items]
    return min(times), int(issue) if issue.isdecimal() else 0, issue


class _Replayer:
    """What all orders share: vectors, read from the index once, and the service's ranking."""

    def __init__(self, corpus: Corpus, recipe: Recipe | None) -> None:
        services = corpus.services
        items = sorted(corpus.items, key=lambda item: (item.name, item.clip_id))
        # Equal scores are ordered by ids, which are the manifest's line numbers: these are not.
        self._name_of = {item.clip_id: f"{n:06d}" for n, item in enumerate(items)}
        self._item_of = {self._name_of[item.clip_id]: item for item in items}
        self._clips = services.collections.active.index.clip_vectors(
            [item.clip_id for item in items]
        )
        self._signatures = services.collections.active.index.signatures(self._clips)
        self._words = services.collections.active.tickets.vectors(item.issue_id for item in items)
        self._terms = services.collections.active.tickets.term_counts(list(self._words))
        self._lessons = read_learned(services.redis, services.collections.active.name)
        self._settings = services.settings
        self._origins = services.collections.active.origins()
        self._recipe = recipe

    def run(self, project: str, tickets: Sequence[_Ticket]) -> Iterator[dict[Asked, Arrival]]:
        """One order of one project, ticket by ticket."""
        width = next((clip.vectors.shape[1] for clip in self._clips.values()), 1)
        frames, words = FramesInMemory(project, width), TicketsInMemory(project)
        retriever = ClipRetriever(
            frames,
            words,
            self._origins,
            candidate_frames=self._settings.candidate_frames,
            candidate_clips=self._settings.candidate_clips,
            calibrations=self._lessons.in_force(),
            recipe=self._recipe,
        )
        came: set[str] = set()
        for ticket in tickets:
            first = ticket.first
            where = ClipLocation(first.issue_id, project, first.game)
            for item in ticket.items:
                if (clip := self._clips.get(item.clip_id)) is not None:
                    frames.write_clip(
                        self._name_of[item.clip_id],
                        where,
                        clip,
                        self._signatures.get(item.clip_id),
                    )
                    enter_clip(frames, self._origins, self._name_of[item.clip_id])
            if (vector := self._words.get(first.issue_id)) is not None:
                words.write(first.issue_id, vector, self._terms[first.issue_id])
                enter_ticket(words, self._origins, first.issue_id)
            known = first.group is not None and first.group in came
            yield {
                asked: Arrival(
                    project,
                    f"{project} {ticket.cluster}",
                    known,
                    tuple(self._suggestions(retriever, ticket, use_words=asked == "clip_text")),
                )
                for asked in ASKED
            }
            if first.group is not None:
                came.add(first.group)

    def _suggestions(
        self,
        retriever: ClipRetriever[FramesInMemory, TicketsInMemory],
        ticket: _Ticket,
        *,
        use_words: bool,
    ) -> Iterator[Suggestion]:
        """The best issues for a ticket, as `similar_issues.rank` finds them."""
        pairs = []
        for item in ticket.items:
            name = self._name_of[item.clip_id]
            matches = retriever.like_clip(name, [item.project], use_words=use_words)
            issue_of = {m.clip_id: self._item_of[m.clip_id].issue_id for m in matches}
            found = pair_matches(name, matches, issue_of)
            pairs += [self._capped(pair) for pair in found]
        own = ticket.first
        for pair in best_per_issue(own.issue_id, pairs)[:FITTED]:
            other = self._item_of[pair.found_clip_id]
            right = own.group is not None and own.group == other.group
            related = own.related is not None and own.related == other.related
            yield Suggestion(
                pair.score,
                pair.evidence,
                right,
                related and not right,
                pair.words is not None,
                self._stills(pair),
            )

    def _stills(self, pair: PairMatch) -> bool:
        return all(self._item_of[clip].still for clip in (pair.clip_id, pair.found_clip_id))

    def _capped(self, pair: PairMatch) -> PairMatch:
        """As `similar_issues.doubted`."""
        capped = min(pair.score, STILLS_AT_MOST) if self._stills(pair) else pair.score
        return replace(pair, score=capped)
