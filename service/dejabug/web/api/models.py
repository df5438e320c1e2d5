"""Parameters and answers of the API. The OpenAPI document is generated from these models."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, WithJsonSchema

from dejabug.records.progress import State
from dejabug.retrieval.results import Found, FoundClip
from dejabug.search.disclosure import Filters

# Characters of a search at most: sentence encoders read a few hundred words, and an address holds
# 8,190 bytes, of which a character may need twelve.
LONGEST_WORDS = 500
# Maximum number of values of one filter.
VALUES = 20
# Results on one page: default and maximum.
LIMIT = 10
MOST = 50
# An issue's key: a part of addresses, and alone.
KEY = r"[A-Za-z][A-Za-z0-9_]{0,30}-[0-9]{1,12}"
KEY_ALONE = f"^{KEY}$"
DAY = WithJsonSchema({"type": "string", "format": "date"})
Name = Annotated[str, Field(min_length=1, max_length=100)]


def _says_something(words: str) -> str:
    if re.search(r"\S", words) is None:
        raise ValueError("enter what to search for")
    return words


class Limited(BaseModel):
    """The size of a page."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(LIMIT, ge=1, le=MOST, description="Results per page.")


class Paging(Limited):
    """The page to return."""

    cursor: str = Field(
        "",
        max_length=100,
        description="`next` of the previous page. Repeat the other parameters; `limit` may differ.",
    )


class Narrowed(Limited):
    """Filters of a search."""

    project: list[Name] = Field(
        default_factory=list,
        max_length=VALUES,
        description="Only these projects, which the token must cover.",
    )
    game: list[Name] = Field(
        default_factory=list, max_length=VALUES, description="Only these games (components)."
    )
    status: list[Name] = Field(
        default_factory=list,
        max_length=VALUES,
        description="Only issues with these statuses in Jira.",
    )
    kind: list[Name] = Field(
        default_factory=list,
        max_length=VALUES,
        description="Only these kinds of bug, as in the results' `kinds`.",
    )
    since: Annotated[date | None, DAY] = Field(None, description="Created on this day or later.")
    until: Annotated[date | None, DAY] = Field(None, description="Created on this day or earlier.")

    def filters(self) -> Filters:
        """The filters without the page size."""
        return Filters.model_validate(self.model_dump(include=set(Filters.model_fields)))


class Question(Narrowed, Paging):
    """Filters of a search, and the page to return."""


class Words(Question):
    """A search by words."""

    q: Annotated[str, AfterValidator(_says_something)] = Field(
        min_length=1,
        max_length=LONGEST_WORDS,
        pattern=r"\S",
        description="What to search for, such as `car sinks into the road`.",
    )
    unlikely: bool = Field(
        False, description="Include unlikely matches, which are probably unrelated."
    )


class Results(BaseModel):
    """A page of results, best first; it may be empty. `next` is the cursor of the next page,
    null on the last page. `encoder` names the model and device that made the comparison."""

    results: list[Found]
    next: str | None
    encoder: str


class Similar(Results):
    """A page of issues that are similar to an issue. `state` is the state of its own clips:
    `indexing`, `ready`, `no_clips`, or `failed` if all of them failed. `reason` explains it, and is
    null for `ready`."""

    state: State
    reason: str | None


class Job(BaseModel):
    """The state of an uploaded clip, with `results` when it is `done`. `reason` says why it failed,
    or which part of it was left out."""

    id: str
    state: Literal["queued", "sampling", "embedding", "comparing", "done", "failed"]
    reason: str | None
    results: Results | None


class ClipIssue(BaseModel):
    """The issue that the clip is attached to."""

    key: str
    url: str
    summary: str


class Clip(FoundClip):
    """A clip. `media` is an address that works for five minutes and needs no token. Append
    `/video.mp4` if `video` is `ready`, or `/pictures/<milliseconds>.jpg` for a frame at one of
    `times`."""

    issue: ClipIssue
    media: str | None
    video: Literal["none", "preparing", "ready"]


class ClipIds(BaseModel):
    """The clips to return."""

    model_config = ConfigDict(extra="forbid")

    id: list[Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]] = Field(
        min_length=1, max_length=MOST, description="Clip ids."
    )


class Clips(BaseModel):
    """The requested clips that exist and that the caller may see."""

    clips: list[Clip]


class ClipCounts(BaseModel):
    """The number of clips in each state."""

    queued: int
    indexed: int
    failed: int
    purged: int


class QueueStatus(BaseModel):
    """A queue: the number of waiting jobs, and of workers that serve it."""

    name: str
    waiting: int
    workers: int


class IndexStatus(BaseModel):
    """The index of frames; `ready` says whether it is complete."""

    name: str
    algorithm: str
    frames: int
    ready: bool


class FailedClip(BaseModel):
    """A clip that failed, and the reason."""

    id: str
    filename: str
    issue: str = Field(description="The issue's key.")
    url: str
    reason: str


class NotedClip(BaseModel):
    """A clip that is only partly indexed: `note` says what was left out, and why. `sheet` is the
    address of its contact sheet, a JPEG of all its frames. It works for five minutes, and is
    null if the clip's frames are not kept or not shown."""

    id: str
    filename: str
    issue: str = Field(description="The issue's key.")
    url: str
    note: str
    sheet: str | None


class Status(BaseModel):
    """The status of the installation. `encoder` names the model and device. `scores` says which
    data the scores were learned from. `index` is null before a worker has loaded a model.
    `failed` lists up to 100 clips of the caller's projects, and `more_failed` counts the others.
    `noted` lists up to 50 of the newest partly indexed clips. All other numbers count the whole
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
    """The number of clips that were queued again."""

    queued: int


class Judgement(BaseModel):
    """Whether two issues are duplicates. The order of the pair does not matter."""

    model_config = ConfigDict(extra="forbid")

    other: str = Field(pattern=KEY_ALONE, description="The other issue's key.")
    same: StrictBool = Field(
        description="True: both show the same bug. False: never suggest one for the other again."
    )


class Recorded(BaseModel):
    """The verdict is recorded."""

    issue: str = Field(description="The issue's key.")
    other: str = Field(description="The other issue's key.")
    same: bool


class Problem(BaseModel):
    """An error: what went wrong, and what to change (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    trace: str | None = Field(None, description="Trace ID of the request in the service's log.")
