"""Matches of an issue's clips with other issues' clips, and the best of them for each issue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from dejabug.ranking import SURE_COPY, Evidence, Match, Moment

# The `clip_id` of an uploaded clip, which is not on any issue.
UPLOAD = "upload"


@dataclass(frozen=True)
class PairMatch:
    """A match of one of an issue's clips with a clip of another issue.

    `clip_id` is empty if the issue has no clip and was compared by its words. `frames`, `words`,
    `rank`, `size` and `copy` are the evidence, as in `Match`. `same_file`: both clips are the same
    bytes. `answers` says how a clip answers a query in words, by `words` or `picture`; it is empty
    if there was no such query.
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
        """The evidence for the score of a pair of clips."""
        return Evidence(self.frames or 0.0, self.words, self.rank, self.size, self.copy)

    @property
    def same_recording(self) -> bool:
        """Whether both clips are surely copies of one recording, but not the same bytes."""
        return not self.same_file and self.copy >= SURE_COPY


def pair_matches(
    clip_id: str, matches: Iterable[Match], issue_of: Mapping[str, str]
) -> list[PairMatch]:
    """Matches of one clip, by the issues that the found clips belong to; drops those without an
    issue."""
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
    comes before everything else, the oldest clip first."""
    best: dict[str, PairMatch] = {}
    for pair in sorted(pairs, key=_order):
        if pair.found_issue_id != issue_id:
            best.setdefault(pair.found_issue_id, pair)
    return list(best.values())


def _order(pair: PairMatch) -> tuple[bool, float, int, str]:
    # Jira's ids are growing numbers: of equal pairs, the one with the oldest clip comes first.
    return (not pair.same_file, -pair.score, len(pair.found_clip_id), pair.found_clip_id)
