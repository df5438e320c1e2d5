"""The one way from a question to ranked clips: candidates from the index, then exact ranking.

A new ticket's clip, an uploaded clip and words all pass here, so that every door gives the same
answers.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

import numpy as np

from dejabug import ranking
from dejabug.index import FrameIndex, Place, Said, TicketIndex
from dejabug.ranking import (
    Calibrations,
    Floats,
    Hit,
    Match,
    Moment,
    Recipe,
    Scale,
    TimedVectors,
)

# Tickets nearest in words whose clips are compared too, however their frames look from afar.
CANDIDATE_TICKETS = 20
# Frames that are looked at first for words: these often are of enough clips.
FIRST_FRAMES = 300
# Seconds around the best frame that count as the moment which words describe.
TEXT_MOMENT = 2.0


@dataclass(frozen=True)
class TicketMatch:
    """An issue found by its ticket's words alone; `clip_id` is the first of its clips."""

    issue_id: str
    clip_id: str
    score: float


@dataclass(frozen=True)
class TextMatch:
    """A clip found by words, and its issue. `said` and `seen` are the scores, 0 to 1, of its
    ticket's words and of its pictures."""

    issue_id: str
    match: Match
    said: float
    seen: float


class Frames(Protocol):
    """What comparing clips asks of an index of frames, as in `FrameIndex`."""

    def nearest_clips(
        self, vectors: Floats, k: int, projects: Sequence[str]
    ) -> list[tuple[str, float]]: ...
    def clip_vectors(self, clip_ids: Iterable[str]) -> dict[str, TimedVectors]: ...
    def places(self, clip_ids: Iterable[str]) -> dict[str, Place]: ...
    def issues_of_clips_on(self, issue_ids: Iterable[str]) -> dict[str, str]: ...
    def mean(
        self, projects: Sequence[str], without_clips: Container[str] = ()
    ) -> tuple[Floats, int]: ...


class Tickets(Protocol):
    """What comparing clips asks of an index of tickets' words, as in `TicketIndex`."""

    def vectors(self, issue_ids: Iterable[str]) -> dict[str, Floats]: ...
    def nearest(
        self, vector: Floats, k: int, projects: Sequence[str]
    ) -> list[tuple[str, float]]: ...


AnyFrames = TypeVar("AnyFrames", bound=Frames)
AnyTickets = TypeVar("AnyTickets", bound=Tickets)


