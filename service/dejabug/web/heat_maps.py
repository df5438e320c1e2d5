"""Heat maps of two clips at a moment, for those who were found to see both."""

from __future__ import annotations

from collections.abc import Mapping
from threading import BoundedSemaphore
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from dejabug.records.types import ClipRecord
from dejabug.retrieval.heat_maps import Spot
from dejabug.search.questions import SearchFailedError
from dejabug.services import Services

# Each waits for a worker and takes its time: others' requests need the threads.
AT_ONCE = BoundedSemaphore(2)
# Seconds of a time at most: eleven days.
LONGEST = 1e6
ClipId = Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]
Seconds = Annotated[float, Field(ge=0, le=LONGEST)]


class HeatMapPair(BaseModel):
    """Which two clips, and when."""

    model_config = ConfigDict(extra="forbid")

    here: ClipId = Field(description="One clip's id.")
    here_at: Seconds = Field(description="A time of it in seconds; the nearest picture counts.")
    there: ClipId = Field(description="The other clip's id.")
    there_at: Seconds = Field(description="A time of that one.")


class HeatMap(BaseModel):
    """What is drawn over one picture: `at` is its time in seconds, `width` and `height` its size in
    pixels. The maps are rows of numbers from 0 to 1, from the top left, for patches that cover all
    of it. `matching`: by how much more a patch is like one of the other picture than is usual;
    `unusual`: how little it is like other tickets' clips of its project, null where `reason` says
    why that is not known."""

    at: float
    width: int
    height: int
    matching: list[list[float]]
    unusual: list[list[float]] | None
    reason: str | None


class HeatMaps(BaseModel):
    """Both pictures' heat maps. They illustrate; no score rests on them."""

    here: HeatMap
    there: HeatMap


def spots(services: Services, asked: HeatMapPair, clips: Mapping[str, ClipRecord]) -> list[Spot]:
    """The pictures nearest to what was asked, of `here` and `there`; fewer than two where a clip
    is not among those that may be seen, or no picture of it is kept and shown."""
    found = []
    for clip_id, at in ((asked.here, asked.here_at), (asked.there, asked.there_at)):
        clip = clips.get(clip_id)
        if clip is None or clip.unshown or not services.settings.shows_media:
            continue
        away = [(abs(time - at), time) for time in services.media.thumbnails.times(clip_id)]
        if away:
            found.append(Spot(clip_id, min(away)[1]))
    return found


def heat_maps_at(services: Services, here: Spot, there: Spot) -> HeatMaps:
    """Have a worker draw them. Raises SearchFailedError, also while too many wait."""
    if not AT_ONCE.acquire(blocking=False):
        raise SearchFailedError("other heat maps are being drawn; try again in a moment")
    try:
        return HeatMaps.model_validate(services.questions.heat_maps(here, there))
    finally:
        AT_ONCE.release()
