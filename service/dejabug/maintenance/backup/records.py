"""The lines of a backup. They are validated when read: ids become parts of Redis' keys."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from dejabug.index import MOST_PICTURES
from dejabug.records.projects import Mode
from dejabug.records.types import ClipStatus

# Increased when an older version could not read the file.
FORMAT = 1
Id = Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]
# A studio chooses the keys of issues and projects, but they are one word.
Word = Annotated[str, Field(pattern=r"^\S{1,255}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
# Of a frame in its clip, in seconds: what float32 can hold.
Time = Annotated[float, Field(ge=-1e6, le=1e6)]


class Line(BaseModel):
    """Ignores fields that a later version of the same format added."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class EncoderLine(Line):
    """An encoder with vectors in the backup, and its speed: clips, their seconds and bytes."""

    name: Annotated[str, Field(min_length=1, max_length=500)]
    dimensions: Annotated[int, Field(ge=1, le=65_536)]
    label: str = ""
    pace: tuple[Count, Seconds, Count] = (0, 0.0, 0)


class Counts(Line):
    """The totals; clips, frames and tickets count once for each encoder."""

    issues: Count = 0
    clips: Count = 0
    frames: Count = 0
    tickets: Count = 0
    verdicts: Count = 0
    tokens: Count = 0


class Manifest(Line):
    """`created` in Unix seconds; `members` are the files of the archive and their digests."""

    format: int
    version: str
    created: Seconds
    encoders: list[EncoderLine]
    counts: Counts
    members: dict[str, Sha256]


class CommentLine(Line):
    """Our comment on an issue, see `comments.CommentRecord`."""

    id: Id
    digest: str
    strip_id: Annotated[str, Field(pattern=r"^[0-9]{0,18}$")] = ""
    names: list[Id] = []


class IssueLine(Line):
    """An issue, its words, and our comment on it. `links`: duplicates by links in Jira."""

    id: Id
    key: Word
    project: Word
    game: str
    watched: bool
    face: str  # the fingerprint
    restricted: bool
    words: str
    links: list[Id]
    comment: CommentLine | None
    note: str
    note_tells_of: list[Id] = []
    muted: bool


class PlaceLine(Line):
    """The tags of a clip's frames."""

    issue_id: Id
    project: Word
    game: str
    restricted: bool = False


class ClipLine(Line):
    """A clip under one encoder. With `place` and `times` (s) its frames are in the array next to
    it, one row per time; with `signature` (s) its grey images are in another one, likewise."""

    id: Id
    issue_id: Id
    filename: str
    size: Count
    status: ClipStatus
    reason: str
    frames: Count
    duration: Seconds
    content: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
    attached: Seconds
    unshown: bool
    unsure: bool = False
    place: PlaceLine | None = None
    times: list[Time] = []
    # None in a file of an earlier version, which has no such array either.
    signature: Annotated[list[Time], Field(max_length=MOST_PICTURES)] | None = None


class TicketLine(Line):
    """A ticket's words under one encoder: `digest` of the embedded words, empty for none; with
    `vector` they are a row of the array next to it."""

    issue_id: Id
    project: Word
    digest: str
    vector: bool
    tags: list[str]


class VerdictLine(Line):
    """See `verdicts.Verdict`."""

    first: Id
    second: Id
    same: bool
    source: Literal["person", "link"]
    at: Seconds


class TokenLine(Line):
    """A token of the API, by its digest: the token itself cannot be recovered from it."""

    digest: Sha256
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    name: str
    projects: list[Word]
    created: Seconds
    expires: Seconds
    last_used: Seconds
    verdicts: bool = False


class RulesLine(Line):
    """See `projects.Rules`."""

    mode: Mode
    threshold: Probability | None


class StudioLine(Line):
    """The studio's data: projects with their rules, how far each was reconciled (Unix seconds),
    issues that are queued to be read again, those of them that may then get a comment, and how long
    footage is kept (`retention.Cutoffs`).
    """

    projects: list[Word]
    rules: dict[Word, RulesLine]
    reconciled: dict[Word, Seconds]
    pending: list[Id]
    pending_watched: list[Id] = []
    purged_clips: dict[Word, Seconds]
    purged_pictures: dict[Word, Seconds]
    tokens: list[TokenLine]


class CurveLine(Line):
    """A curve of an earlier version, for another score; no longer used."""

    slope: Annotated[float, Field(allow_inf_nan=False)]
    intercept: Annotated[float, Field(allow_inf_nan=False)]


class WeightsLine(Line):
    """See `ranking.Calibration`."""

    frames: Annotated[float, Field(allow_inf_nan=False)]
    words: Annotated[float, Field(allow_inf_nan=False)]
    rank: Annotated[float, Field(allow_inf_nan=False)]
    size: Annotated[float, Field(allow_inf_nan=False)]
    intercept: Annotated[float, Field(allow_inf_nan=False)]


class LessonsLine(Line):
    """What was learned for an encoder: the weights for frames alone and with words."""

    curves: tuple[CurveLine, CurveLine] | None = None
    weights: tuple[WeightsLine, WeightsLine] | None = None
