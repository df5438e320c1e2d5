"""Clips of other issues that are the same file as a clip, byte for byte.

Such a pair needs no ranking: its score is 1, whatever is searched and whatever is in the
collection. Both clips must be indexed under the active encoder. A file that could not be read, or
shows nothing, has no duplicate: empty files and blank images are the same bytes on tickets that
have nothing in common.
"""

from __future__ import annotations

from collections.abc import Collection as Some
from collections.abc import Iterable, Sequence

from dejabug.ranking import Floats, Moment
from dejabug.records.collection import Collection
from dejabug.records.types import ClipRecord
from dejabug.retrieval.pairs import PairMatch

# The score of a pair of the same bytes.
SAME_FILE = 1.0


def twins_of(
    collection: Collection, content: str, projects: Some[str], *, without_issue: str = ""
) -> list[ClipRecord]:
    """The clips in these projects whose file has this SHA-256, except those of one issue."""
    if not content:
        return []
    found = [clip for clip in collection.catalogue.twins(content) if clip.issue_id != without_issue]
    places = collection.index.places(clip.id for clip in found)
    return [clip for clip in found if clip.id in places and places[clip.id].project in projects]


def same_file_pairs(clip_id: str, twins: Iterable[ClipRecord], times: Floats) -> list[PairMatch]:
    """A clip's pairs with its duplicate files. `times` float32 [n] are its frames' times, in
    seconds: the middle one represents the whole clip."""
    middle = round(float(times[len(times) // 2]), 3) if len(times) else 0.0
    return [
        PairMatch(
            clip_id,
            twin.id,
            twin.issue_id,
            SAME_FILE,
            (Moment(0.0, twin.duration, 0.0, twin.duration, middle, middle, 1.0),),
            same_file=True,
        )
        for twin in twins
    ]


def same_files_first(pairs: Sequence[PairMatch]) -> int:
    """How many pairs of the same file a ranking begins with."""
    return next((n for n, pair in enumerate(pairs) if not pair.same_file), len(pairs))