class ClipFinder(Generic[AnyFrames, AnyTickets]):
    """Ranks clips by a clip, and tickets by a ticket, in indexes of Redis or of memory.

    Sizes as in the settings of the same names. `calibrations` and `projection` are what a studio's
    own verdicts have taught, if anything.
    """

    def __init__(
        self,
        frames: AnyFrames,
        tickets: AnyTickets,
        *,
        candidate_frames: int,
        candidate_clips: int,
        calibrations: Calibrations | None = None,
        projection: Floats | None = None,
        recipe: Recipe | None = None,
    ) -> None:
        self._frames = frames
        self._tickets = tickets
        self._candidate_frames = candidate_frames
        self._candidate_clips = candidate_clips
        self._calibrations = calibrations or Calibrations()
        self._projection = projection
        self._recipe = recipe or Recipe()

    def by_pictures_alone(self, evidence: float) -> float:
        """The probability that a pair of clips would have without their tickets' words."""
        return self._calibrations.frames.probability(evidence)

    def like_clip(
        self,
        clip_id: str,
        projects: Sequence[str],
        *,
        use_words: bool = True,
        without_clips: Collection[str] = (),
    ) -> list[Match]:
        """Clips of other issues in these projects like an indexed one, best first; like `like`."""
        query = self._frames.clip_vectors([clip_id]).get(clip_id)
        where = self._frames.places([clip_id]).get(clip_id)
        if query is None or where is None:
            return []
        words = self._tickets.vectors([where.issue_id]).get(where.issue_id) if use_words else None
        return self.like(
            query,
            projects,
            words=words,
            without_issue=where.issue_id,
            without_clips=without_clips,
        )

    def like(
        self,
        query: TimedVectors,
        projects: Sequence[str],
        *,
        words: Floats | None = None,
        without_issue: str | None = None,
        without_clips: Collection[str] = (),
    ) -> list[Match]:
        """Clips of these projects like the given frames, best first, by the default ranking.

        `words` is the vector [d] of the ticket that the frames came with, if any; `without_issue`
        leaves that ticket's own clips out, `without_clips` these: others are ranked as if they
        were not there.
        """
        nearest = self._frames.nearest_clips(query.vectors, self._candidate_frames, projects)
        # Some more than asked for: the issue's own clips may be among them.
        others = [clip_id for clip_id, _ in nearest if clip_id not in without_clips]
        chosen = others[: self._candidate_clips + 10]
        issues = self._issues(chosen, without_issue)
        issues = dict(list(issues.items())[: self._candidate_clips])
        if words is not None:
            near = self._tickets.nearest(words, CANDIDATE_TICKETS, projects)
            told = self._frames.issues_of_clips_on(
                issue_id for issue_id, _ in near if issue_id != without_issue
            )
            issues |= {clip: of for clip, of in told.items() if clip not in without_clips}
        candidates = self._frames.clip_vectors(issues)
        told_of = {} if words is None else self._word_evidence(words, issues.values())
        evidence = {clip: told_of[issues[clip]] for clip in candidates if issues[clip] in told_of}
        return ranking.by_frames(
            query,
            candidates,
            *self._frames.mean(projects, without_clips),
            words=evidence or None,
            calibrations=self._calibrations,
            projection=self._projection,
            recipe=self._recipe,
        )

    def like_words(
        self, vector: Floats, projects: Sequence[str], *, without_issue: str | None = None
    ) -> list[tuple[str, float]]:
        """Issues of these projects whose tickets say the same as a text's vector [d], best first,
        with the words' evidence."""
        near = self._tickets.nearest(vector, self._candidate_clips + 1, projects)
        evidence = self._word_evidence(vector, (i for i, _ in near if i != without_issue))
        return sorted(evidence.items(), key=lambda item: (-item[1], item[0]))

    def like_ticket(self, issue_id: str, projects: Sequence[str]) -> list[TicketMatch]:
        """Issues with clips in these projects whose tickets say the same as this issue's, best
        first, each with the first of its clips."""
        vector = self._tickets.vectors([issue_id]).get(issue_id)
        if vector is None:
            return []
        curve = self._calibrations.words
        near = self.like_words(vector, projects, without_issue=issue_id)
        first: dict[str, str] = {}
        for clip_id, other in self._frames.issues_of_clips_on(issue for issue, _ in near).items():
            first.setdefault(other, clip_id)
        return [
            TicketMatch(other, first[other], curve.probability(evidence))
            for other, evidence in near
            if other in first
        ]

    def _issues(self, clip_ids: Sequence[str], without: str | None) -> dict[str, str]:
        places = self._frames.places(clip_ids)
        return {
            clip_id: places[clip_id].issue_id
            for clip_id in clip_ids
            if clip_id in places and places[clip_id].issue_id != without
        }

    def _word_evidence(self, words: Floats, issue_ids: Iterable[str]) -> dict[str, float]:
        """Evidence from tickets' words, by issue; issues without words are left out."""
        vectors = self._tickets.vectors(issue_ids)
        if not vectors:
            return {}
        evidence = ranking.word_evidence(words, np.stack(list(vectors.values())), self._recipe)
        return dict(zip(vectors, evidence.tolist(), strict=True))


