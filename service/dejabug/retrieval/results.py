"""A result: an issue, the clip that was found, and the matching moments.

`Results` turns what retrieval and policy chose into `Result`s, and every output is made from those:

- the API and `dejabug search`: the part of it that is `Found`, whose JSON is public;
- Slack: `slack/blocks.py`;
- the panel: `web/matches.py`, which adds what its reader may do and watch;
- the comment: `suggestions/comment_renderer.py`.

In Python the numbers are exact, since labels, regressions and the comment's rounding depend on
them; JSON has them rounded.
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
    """A part of the found clip (`there`, with its best frame `there_at`) that matches a part of the
    query clip (`here`; null for a search by words), in seconds."""

    there: tuple[float, float]
    there_at: float
    here: tuple[float, float] | None
    here_at: float | None
    similarity: Similarity


class FoundClip(BaseModel):
    """A clip: `duration` and the `times` of its frames, in seconds."""

    id: str
    filename: str
    duration: float
    times: list[float]


class Found(BaseModel):
    """One result: an issue, and the clip that was found. `also` are the keys of its duplicates that
    were found, too. `score`, from 0 to 1, orders results. For an issue or a clip, it is the
    probability that both show the same bug. For words it is not a probability; see `relevance`."""

    issue: str = Field(description="The issue's numeric id.")
    key: str
    url: str
    summary: str
    status: str
    resolution: str | None
    project: str
    game: str
    kinds: list[str]
    created: str = Field(description="When it was filed, as Jira writes times.")
    reporter: str | None = Field(
        None,
        description="The display name of the person who filed it. Null when Jira shows none, and "
        "for a caller who isn't known.",
    )
    assignee: str | None = Field(
        None, description="The display name of the person it is assigned to, or null likewise."
    )
    score: Score
    label: str | None = Field(
        None, description="The label of a clip's score; null where text was compared."
    )
    same_file: str | None = Field(
        None,
        description="The key of the issue that has exactly the query clip's file, or null.",
    )
    same_recording: str | None = Field(
        None,
        description="The key of the issue whose clip is a copy of the same recording, or null.",
    )
    reasons: list[Reason] = Field(
        default_factory=list,
        description="The reasons for the score. Empty for a search by words: see `found_by`.",
    )
    relevance: Relevance | None = Field(
        description="How well the result matches the words; null for a search by issue or clip."
    )
    found_by: list[Literal["clip", "picture", "words"]]
    clip: FoundClip | None
    asked: FoundClip | None = Field(
        description="The query issue's clip that matches; null for words and uploads."
    )
    moments: list[FoundMoment]
    also: list[str]


class Result(Found):
    """A result with fields that are not in the API. `status_category` is Jira's: `new`,
    `indeterminate` or `done`; empty if Jira sends none. `clip_on` is the key of the duplicate whose
    clip was found, null if the clip is on the issue itself."""

    status_category: str
    fix_versions: list[str]
    clip_on: str | None


# Of a result, only the fields of `Found`.
PUBLIC = TypeAdapter(list[Found])


class Results:
    """Turns chosen issues into results."""

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
        """The results of choices, in their order; `issues` are by id, as Jira shows them. Without
        `with_times`, clips have no times of thumbnails, and the media store is not read."""
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
            reporter=issue.reporter,
            assignee=issue.assignee,
            score=pair.score,
            label=label(pair.score, same_file, same_recording) if compared else None,
            same_file=same_file,
            same_recording=same_recording,
            reasons=reasons_for(pair, found_key, curves),
            relevance=relevance_of(pair.score) if pair.answers else None,
            found_by=_found_by(pair),
            # None when the clip has been deleted since.
            clip=clips.get(pair.found_clip_id),
            asked=clips.get(pair.clip_id),
            moments=[_moment(moment, by_clip=bool(pair.clip_id)) for moment in pair.moments],
            also=[issues[other].key for other in others if other != choice.issue_id],
            status_category=issue.status_category,
            fix_versions=list(issue.fix_versions),
            clip_on=found_key if pair.found_issue_id != issue.id else None,
        )

    def clip_of(self, clip: ClipRecord, *, with_times: bool = True) -> FoundClip:
        """A clip in a result."""
        times = list(self._media.thumbnails.times(clip.id)) if with_times else []
        return FoundClip(id=clip.id, filename=clip.filename, duration=clip.duration, times=times)


def _found_by(pair: PairMatch) -> list[Literal["clip", "picture", "words"]]:
    """`clip`: its frames are like the query clip's; `picture`: its frames show what the words
    describe; `words`: its ticket's text matches."""
    if pair.clip_id:
        return ["clip", "words"] if pair.words else ["clip"]
    return [*pair.answers] or ["words"]


def public_json(results: Sequence[Found]) -> list[dict[str, Any]]:
    """Results as the API returns them, ready for `json.dumps`."""
    public: list[dict[str, Any]] = PUBLIC.dump_python(list(results), mode="json")
    return public


def answered_by(found: Found) -> str:
    """What matches a search by words, for people."""
    names = {"words": "ticket text", "picture": "frames", "clip": "its clip"}
    return " and ".join(names[each] for each in found.found_by)


def _moment(moment: Moment, *, by_clip: bool) -> FoundMoment:
    return FoundMoment(
        there=(moment.match_start, moment.match_end),
        there_at=moment.match_time,
        here=(moment.query_start, moment.query_end) if by_clip else None,
        here_at=moment.query_time if by_clip else None,
        similarity=moment.similarity,
    )
