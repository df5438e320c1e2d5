"""All data of one encoder: its indexes, its records of clips, its throughput.

Vectors of two encoders are never mixed: each encoder has its own collection, and several
collections exist in parallel while one replaces another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from redis import Redis

from dejabug.encoders.origins import shipped_origins
from dejabug.index import FrameIndex, IndexUnavailableError, TicketIndex, slug_of, text_of
from dejabug.ranking import Calibrations, Origins
from dejabug.records.catalogue import Catalogue
from dejabug.records.index_location import COMPARED, DIMENSIONS, IndexLocation
from dejabug.records.learned_parameters import LearnedParameters, read_learned
from dejabug.records.throughput import Throughput

# Encoders' names → model, precision and device, for people; stored by the workers that loaded them.
LABELS = "dejabug:labels"
# Encoders' names → their origins, measured by the first worker that loaded each: the images' and
# then the texts', as float32.
ORIGINS = "dejabug:origins"
# Keys per round trip.
SCANNED = 1000


@dataclass(frozen=True)
class Collection:
    """The data of the encoder `name`; each part is opened when it is first used."""

    redis: Redis
    home: IndexLocation
    name: str
    algorithm: Literal["auto", "flat", "hnsw"]

    @property
    def slug(self) -> str:
        """The name, as used in keys."""
        return slug_of(self.name)

    @cached_property
    def index(self) -> FrameIndex:
        """The index of frames. Raises IndexUnavailableError until a worker has loaded the model and
        stored the length of its vectors."""
        return FrameIndex(
            self.home.connection(), self.name, self.dimensions, algorithm=self.algorithm
        )

    @cached_property
    def tickets(self) -> TicketIndex:
        """The index of ticket texts. Raises like `index`."""
        return TicketIndex(self.home.connection(), self.name, self.dimensions)

    @cached_property
    def catalogue(self) -> Catalogue:
        """Records of issues, and of this encoder's clips."""
        return Catalogue(self.redis, self.name)

    @cached_property
    def throughput(self) -> Throughput:
        """How fast clips are indexed here."""
        return Throughput(self.redis, self.name)

    def learned(self) -> LearnedParameters:
        """The weights learned from the studio's duplicates."""
        return read_learned(self.redis, self.name)

    @property
    def calibrations(self) -> Calibrations:
        """The calibrations in use."""
        return self.learned().in_force()

    def own_queue(self, name: str) -> str:
        """The queue of this encoder's workers on `name`, whether the encoder is in use or not."""
        return f"{name}@{self.slug}"

    def knows_dimensions(self) -> bool:
        """Whether a worker has stored the length of the vectors, so that there are indexes."""
        return bool(self.redis.hexists(DIMENSIONS, self.name))

    def label(self) -> str:
        """The model, precision and device in use, for people; stored by the worker."""
        label = self.redis.hget(LABELS, self.name)
        return label.decode() if isinstance(label, bytes) else "no encoder loaded yet"

    def origins(self) -> Origins:
        """The origins of the vectors: bundled with the package, or measured by a worker; zeros
        until then. Raises IndexUnavailableError like `dimensions`."""
        kept = self._measured.get("origins")
        if kept is None:
            both = shipped_origins(self.name, self.dimensions)
            measured = self.redis.hget(ORIGINS, self.name) if both is None else None
            if isinstance(measured, bytes):
                pictures, words = np.frombuffer(measured, np.float32).reshape(2, -1)
                both = pictures, words
            if both is None:
                nothing = np.zeros(self.dimensions, np.float32)
                return Origins(nothing, nothing)
            kept = self._measured["origins"] = Origins(*both)
        return kept

    @cached_property
    def _measured(self) -> dict[str, Origins]:
        return {}

    def take_away(self) -> Iterator[int]:
        """Delete all keys of this collection in batches; yields the size of each."""
        for connection in dict.fromkeys((self.redis, self.home.connection())):
            for keys in self._keys_in(connection):
                yield int(connection.unlink(*keys))

    def _keys_in(self, connection: Redis) -> Iterator[list[bytes]]:
        found: list[bytes] = []
        ends, inside = f":{self.slug}".encode(), f":{self.slug}:".encode()
        for key in connection.scan_iter(f"dejabug:*:{self.slug}*", count=SCANNED):
            if key.endswith(ends) or inside in key:
                found.append(key)
            if len(found) >= SCANNED:
                yield found
                found = []
        if found:
            yield found

    def forget_name(self) -> None:
        """Forget this encoder's name, after all its keys were deleted."""
        self.redis.hdel(DIMENSIONS, self.name)
        self.redis.hdel(LABELS, self.name)
        self.redis.hdel(ORIGINS, self.name)
        self.redis.hdel(COMPARED, self.name)

    @property
    def dimensions(self) -> int:
        """The length of the vectors. Raises IndexUnavailableError."""
        dimensions = self.redis.hget(DIMENSIONS, self.name)
        if dimensions is None:
            raise IndexUnavailableError(
                f"no worker has loaded the encoder {self.name} yet. Start one with: "
                "dejabug worker search clips"
            )
        return int(dimensions)


def known_encoders(connection: Redis) -> list[str]:
    """The names of all encoders that a worker has loaded here, except deleted ones."""
    return sorted(text_of(name) for name in connection.hkeys(DIMENSIONS))
