"""The one route from a query to ranked clips: candidates from the index, then exact ranking.

A new ticket's clip, an uploaded clip and words all go through here, so every interface gives the
same answers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

import numpy as np

from dejabug import ranking
from dejabug.index import ClipLocation, FrameIndex, Said, TicketIndex
from dejabug.ranking import (
    Calibrations,
    Evidence,
    Floats,
    Hit,
    Match,
    Moment,
    Origins,
    Recipe,
    Reference,
    Scale,
    Side,
    Signature,
    TimedVectors,
)

# Tickets nearest in words, whose clips are compared too, even if their frames are not candidates.
CANDIDATE_TICKETS = 20
# Frames that a text query reads first: these often belong to enough clips.
FIRST_FRAMES = 300
# Seconds around the best frame that form the moment which the words describe.
TEXT_MOMENT = 2.0


@dataclass(frozen=True)
class TicketMatch:
    """An issue found by its ticket's words alone; `clip_id` is its first clip, `words` the evidence
    for the score."""

    issue_id: str
    clip_id: str
    score: float
    words: float | None


@dataclass(frozen=True)
class TextMatch:
    """A clip found by words, and its issue. `said` and `seen` are the scores, 0 to 1, of its
    ticket's words and of its frames."""

    issue_id: str
    match: Match
    said: float
    seen: float


class References(Protocol):
    """The stored neighbours, as in `index.Neighbours`."""

    def references(self, project_of: Mapping[str, str]) -> dict[str, Reference]: ...
    def frame_backgrounds(self, members: Sequence[str]) -> dict[str, bytes]: ...


class Frames(Protocol):
    """The part of a frame index that comparing clips needs, as in `FrameIndex`."""

    def nearest_clips(
        self, vectors: Floats, k: int, projects: Sequence[str]
    ) -> list[tuple[str, float]]: ...
    def clip_vectors(self, clip_ids: Iterable[str]) -> dict[str, TimedVectors]: ...
    def signatures(self, clip_ids: Iterable[str]) -> dict[str, Signature]: ...
    def places(self, clip_ids: Iterable[str]) -> dict[str, ClipLocation]: ...
    def issues_of_clips_on(self, issue_ids: Iterable[str]) -> dict[str, str]: ...
    @property
    def neighbours(self) -> References: ...


class Tickets(Protocol):
    """The part of a ticket index that comparing clips needs, as in `TicketIndex`."""

    @property
    def neighbours(self) -> References: ...
    def vectors(self, issue_ids: Iterable[str]) -> dict[str, Floats]: ...
    def places(self, issue_ids: Sequence[str]) -> dict[str, tuple[str, bool]]: ...
    def term_counts(self, issue_ids: Sequence[str]) -> dict[str, int]: ...
    def nearest(
        self, vector: Floats, k: int, projects: Sequence[str]
    ) -> list[tuple[str, float]]: ...


AnyFrames = TypeVar("AnyFrames", bound=Frames)
AnyTickets = TypeVar("AnyTickets", bound=Tickets)


