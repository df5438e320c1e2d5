"""An issue's matches as the panel shows them to one viewer: results with media addresses.

The panel's TypeScript types are generated from these models (`make panel-types`). An installed
panel may be older or newer than the service: you may add fields here, but never rename or remove
one that an installed panel reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field

from dejabug.access.principals import PanelViewer
from dejabug.infra.labels import is_weak, label, may_be_regression
from dejabug.jira.comments import fixed_in
from dejabug.jira.models import Issue
from dejabug.ranking import Relevance
from dejabug.records.types import IssueRecord
from dejabug.retrieval.reasons import Reason
from dejabug.retrieval.results import FoundClip, FoundMoment, Result
from dejabug.retrieval.selection import SuggestionLimits, to_show
from dejabug.retrieval.similar_issues import Read, tickets_of
from dejabug.services import Services
from dejabug.web.media import Video, media_address, video_state

# Matches that a panel lists.
MOST = 10
# The first matches' clips are the most likely to be watched, so their previews come first.
WATCHED_FIRST = 3


class ShownMoment(FoundMoment):
    """A stretch of this issue's clip (`here`) that matches a stretch of the other clip (`there`),
    and the best pair of frames within, in seconds."""

    here: tuple[float, float]
    here_at: float


class ShownClip(FoundClip):
    """A clip: `duration` and the `times` of its pictures in seconds. `media` is a signed address,
    for this viewer and five minutes."""

    id: str = Field(serialization_alias="clip_id")
    media: str
    video: Video


class Match(Result):
    """An earlier issue that may show the same bug."""

    # Attributes with a default are in every answer, too.
    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    # With the names that installed panels know.
    issue: str = Field(serialization_alias="issue_id", description="The issue's numeric id.")
    asked: ShownClip | None = Field(
        serialization_alias="here", description="This issue's clip; null for one without a clip."
    )
    clip: ShownClip | None = Field(
        serialization_alias="there", description="The clip that was found."
    )
    moments: list[ShownMoment]  # type: ignore[assignment]
    reasons: list[Reason] = Field(description="What the score rests on.")
    linked: bool = Field(description="Whether this issue is linked to it as a duplicate.")
    clip_on: str | None = Field(
        description="The key of the duplicate whose clip was found; null for its own clip."
    )

    # What the panel does not show.
    project: str = Field(exclude=True)
    game: str = Field(exclude=True)
    label: str | None = Field(exclude=True)
    relevance: Relevance | None = Field(exclude=True)
    found_by: list[Literal["clip", "picture", "words"]] = Field(exclude=True)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def strength(self) -> str:
        """What the match is called, also where words were compared."""
        return label(self.score, self.same_file, self.same_recording)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def weak(self) -> bool:
        """Below every label's floor: it is listed apart, as unlikely."""
        return is_weak(self.score)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def regression(self) -> str | None:
        """How it was fixed, where its bug may be back: `fixed in 0.9`."""
        fixed = fixed_in(self.resolution, self.fix_versions)
        return fixed if may_be_regression(self.score) else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def by(self) -> Literal["clip", "words"]:
        """What was compared: clips, or the words of an issue without one."""
        return "clip" if "clip" in self.found_by else "words"

    @classmethod
    def of(cls, result: Result, clips: Mapping[str, ShownClip], *, linked: bool) -> Match:
        """A result with those of its clips, by id, that can be shown."""
        asked, found = result.asked, result.clip
        return cls(
            **{
                **dict(result),
                "asked": clips.get(asked.id) if asked else None,
                "clip": clips.get(found.id) if found else None,
                "moments": [dict(each) for each in result.moments if each.here is not None],
                "linked": linked,
            }
        )


class IssueName(BaseModel):
    """The issue whose panel this is."""

    id: str
    key: str


class Progress(BaseModel):
    """How many of an issue's clips, and its words, are indexed."""

    done: int
    total: int


class FailedClip(BaseModel):
    """A clip of this issue that could not be indexed."""

    filename: str
    reason: str


class Similar(BaseModel):
    """The answer to `GET /forge/v1/issues/{issueId}/similar`. All times are seconds."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    issue: IssueName
    state: Literal["ready", "indexing", "unknown", "off"]
    progress: Progress = Progress(done=0, total=0)
    clips: int = Field(0, description="How many clips the issue has.")
    failed: list[FailedClip] = []
    muted: bool = False
    matches: list[Match] = []
    link_type: str = Field(description='The kind of link that "Same bug" makes.')
    encoder: str


def matches_for(
    services: Services, record: IssueRecord, viewer: PanelViewer, read: Read
) -> tuple[Issue, list[Match]] | None:
    """The issue and its matches that the viewer may see, according to `read`; None if they may not
    see the issue itself. Queues the previews of the clips."""
    answer = services.similar_issues.find_for_reader(record, read)
    own = answer.tickets.get(record.id)
    if own is None:
        return None
    linked = set(own.duplicates(services.settings.duplicate_link_types))
    limits = SuggestionLimits(
        services.settings.panel_threshold, MOST, answer.rejected, services.records.projects.off()
    )
    tickets = tickets_of(answer.tickets.values(), services.settings)
    choices = to_show(record.id, answer.ranked, tickets, limits)
    for number, choice in enumerate(choices):
        for clip_id in filter(None, (choice.pair.clip_id, choice.pair.found_clip_id)):
            services.preview_maker.request(clip_id, awaited=number < WATCHED_FIRST)
    results = services.results.of(choices, answer.tickets)
    clips = _shown_clips(services, results, viewer)
    return own, [Match.of(each, clips, linked=each.issue in linked) for each in results]


def _shown_clips(
    services: Services, results: list[Result], viewer: PanelViewer
) -> dict[str, ShownClip]:
    """The clips of results, by id, as this viewer may watch them."""
    clips = {clip.id: clip for each in results for clip in (each.asked, each.clip) if clip}
    records = services.collections.active.catalogue.clips(clips)
    return {
        clip_id: ShownClip(
            **dict(clips[clip_id]),
            media=media_address(services, clip_id, viewer),
            video=video_state(services, clip),
        )
        for clip_id, clip in records.items()
    }
