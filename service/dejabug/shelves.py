"""What belongs to one encoder: its clips' records, its frames, its tickets' words. A new encoder
gets a shelf of its own beside the old one's (promise 6)."""

from __future__ import annotations

from dataclasses import dataclass

from dejabug.catalogue import Catalogue
from dejabug.index import FrameIndex, TicketIndex
from dejabug.rooms import Rooms


@dataclass(frozen=True)
class Shelf:
    """All that is kept under an encoder's name; `dimensions` is the length of its vectors."""

    encoder: str
    dimensions: int
    catalogue: Catalogue
    frames: FrameIndex
    tickets: TicketIndex


def shelf(place: Rooms, encoder: str, dimensions: int) -> Shelf:
    """An encoder's shelf, made if there is none yet. Raises BadVectorsError where its vectors have
    another length."""
    algorithm = place.settings.index_algorithm
    return Shelf(
        encoder,
        dimensions,
        Catalogue(place.redis, encoder),
        FrameIndex(place.redis, encoder, dimensions, algorithm=algorithm),
        TicketIndex(place.redis, encoder, dimensions),
    )


def shelves(place: Rooms) -> list[Shelf]:
    """The shelves of all encoders that a worker has ever loaded here."""
    return [shelf(place, name, length) for name, length in sorted(place.dimensions().items())]
