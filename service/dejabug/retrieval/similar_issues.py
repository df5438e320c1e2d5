"""Similar issues: ranked pairs of clips, and which issues may be named.

The comment, the panel and `dejabug similar` all use this, so that they give the same answer, except
for what their readers can see.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dejabug.access.policy import Ticket
from dejabug.infra.labels import label
from dejabug.infra.metrics import stage
from dejabug.jira.client import JiraClient
from dejabug.jira.models import Issue
from dejabug.ranking import Calibrations
from dejabug.records.collections import Collections
from dejabug.records.issue_records import IssueRecords
from dejabug.records.progress import progress_of
from dejabug.records.types import ClipRecord, ClipStatus, IssueRecord
from dejabug.retrieval.pairs import PairMatch, best_per_issue, pair_matches
from dejabug.retrieval.ranking_cache import RankingCache
from dejabug.retrieval.reasons import Reason, reasons_for
from dejabug.retrieval.retrievers import Retrievers
from dejabug.retrieval.same_files import same_file_pairs, same_files_first, twins_of
from dejabug.retrieval.selection import Suggestion
from dejabug.settings import Settings

# Ranked issues that are re-read from Jira before the policy applies: enough that a few hidden ones
# among them do not empty the answer.
RE_READ = 20
# Issues with the same file that are re-read in addition: both together fit one request to Jira.
SAME_FILES_READ = 80
# Two screenshots of a log or a dialog look much the same whatever they say (two of unrelated bugs
# reached 0.97 here), so a pair of two screenshots is never rated higher than possible.
STILLS_AT_MOST = 0.5
# Pairs of a ranking that are kept in addition to those: far more than are ever shown.
RANKED_KEPT = 50
# How many steps a chain of duplicates is followed beyond the found issues.
LONGEST_CHAIN = 3
# Reads issues by id, as somebody; those that they cannot see are absent.
Read = Callable[[Collection[str]], dict[str, Issue]]


@dataclass(frozen=True)
class Answer:
    """What was found for an issue: every ranked pair, and the issues as the reader can see them.

    `rejected` are the issues that somebody marked as not similar to it.
    """

    ranked: list[PairMatch]
    tickets: dict[str, Issue]
    rejected: frozenset[str]

    def keys(self) -> dict[str, str]:
        """The issues' keys by their ids."""
        return {issue_id: issue.key for issue_id, issue in self.tickets.items()}

    def same_file(self, choice: Suggestion) -> str | None:
        """The key of the issue that has the same file as this one, if there is one."""
        pair = choice.pair
        return self.tickets[pair.found_issue_id].key if pair.same_file else None

    def same_recording(self, choice: Suggestion) -> str | None:
        """The key of the issue whose clip is a copy of this one's recording, if there is one."""
        pair = choice.pair
        return self.tickets[pair.found_issue_id].key if pair.same_recording else None

    def label(self, choice: Suggestion) -> str:
        """The label of a choice."""
        return label(choice.pair.score, self.same_file(choice), self.same_recording(choice))

    def reasons(self, choice: Suggestion, curves: Calibrations) -> list[Reason]:
        """The reasons for a choice's score. `curves` are the calibrations that it was made with."""
        pair = choice.pair
        return reasons_for(pair, self.tickets[pair.found_issue_id].key, curves)