class Finder(ClipFinder[FrameIndex, TicketIndex]):
    """Ranks the clips of the service's indexes, by words too."""

    def hits(self, vectors: Floats, projects: Sequence[str]) -> list[Hit]:
        """The nearest frames to each of the vectors [m, d], for the paper's two rankings."""
        rows = self._frames.nearest_frames(vectors, self._candidate_frames, projects)
        return [hit for row in rows for hit in row]

    def like_text(self, vector: Floats, projects: Sequence[str]) -> list[Match]:
        """Clips whose best frame is nearest to a text's vector, float32 [d], with that moment."""
        return list(map(_seen, self._frames.best_frames(vector, self._candidate_frames, projects)))

    def search(
        self,
        words: str,
        vector: Floats,
        scale: Scale,
        projects: Sequence[str],
        limit: int | None = None,
    ) -> list[TextMatch]:
        """Clips for words, from what their tickets say and from what is seen in them, best first;
        the first `limit` of them.

        `vector` float32 [d] is the words' own, `scale` its encoder's. A clip's score is the better
        of its ticket's and of its pictures', and depends on nothing else that is found. Of a match,
        `frames` is the best frame's cosine, `words` the ticket's.
        """
        asked = ranking.terms_of(words)
        said = self._tickets.candidates(vector, asked, self._candidate_clips, projects)
        told = _told(said, asked, scale)
        best = sorted(said, key=lambda issue: (-told[issue], issue))
        named = list(self._frames.issues_of_clips_on(best))[: self._candidate_clips]
        looks: dict[str, Hit] = {}
        # Where pictures do not tell, they only fill up what tickets leave.
        if scale.pictures is not None or len(named) < self._candidate_clips:
            looks = {hit.clip_id: hit for hit in self._best_frames(vector, projects)}
            # A clip that was found by its pictures has a ticket too.
            others = {hit.issue_id for hit in looks.values()} - said.keys()
            said |= self._tickets.said(others, vector, projects)
            told = _told(said, asked, scale)
        if unseen := [clip for clip in named if clip not in looks]:
            hits = self._frames.best_frames_of(unseen, vector, projects)
            looks |= {hit.clip_id: hit for hit in hits}
        scores = {
            clip: (told.get(hit.issue_id, 0.0), ranking.picture_score(hit.similarity, scale))
            for clip, hit in looks.items()
        }
        order = sorted(scores, key=lambda clip: (-max(scores[clip]), -scores[clip][1], clip))
        return [
            _answer(looks[clip], said.get(looks[clip].issue_id), *scores[clip])
            for clip in order[:limit]
        ]

    def _best_frames(self, vector: Floats, projects: Sequence[str]) -> list[Hit]:
        """Best frames for words, of as many clips as are compared, or of all that the index names.

        Grouping a thousand frames takes Redis longer than finding them, so some are tried first.
        """
        k = min(FIRST_FRAMES, self._candidate_frames)
        some = self._frames.best_frames(vector, k, projects)
        if len(some) >= self._candidate_clips or k == self._candidate_frames:
            return some
        return self._frames.best_frames(vector, self._candidate_frames, projects)


def _told(said: Mapping[str, Said], asked: Sequence[str], scale: Scale) -> dict[str, float]:
    """The scores of what tickets say, by issue."""
    return {
        issue: ranking.words_score(each.cosine, ranking.coverage(asked, each.terms), scale)
        for issue, each in said.items()
    }


def _answer(hit: Hit, ticket: Said | None, by_words: float, by_picture: float) -> TextMatch:
    cosine = None if ticket is None else ticket.cosine
    match = replace(_seen(hit), score=max(by_words, by_picture), words=cosine)
    return TextMatch(hit.issue_id, match, by_words, by_picture)


def _seen(hit: Hit) -> Match:
    start, end = max(0.0, hit.time - TEXT_MOMENT / 2), hit.time + TEXT_MOMENT / 2
    moment = Moment(0.0, 0.0, start, end, 0.0, hit.time, hit.similarity)
    return Match(hit.clip_id, hit.similarity, (moment,), frames=hit.similarity)