class ClipRetriever(Generic[AnyFrames, AnyTickets]):
    """Ranks clips by a clip, and tickets by a ticket, in indexes in Redis or in memory.

    Sizes are as in the settings of the same names. `origins` are the encoder's; `calibrations` were
    learned from the studio's own verdicts, if there are any.
    """

    def __init__(
        self,
        frames: AnyFrames,
        tickets: AnyTickets,
        origins: Origins,
        *,
        candidate_frames: int,
        candidate_clips: int,
        calibrations: Calibrations | None = None,
        recipe: Recipe | None = None,
    ) -> None:
        self._frames = frames
        self._tickets = tickets
        self._candidate_frames = candidate_frames
        self._candidate_clips = candidate_clips
        self._calibrations = calibrations or Calibrations()
        self._origins = origins
        self._recipe = recipe or Recipe()

    def like_clip(
        self,
        clip_id: str,
        projects: Sequence[str],
        *,
        use_words: bool = True,
        without_clips: Collection[str] = (),
    ) -> list[Match]:
        """Clips of other issues in these projects similar to an indexed one, best first; see
        `like`."""
        places = self._frames.places([clip_id])
        query = self._sides(places, use_words=use_words).get(clip_id)
        if query is None:
            return []
        return self._like(query, projects, places[clip_id].issue_id, without_clips)

    def like(
        self,
        query: TimedVectors,
        projects: Sequence[str],
        *,
        signature: Signature | None = None,
        without_clips: Collection[str] = (),
    ) -> list[Match]:
        """Clips of these projects similar to the given frames, which belong to no issue, best
        first, by the default ranking. `signature` is of the same recording; `without_clips` are
        left out."""
        motion = None if signature is None else ranking.motion_of(signature)
        return self._like(Side(query, motion=motion), projects, None, without_clips)

    def _like(
        self,
        query: Side,
        projects: Sequence[str],
        without_issue: str | None,
        without_clips: Collection[str],
    ) -> list[Match]:
        """Clips similar to one side of a pair. Candidates only decide which pairs are scored."""
        near = self._frames.nearest_clips(query.clip.vectors, self._candidate_frames, projects)
        # A few more than requested: the issue's own clips may be among them.
        others = [clip_id for clip_id, _ in near if clip_id not in without_clips]
        found = self._frames.places(others[: self._candidate_clips + 10])
        foreign = [clip for clip, where in found.items() if where.issue_id != without_issue]
        places = {clip: found[clip] for clip in foreign[: self._candidate_clips]}
        if query.words is not None:
            told = self._frames.issues_of_clips_on(
                issue_id
                for issue_id, _ in self._tickets.nearest(query.words, CANDIDATE_TICKETS, projects)
                if issue_id != without_issue
            )
            places |= self._frames.places(clip for clip in told if clip not in without_clips)
        moves = query.motion is not None and len(query.motion) > 0
        sides = self._sides(places, use_words=query.words is not None, use_motion=moves)
        return ranking.rank_pairs(
            query, sides, self._origins, calibrations=self._calibrations, recipe=self._recipe
        )

    def _sides(
        self, places: Mapping[str, ClipLocation], *, use_words: bool, use_motion: bool = True
    ) -> dict[str, Side]:
        """The data needed to compare these clips; clips that are not indexed are left out. Without
        `use_motion` their signatures are not read."""
        clips = self._frames.clip_vectors(places)
        issues = {places[clip].issue_id for clip in clips}
        siblings: dict[str, set[str]] = {}
        for clip, issue in self._frames.issues_of_clips_on(issues).items():
            siblings.setdefault(issue, set()).add(clip)
        references = self._frames.neighbours.references(
            {clip: places[clip].project for clip in clips}
        )
        usual = self._frames.neighbours.frame_backgrounds(list(clips))
        signatures = self._frames.signatures(clips if use_motion else ())
        motions = {clip: ranking.motion_of(each) for clip, each in signatures.items()}
        words, words_references, terms = self._words(issues) if use_words else ({}, {}, {})
        return {
            clip: Side(
                vectors,
                references[clip],
                np.frombuffer(usual[clip], np.float16).astype(np.float32)
                if clip in usual
                else None,
                words.get(places[clip].issue_id),
                words_references.get(places[clip].issue_id),
                terms.get(places[clip].issue_id, 0),
                motions.get(clip),
                frozenset(siblings.get(places[clip].issue_id, ())),
            )
            for clip, vectors in clips.items()
        }

    def _words(
        self, issue_ids: Iterable[str]
    ) -> tuple[dict[str, Floats], dict[str, Reference], dict[str, int]]:
        """Tickets' vectors, what is usual around them, and how many terms they have, by issue."""
        vectors = self._tickets.vectors(issue_ids)
        places = self._tickets.places(list(vectors))
        vectors = {issue: vector for issue, vector in vectors.items() if issue in places}
        project_of = {issue: places[issue][0] for issue in vectors}
        references = self._tickets.neighbours.references(project_of)
        return vectors, references, self._tickets.term_counts(list(vectors))

    def like_words(self, issue_id: str, projects: Sequence[str]) -> list[tuple[str, Evidence]]:
        """Issues of these projects whose tickets say the same as this issue's, best first, with the
        evidence of their words."""
        vector = self._tickets.vectors([issue_id]).get(issue_id)
        if vector is None:
            return []
        near = self._tickets.nearest(vector, self._candidate_clips + 1, projects)
        vectors, references, terms = self._words([issue_id, *(issue for issue, _ in near)])
        own = vectors.pop(issue_id, None)
        mine = references.get(issue_id)
        if own is None or mine is None:
            return []
        evidence = {
            issue: Evidence(
                0.0,
                ranking.words_evidence(
                    np.stack([own, other]),
                    self._origins.words,
                    mine,
                    references[issue],
                    self._recipe,
                    terms=min(terms[issue_id], terms[issue]),
                ),
                size=ranking.size_evidence(mine.size, references[issue].size),
            )
            for issue, other in vectors.items()
        }
        return sorted(evidence.items(), key=lambda item: (-(item[1].words or 0.0), item[0]))

    def like_ticket(self, issue_id: str, projects: Sequence[str]) -> list[TicketMatch]:
        """Issues with clips in these projects whose tickets say the same as this issue's, best
        first, each with its first clip."""
        curves = self._calibrations
        near = self.like_words(issue_id, projects)
        first: dict[str, str] = {}
        for clip_id, other in self._frames.issues_of_clips_on(issue for issue, _ in near).items():
            first.setdefault(other, clip_id)
        return [
            TicketMatch(
                other,
                first[other],
                curves.words.probability(evidence, curves.share),
                evidence.words,
            )
            for other, evidence in near
            if other in first
        ]


class Retriever(ClipRetriever[FrameIndex, TicketIndex]):
    """Ranks the clips in the service's indexes, by words too."""

    def search(
        self,
        words: str,
        vector: Floats,
        scale: Scale,
        projects: Sequence[str],
        limit: int | None = None,
    ) -> list[TextMatch]:
        """Clips for a query in words, from their tickets' words and from their frames, best first;
        the first `limit` of them.

        `vector` float32 [d] is the query's own, `scale` its encoder's. A clip's score is the better
        one of its ticket's and its frames', and depends on nothing else that is found. In a match,
        `frames` is the best frame's cosine, `words` the ticket's.
        """
        asked = ranking.terms_of(words)
        said = self._tickets.candidates(vector, asked, self._candidate_clips, projects)
        told = _told(said, asked, scale)
        best = sorted(said, key=lambda issue: (-told[issue], issue))
        named = list(self._frames.issues_of_clips_on(best))[: self._candidate_clips]
        looks: dict[str, Hit] = {}
        # If frames do not separate right from wrong, they only fill up the list after tickets.
        if scale.pictures is not None or len(named) < self._candidate_clips:
            looks = {hit.clip_id: hit for hit in self._best_frames(vector, projects)}
            # A clip that was found by its frames has a ticket too.
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
        """Best frames for words, from as many clips as are compared, or from all in the index.

        Grouping a thousand frames takes Redis longer than finding them, so fewer are tried first.
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
