"""A result: an issue, the clip that was found, and its moments.

`Results` makes a `Result` of what retrieval and policy chose, and every output is made of that:

- the API and `dejabug search`: the part of it that is `Found`, whose JSON is public;
- Slack: `slack/blocks.py`;
- the panel: `web/matches.py`, which adds what its reader may do and watch;
- the comment: `suggestions/comment_publisher.py`.

In Python its numbers are exact, since labels, regressions and the comment's own rounding depend on
them; its JSON rounds them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, PlainSerializer, TypeAdapter

from dejabug.infra.labels import label, rounded_down
from dejabug.jira.models import Issue
from dejabug.media_store.store import MediaStore
from dejabug.ranking import Calibrations, Moment, Relevance, relevance_of
from dejabug.records.collections import Collections
from dejabug.records.issue_fields import game_of
from dejabug.records.types import ClipRecord
from dejabug.retrieval.pairs import PairMatch
from dejabug.retrieval.reasons import Reason, reasons_for
from dejabug.retrieval.selection import Suggestion
from dejabug.settings import Settings


def _score_shown(score: float) -> float:
    return rounded_down(score, 4)


def _similarity_shown(similarity: float) -> float:
    return round(similarity, 4)


Score = Annotated[float, PlainSerializer(_score_shown, return_type=float)]
Similarity = Annotated[float, PlainSerializer(_similarity_shown, return_type=float)]


class FoundMoment(BaseModel):
    """A stretch of the found clip (`there`, and its best frame `there_at`) that matches one of the
    asked clip (`here`, null when words were asked), in seconds."""

    there: tuple[float, float]
    there_at: float
    here: tuple[float, float] | None
    here_at: float | None
    similarity: Similarity


class FoundClip(BaseModel):
    """A clip: `duration` and the `times` of its pictures in seconds."""

    id: str
    filename: str
    duration: float
    times: list[float]


class Found(BaseModel):
    """One result: an issue, and the clip that was found. `also` are keys of its duplicates that
    were found too. `score`, from 0 to 1, orders results: for an issue or a clip it is the
    probability that both show the same bug; for words it is none, and `relevance` says more."""

    issue: str = Field(description="The issue's numeric id.")
    key: str
    url: str
    summary: str
    status: str
    resolution: str | None
    project: str
    game: str
    kinds: list[str]
    created: str
    score: Score
    label: str | None = Field(
        None, description="What the score of a clip is called; null where words were compared."
    )
    same_file: str | None = Field(
        None,
        description="The key of the issue that has the very file that was asked with, or null.",
    )
    same_recording: str | None = Field(
        None,
        description="The key of the issue whose clip is a copy of the same recording, or null.",
    )
    reasons: list[Reason] = Field(
        default_factory=list,
        description="What the score rests on. Empty for a question in words: see `found_by`.",
    )
    relevance: Relevance | None = Field(
        description="How well words are answered; null for an issue and a clip."
    )
    found_by: list[Literal["clip", "picture", "words"]]
    clip: FoundClip | None
    asked: FoundClip | None = Field(
        description="The asked issue's own clip that it is like; null for words and uploads."
    )
    moments: list[FoundMoment]
    also: list[str]


class Result(Found):
    """A result with what the API does not tell of it. `status_category` is Jira's own: `new`,
    `indeterminate` or `done`; empty where Jira does not tell. `clip_on` is the key of the duplicate
    whose clip was found, null for a clip of its own."""

    status_category: str
    fix_versions: list[str]
    clip_on: str | None


# Of a result, the fields of `Found` alone.
PUBLIC = TypeAdapter(list[Found])


class Results:
    """Makes results of what was chosen."""

    def __init__(self, collections: Collections, media: MediaStore, settings: Settings) -> None:
        self._collections = collections
        self._media = media
        self._settings = settings

    def of(
        self,
        choices: Sequence[Suggestion],
        issues: Mapping[str, Issue],
        *,
        with_times: bool = True,
    ) -> list[Result]:
        """The results of choices, in their order; `issues` by id, as Jira tells them. Without
        `with_times` no clip tells at which times there are thumbnails, and the media store is not
        asked."""
        tags = self._collections.active.catalogue.tags_of([choice.issue_id for choice in choices])
        clip_ids = [
            clip
            for each in choices
            for clip in (each.pair.found_clip_id, each.pair.clip_id)
            if clip
        ]
        clips = {
            record.id: self.clip_of(record, with_times=with_times)
            for record in self._collections.active.catalogue.clips(clip_ids).values()
        }
        curves = self._collections.active.calibrations
        return [
            self._result(choice, issues, tags[choice.issue_id], clips, curves) for choice in choices
        ]

    def _result(
        self,
        choice: Suggestion,
        issues: Mapping[str, Issue],
        tags: list[str],
        clips: Mapping[str, FoundClip],
        curves: Calibrations,
    ) -> Result:
        issue, pair = issues[choice.issue_id], choice.pair
        found_key = issues[pair.found_issue_id].key
        same_file = found_key if pair.same_file else None
        same_recording = found_key if pair.same_recording else None
        compared = bool(pair.clip_id) and not pair.answers
        others = (pair.found_issue_id, *choice.also)
        return Result(
            issue=issue.id,
            key=issue.key,
            url=f"{self._settings.jira_url}/browse/{issue.key}",
            summary=issue.summary,
            status=issue.status,
            resolution=issue.resolution,
            project=issue.project,
            game=game_of(issue),
            kinds=tags,
            created=issue.created,
            score=pair.score,
            label=label(pair.score, same_file, same_recording) if compared else None,
            same_file=same_file,
            same_recording=same_recording,
            reasons=reasons_for(pair, found_key, curves),
            relevance=relevance_of(pair.score) if pair.answers else None,
            found_by=_found_by(pair),
            # None when a clip was forgotten meanwhile.
            clip=clips.get(pair.found_clip_id),
            asked=clips.get(pair.clip_id),
            moments=[_moment(moment, by_clip=bool(pair.clip_id)) for moment in pair.moments],
            also=[issues[other].key for other in others if other != choice.issue_id],
            status_category=issue.status_category,
            fix_versions=list(issue.fix_versions),
            clip_on=found_key if pair.found_issue_id != issue.id else None,
        )

    def clip_of(self, clip: ClipRecord, *, with_times: bool = True) -> FoundClip:
        """What is told of a clip."""
        times = list(self._media.thumbnails.times(clip.id)) if with_times else []
        return FoundClip(id=clip.id, filename=clip.filename, duration=clip.duration, times=times)


def _found_by(pair: PairMatch) -> list[Literal["clip", "picture", "words"]]:
    """`clip`: frames like the asked clip's; `picture`: frames that show what words say; `words`:
    its ticket says the same."""
    if pair.clip_id:
        return ["clip", "words"] if pair.words else ["clip"]
    return [*pair.answers] or ["words"]


def public_json(results: Sequence[Found]) -> list[dict[str, Any]]:
    """Results as the API tells them, ready for `json.dumps`."""
    told: list[dict[str, Any]] = PUBLIC.dump_python(list(results), mode="json")
    return told


def answered_by(found: Found) -> str:
    """What answers a question in words, for people."""
    names = {"words": "ticket text", "picture": "pictures", "clip": "its clip"}
    return " and ".join(names[each] for each in found.found_by)


def _moment(moment: Moment, *, by_clip: bool) -> FoundMoment:
    return FoundMoment(
        there=(moment.match_start, moment.match_end),
        there_at=moment.match_time,
        here=(moment.query_start, moment.query_end) if by_clip else None,
        here_at=moment.query_time if by_clip else None,
        similarity=moment.similarity,
    )
