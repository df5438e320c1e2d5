"""Heat maps of what two clips have in common at a matching moment, and of what is unusual there.

Made from the stored thumbnails, by a process with the model, for people who compare both clips.
They only illustrate: no score uses them. What is usual in a project comes from clips of other
tickets that everybody with access to the project can see, and from no others.
"""

from __future__ import annotations

import io
from collections.abc import Collection as Container
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
from PIL import Image

from dejabug import ranking
from dejabug.encoders import Encoder, Floats, patch_origin
from dejabug.media_store.store import MediaStore
from dejabug.records.collection import Collection
from dejabug.records.collections import Collections

# How many other tickets' clips are searched, and how many of their thumbnails are compared, for
# each of the two clips.
CANDIDATES = 12
COMPARED = 6
NOTHING_USUAL = "Unknown: its project has no clips of other tickets yet to compare this one with."


class NoPictureError(Exception):
    """A thumbnail does not exist, or no longer; the message names the clip."""


@dataclass(frozen=True)
class Spot:
    """A clip and a time in it, in seconds, for which a thumbnail exists."""

    clip: str
    at: float


@dataclass(frozen=True)
class Seen:
    """A thumbnail: its width and height in pixels, and its patches, float32 [rows, columns, d]."""

    size: tuple[int, int]
    patches: Floats


class HeatMaps:
    """Draws heat maps over two clips' thumbnails."""

    def __init__(self, encoder: Encoder, collections: Collections, media: MediaStore) -> None:
        self._encoder = encoder
        self._collections = collections
        self._media = media

    @cached_property
    def _origin(self) -> Floats:
        """The patches' origin, float32 [d]; measured at first use. Raises EncoderError for a model
        that has no patches."""
        return patch_origin(self._encoder)

    def draw(self, here: Spot, there: Spot) -> dict[str, dict[str, Any]]:
        """Two spots → by `here` and `there` what to draw over each thumbnail, as JSON: the time,
        the thumbnail's size in pixels, and rows of numbers from 0 to 1, from its top left:
        `matching`, and `unusual`, which is None if `reason` says why.

        Embeds at most 2 + 2 * COMPARED thumbnails. Raises NoPictureError, StoreAwayError,
        IndexUnavailableError, and EncoderError for a model that has no patches.
        """
        collection = self._collections.configured
        spots = {"here": here, "there": there}
        pair = collection.catalogue.clips([here.clip, there.clip])
        issues = {clip.issue_id for clip in pair.values()}
        seen = {side: self._seen(spot) for side, spot in spots.items()}
        alike = ranking.likeness_of_patches(seen["here"].patches, seen["there"].patches)
        return {
            side: {
                "at": spots[side].at,
                "width": seen[side].size[0],
                "height": seen[side].size[1],
                **self._maps(collection, spots[side], seen[side], likeness, issues),
            }
            for side, likeness in zip(spots, alike, strict=True)
        }

    def _maps(
        self,
        collection: Collection,
        spot: Spot,
        seen: Seen,
        likeness: Floats,
        issues: Container[str],
    ) -> dict[str, Any]:
        others = [
            each.patches
            for each in islice(self._usual_pictures(collection, spot, issues), COMPARED)
        ]
        usual = ranking.usual_of_patches(seen.patches, others)
        return {
            "matching": _rows(ranking.matching(likeness, usual)),
            "unusual": None if usual is None else _rows(ranking.unusual(usual)),
            "reason": NOTHING_USUAL if usual is None else None,
        }

    def _usual_pictures(
        self, collection: Collection, spot: Spot, issues: Container[str]
    ) -> Iterator[Seen]:
        """Thumbnails of other tickets' clips, the one most similar to the spot first, one per
        ticket."""
        neighbours = list(islice(_open_neighbours(collection, spot.clip, issues), CANDIDATES))
        vectors = collection.index.clip_vectors([spot.clip, *neighbours])
        own = vectors.pop(spot.clip, None)
        if own is None:
            return
        origin = collection.origins().pictures
        frame = int(np.abs(own.times - spot.at).argmin())
        mine = ranking.centre(own.vectors[[frame]], origin)[0]
        nearest = []
        for clip_id, each in vectors.items():
            cosines = ranking.centre(each.vectors, origin) @ mine
            best = int(cosines.argmax())
            nearest.append((-float(cosines[best]), clip_id, float(each.times[best])))
        for _, clip_id, at in sorted(nearest):
            try:
                yield self._seen(Spot(clip_id, at))
            except NoPictureError:  # purged, or from a time before this version
                continue

    def _seen(self, spot: Spot) -> Seen:
        data = self._media.thumbnails.read(spot.clip, spot.at)
        if data is None:
            raise NoPictureError(
                f"the thumbnail of clip {spot.clip} at {spot.at:g} s no longer exists"
            )
        try:
            pixels = np.array(Image.open(io.BytesIO(data)).convert("RGB"))
        except OSError as error:
            raise NoPictureError(f"a thumbnail of clip {spot.clip} is damaged") from error
        (patches,) = self._encoder.embed_patches(pixels[None])
        height, width = pixels.shape[:2]
        return Seen((width, height), ranking.centre_patches(patches, self._origin))


def _open_neighbours(collection: Collection, clip_id: str, issues: Container[str]) -> Iterator[str]:
    """The clips nearest to one, of other tickets of its project than `issues`, one per ticket, that
    everybody with access to the project can see, according to both the index and the records."""
    where = collection.index.places([clip_id]).get(clip_id)
    if where is None:
        return
    near = collection.index.neighbours.open_near(clip_id, where.project)
    places, clips = collection.index.places(near), collection.catalogue.clips(near)
    taken = set(issues)
    for other in near:
        there, clip = places.get(other), clips.get(other)
        if there is None or clip is None or clip.unshown or there.issue_id in taken:
            continue
        issue = collection.catalogue.issue(there.issue_id)
        if issue is None or issue.restricted or there.restricted or issue.project != where.project:
            continue
        taken.add(there.issue_id)
        yield other


def _rows(grid: Floats) -> list[list[float]]:
    return [[round(value, 2) for value in row] for row in grid.tolist()]
