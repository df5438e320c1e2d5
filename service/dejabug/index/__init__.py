"""Vector search in Redis over frames and ticket texts. The only package with search commands."""

from __future__ import annotations

from dejabug.index.completeness import IndexUnavailableError
from dejabug.index.frames import FrameIndex
from dejabug.index.hnsw import FLAT_LIMIT
from dejabug.index.moving import copy_vectors, count_vectors, remove_vectors
from dejabug.index.queries import (
    BadVectorsError,
    OtherModelError,
    drop_indexes,
    escape_tag,
    slug_of,
    text_of,
)
from dejabug.index.signatures import MOST_PICTURES
from dejabug.index.tickets import Said, TicketIndex
from dejabug.index.types import ClipLocation, IndexState

__all__ = [
    "FLAT_LIMIT",
    "MOST_PICTURES",
    "BadVectorsError",
    "ClipLocation",
    "FrameIndex",
    "IndexState",
    "IndexUnavailableError",
    "OtherModelError",
    "Said",
    "TicketIndex",
    "copy_vectors",
    "count_vectors",
    "drop_indexes",
    "escape_tag",
    "remove_vectors",
    "slug_of",
    "text_of",
]
