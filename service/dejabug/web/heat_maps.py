"""Heat maps of two frames. Callers check first that the user may see both clips."""

from __future__ import annotations

from collections.abc import Mapping
from threading import BoundedSemaphore
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from dejabug.records.types import ClipRecord
from dejabug.retrieval.heat_maps import Spot
from dejabug.search.questions import SearchFailedError
from dejabug.services import Services

# Heat maps drawn at once: each one occupies a thread, and other requests need threads too.
AT_ONCE = BoundedSemaphore(2)
# The largest time, in seconds: eleven days.
LONGEST = 1e6
ClipId = Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]
Seconds = Annotated[float, Field(ge=0, le=LONGEST)]


class HeatMapPair(BaseModel):
    """Two clips, and a time of each."""

    model_config = ConfigDict(extra="forbid")

    here: ClipId = Field(description="Id of one clip.")
    here_at: Seconds = Field(
        description="Time in that clip, in seconds; the nearest kept frame is used."
    )
    there: ClipId = Field(description="Id of the other clip.")
    there_at: Seconds = Field(description="Time in the other clip, in seconds.")


class HeatMap(BaseModel):
    """The heat maps of one frame. `at` is its time in seconds, `width` and `height` its size in
    pixels. The maps are rows of numbers from 0 to 1, from the top left, for patches that cover
    the whole frame. `matching`: how much more similar a patch is to the other frame than is
    usual. `unusual`: how different it is from the clips of other tickets of its project; null if
    that is not known, and `reason` says why."""

    at: float
    width: int
    height: int
    matching: list[list[float]]
    unusual: list[list[float]] | None
    reason: str | None


class HeatMaps(BaseModel):
    """The heat maps of both frames. They are illustrations; scores do not depend on them."""

    here: HeatMap
    there: HeatMap


def spots(services: Services, asked: HeatMapPair, clips: Mapping[str, ClipRecord]) -> list[Spot]:
    """The frames nearest to the requested times, of `here` and `there`. Fewer than two if a clip is
    not in `clips`, which are those that the user may see, or has no frames to show."""
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
    """Have a worker draw the heat maps. Raises SearchFailedError, also if too many are waiting."""
    if not AT_ONCE.acquire(blocking=False):
        raise SearchFailedError("other heat maps are being drawn; try again in a moment")
    try:
        return HeatMaps.model_validate(services.questions.heat_maps(here, there))
    finally:
        AT_ONCE.release()
