"""What the API takes and gives; the OpenAPI document is made from these."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from dejabug.records.progress import State
from dejabug.retrieval.results import Found, FoundClip
from dejabug.search.disclosure import Filters

# Signs of a question at most: sentence encoders read a few hundred words, and an address holds
# 8,190 bytes, of which a sign may need twelve.
LONGEST_WORDS = 500
# Values of one filter at most.
VALUES = 20
# Results of one page.
LIMIT = 10
MOST = 50
DAY = WithJsonSchema({"type": "string", "format": "date"})
Name = Annotated[str, Field(min_length=1, max_length=100)]


def _says_something(words: str) -> str:
    if re.search(r"\S", words) is None:
        raise ValueError("say what to look for")
    return words


class Limited(BaseModel):
    """How much is wanted."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(LIMIT, ge=1, le=MOST, description="Results on a page.")


class Paging(Limited):
    """Which page."""

    cursor: str = Field(
        "",
        max_length=100,
        description="`next` of the page before. All else but `limit` stays as it was asked with.",
    )


class Narrowed(Limited):
    """What results must be."""

    project: list[Name] = Field(
        default_factory=list, max_length=VALUES, description="Only these projects of the token's."
    )
    game: list[Name] = Field(
        default_factory=list, max_length=VALUES, description="Only these games (components)."
    )
    status: list[Name] = Field(
        default_factory=list,
        max_length=VALUES,
        description="Only issues in these states of Jira's.",
    )
    kind: list[Name] = Field(
        default_factory=list,
        max_length=VALUES,
        description="Only these kinds of bug, as in `kinds`.",
    )
    since: Annotated[date | None, DAY] = Field(None, description="Created on this day or later.")
    until: Annotated[date | None, DAY] = Field(None, description="Created on this day or earlier.")

    def filters(self) -> Filters:
        """The same without the page."""
        return Filters.model_validate(self.model_dump(include=set(Filters.model_fields)))


class Question(Narrowed, Paging):
    """What results must be, and which page of them."""


class Words(Question):
    """A question in words."""

    q: Annotated[str, AfterValidator(_says_something)] = Field(
        min_length=1,
        max_length=LONGEST_WORDS,
        pattern=r"\S",
        description="What to look for: `car sinks into the road`.",
    )
    unlikely: bool = Field(False, description="Also results that are probably unrelated.")


class Results(BaseModel):
    """A page of results, best first; there may be none. `next` is the cursor of the next page, null
    on the last; `encoder` the model and device that compared."""

    results: list[Found]
    next: str | None
    encoder: str


class Similar(Results):
    """A page of what is like an issue. `state` is how far its own clips are: `indexing`, `ready`,
    `no_clips`, or `failed` where none could be used; `reason` says so in words, null when ready."""

    state: State
    reason: str | None


class Job(BaseModel):
    """How far an uploaded clip is; `results` are there when done. `reason` says why it failed, or
    what of it was not looked at."""

    id: str
    state: Literal["queued", "sampling", "embedding", "comparing", "done", "failed"]
    reason: str | None
    results: Results | None


class ClipIssue(BaseModel):
    """The issue that a clip is attached to."""

    key: str
    url: str
    summary: str


class Clip(FoundClip):
    """A clip. Under `media`, for five minutes and without a token: `/video.mp4` when `video` is
    `ready`, and `/pictures/<milliseconds>.jpg` for each of `times`."""

    issue: ClipIssue
    media: str | None
    video: Literal["none", "preparing", "ready"]


class ClipIds(BaseModel):
    """Which clips."""

    model_config = ConfigDict(extra="forbid")

    id: list[Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]] = Field(
        min_length=1, max_length=MOST, description="Clips' ids."
    )


class Clips(BaseModel):
    """Those of the clips that are there for this token."""

    clips: list[Clip]


class ClipCounts(BaseModel):
    """How many clips are in each state."""

    queued: int
    indexed: int
    failed: int
    purged: int


class QueueStatus(BaseModel):
    """A queue: how many jobs wait on it, and how many live workers serve it."""

    name: str
    waiting: int
    workers: int


class IndexStatus(BaseModel):
    """The index of frames, and whether it is complete."""

    name: str
    algorithm: str
    frames: int
    ready: bool


class FailedClip(BaseModel):
    """A clip that could not be indexed, and why."""

    id: str
    filename: str
    issue: str = Field(description="The issue's key.")
    url: str
    reason: str


class NotedClip(BaseModel):
    """A clip that is indexed in part only: `note` says what was left out, and why. `sheet` is the
    address of its contact sheet, a JPEG of all its frames, which works for five minutes; null where
    no pictures of it are kept or shown."""

    id: str
    filename: str
    issue: str = Field(description="The issue's key.")
    url: str
    note: str
    sheet: str | None


class Status(BaseModel):
    """How the installation is: `encoder` names model and device, `scores` says what suggestions'
    scores were learned from, `index` is null before a worker has loaded one, `failed` lists up to
    100 clips of the token's projects, `more_failed` says how many others there are, and `noted`
    lists up to 50 of the newest that are indexed in part only. All other numbers are of the whole
    installation. `version` is that of the web service."""

    version: str
    issues: int
    clips: ClipCounts
    index: IndexStatus | None
    encoder: str
    scores: str
    queues: list[QueueStatus]
    problems: list[str]
    failed: list[FailedClip]
    more_failed: int
    noted: list[NotedClip]


class Retried(BaseModel):
    """How many clips were queued again."""

    queued: int


class Problem(BaseModel):
    """What went wrong, and what to change (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    trace: str | None = Field(None, description="By which this request is found in our log.")