class SimilarIssues:
    """Finds similar issues: ranked pairs of clips, and which issues may be named."""

    def __init__(
        self,
        jira: JiraClient,
        collections: Collections,
        retrievers: Retrievers,
        records: IssueRecords,
        rankings: RankingCache,
        settings: Settings,
    ) -> None:
        self._jira = jira
        self._collections = collections
        self._retrievers = retrievers
        self._records = records
        self._rankings = rankings
        self._settings = settings

    def find_for_issue(self, record: IssueRecord, *, also: Collection[str] = ()) -> Answer:
        """Rank the clips of other issues against this issue's, and read those issues as our own
        account. `also` are issues that are read whatever their rank."""
        return self._answer(record, self._rank_and_keep(record), self._jira.issues, also)

    def find_for_reader(self, record: IssueRecord, read: Read) -> Answer:
        """The same for one reader, who may ask every other second: the ranking is at most a minute
        old, and what `read` lets them see is current. While the issue is still being read, it is
        ranked for each answer: the first complete answer must have the last clip's matches."""
        if progress_of(self._collections.active.catalogue, record).waiting:
            self._rankings.forget(record.id)
            return self._answer(record, self.rank(record), read, ())
        ranked = self._rankings.get(record.id)
        if ranked is None:
            ranked = self._rank_and_keep(record)
        return self._answer(record, ranked, read, ())

    def nearest(self, record: IssueRecord) -> list[str]:
        """The ids of the issues that an answer for this one names, best first."""
        ranked = self.rank(record)
        return [pair.found_issue_id for pair in ranked[: first_to_read(ranked)]]

    def _answer(
        self,
        record: IssueRecord,
        ranked: list[PairMatch],
        read: Read,
        also: Collection[str],
    ) -> Answer:
        kinds = self._settings.duplicate_link_types
        wanted = [
            record.id,
            *also,
            *(pair.found_issue_id for pair in ranked[: first_to_read(ranked)]),
        ]
        tickets = with_originals(read, wanted, kinds)
        # A rejected pair is rejected under its canonical issue's key as well.
        others = {*tickets, *(pair.found_issue_id for pair in ranked)} - {record.id}
        return Answer(
            ranked, tickets, frozenset(self._records.verdicts.rejected(record.id, others))
        )

    @stage("rank")
    def rank(self, record: IssueRecord, projects: Sequence[str] | None = None) -> list[PairMatch]:
        """The best pair of clips with each other issue, best first. For an issue without a clip,
        its words find the clips. `projects`: where to search; by default, those compared with its
        own."""
        if projects is None:
            projects = self._settings.projects_beside(record.project)
        clips = self._collections.active.catalogue.clips_of(record.id)
        pairs: list[PairMatch] = []
        indexed = [clip for clip in clips if clip.status is ClipStatus.INDEXED]
        for clip in indexed:
            twins = twins_of(
                self._collections.active, clip.content, projects, without_issue=record.id
            )
            matches = self._retrievers.active.like_clip(
                clip.id, projects, without_clips={twin.id for twin in twins}
            )
            places = self._collections.active.index.places(match.clip_id for match in matches)
            issue_of = {found: where.issue_id for found, where in places.items()}
            found = pair_matches(clip.id, matches, issue_of)
            pairs += [self.doubted(each) for each in found] if clip.still else found
            pairs += self._with_times(clip, twins)
        if not indexed:
            pairs = [
                PairMatch("", found.clip_id, found.issue_id, found.score, (), words=found.words)
                for found in self._retrievers.active.like_ticket(record.id, projects)
            ]
        return best_per_issue(record.id, pairs)

    def _with_times(self, clip: ClipRecord, twins: Sequence[ClipRecord]) -> list[PairMatch]:
        """The pairs of an indexed clip with the same file on other issues."""
        if not twins:
            return []
        frames = self._collections.active.index.clip_vectors([clip.id]).get(clip.id)
        return same_file_pairs(
            clip.id, twins, np.zeros(0, np.float32) if frames is None else frames.times
        )

    def doubted(self, pair: PairMatch) -> PairMatch:
        """A screenshot's match, less sure if the found one is a screenshot too."""
        if pair.score <= STILLS_AT_MOST:
            return pair
        found = self._collections.active.catalogue.clip(pair.found_clip_id)
        still = found is not None and found.still
        return replace(pair, score=STILLS_AT_MOST) if still else pair

    def _rank_and_keep(self, record: IssueRecord) -> list[PairMatch]:
        ranked = self.rank(record)
        self._rankings.put(record.id, ranked[: first_to_read(ranked) + RANKED_KEPT])
        return ranked


def first_to_read(ranked: Sequence[PairMatch]) -> int:
    """How many ranked pairs are re-read from Jira at once. Those of the same file are added on top:
    however many of them a reader cannot see, the rest of the answer is the same."""
    return RE_READ + min(same_files_first(ranked), SAME_FILES_READ)


def tickets_of(issues: Iterable[Issue], settings: Settings) -> dict[str, Ticket]:
    """Issues as the policy sees them, by id."""
    kinds = settings.duplicate_link_types
    return {
        issue.id: Ticket(
            issue.id, issue.project, issue.security is not None, tuple(issue.originals(kinds))
        )
        for issue in issues
    }


def with_originals(read: Read, wanted: Collection[str], kinds: Collection[str]) -> dict[str, Issue]:
    """These issues, and those that they are duplicates of, up to a few steps."""
    tickets = read(wanted)
    fresh = list(tickets.values())
    for _ in range(LONGEST_CHAIN):
        further = {other for issue in fresh for other in issue.originals(kinds)} - tickets.keys()
        if not further:
            break
        found = read(further)
        tickets |= found
        fresh = list(found.values())
    return tickets
