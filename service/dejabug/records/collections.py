"""The collections of an installation, one for each encoder, and which of them counts for what."""

from __future__ import annotations

from typing import Literal

import numpy as np
import redis

from dejabug.encoders import Encoder, EncoderError, origins_of
from dejabug.index import text_of
from dejabug.records.active_encoder import ActiveEncoder
from dejabug.records.collection import LABELS, ORIGINS, Collection, known_encoders
from dejabug.records.index_location import DIMENSIONS, IndexLocation


class Collections:
    """Collections by their encoder's name, each opened once.

    `configured_name` is the encoder of the settings. `pinned` is the one that counts here whichever
    is active: for measuring it.
    """

    def __init__(
        self,
        connection: redis.Redis,
        location: IndexLocation,
        algorithm: Literal["auto", "flat", "hnsw"],
        configured_name: str,
        pinned: str | None = None,
    ) -> None:
        self._redis = connection
        self.location = location
        self._algorithm = algorithm
        self._configured = configured_name
        self._pinned = pinned
        self._known: dict[str, Collection] = {}
        self.active_encoder = ActiveEncoder(connection, configured_name)

    @property
    def active_name(self) -> str:
        """The name of the encoder that answers."""
        return self._pinned or self.active_encoder.roles().active

    @property
    def active(self) -> Collection:
        """What answers are made of: the collection of the active encoder."""
        return self.get(self.active_name)

    @property
    def configured(self) -> Collection:
        """The collection of the settings' encoder, active or not: what its model works for."""
        return self.get(self._configured)

    @property
    def receiving(self) -> list[Collection]:
        """What new tickets go into: the active collection, then the candidate, if there is one."""
        roles = self.active_encoder.roles()
        return [self.get(name) for name in (roles.active, roles.candidate) if name]

    def all(self) -> list[Collection]:
        """Every collection there is, those that receive tickets first."""
        receiving = [collection.name for collection in self.receiving]
        return [
            self.get(name) for name in dict.fromkeys([*receiving, *known_encoders(self._redis)])
        ]

    def indexed(self) -> list[Collection]:
        """Every collection that has indexes, since a worker has told how long its vectors are."""
        return [collection for collection in self.all() if collection.knows_dimensions()]

    def get(self, name: str) -> Collection:
        """The collection of an encoder, by its name."""
        found = self._known.get(name)
        if found is None:
            found = Collection(self._redis, self.location, name, self._algorithm)
            self._known[name] = found
        return found

    def is_active(self, collection: Collection) -> bool:
        """Whether this collection answers, as of this moment."""
        return collection.name == self.active_encoder.roles(now=True).active

    # What workers tell of their encoders

    def dimensions(self) -> dict[str, int]:
        """The lengths of vectors of all encoders that a worker has ever loaded here, by name."""
        found = self._redis.hgetall(DIMENSIONS)
        return {text_of(name): int(length) for name, length in found.items()}

    def note_encoder(self, name: str, dimensions: int, label: str) -> None:
        """Note an encoder's vectors' length, and its label for people, for all processes."""
        self._redis.hset(DIMENSIONS, name, dimensions)
        self._redis.hset(LABELS, name, label)

    def adopt(self, encoder: Encoder) -> None:
        """Note a loaded model, for processes without it. Raises EncoderError when another model
        went by the same name."""
        self._redis.hsetnx(DIMENSIONS, encoder.name, str(encoder.dimensions))
        known = int(self._redis.hget(DIMENSIONS, encoder.name) or 0)
        if known != encoder.dimensions:
            raise EncoderError(
                f"the vectors of {encoder.name} had {known} numbers, and this model gives "
                f"{encoder.dimensions}: another model goes by the same name. Give its folder "
                f"another name, or forget the old vectors: dejabug encoder forget '{encoder.name}'"
            )
        self._redis.hset(LABELS, encoder.name, encoder.label)
        if not self._redis.hexists(ORIGINS, encoder.name):
            both = np.concatenate(origins_of(encoder))
            self._redis.hset(ORIGINS, encoder.name, both.astype(np.float32).tobytes())
