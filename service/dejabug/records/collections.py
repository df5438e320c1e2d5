"""The collections of an installation, one for each encoder, and their roles."""

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

    `configured_name`: the encoder of the settings. `pinned`: treat this encoder as the active one,
    to measure it.
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
        """The name of the encoder in use."""
        return self._pinned or self.active_encoder.roles().active

    @property
    def active(self) -> Collection:
        """The collection of the encoder in use, which answers searches."""
        return self.get(self.active_name)

    @property
    def configured(self) -> Collection:
        """The collection of the settings' encoder, in use or not."""
        return self.get(self._configured)

    @property
    def receiving(self) -> list[Collection]:
        """The collections that index new tickets: the active one, then the next one, if any."""
        roles = self.active_encoder.roles()
        return [self.get(name) for name in (roles.active, roles.candidate) if name]

    def all(self) -> list[Collection]:
        """All collections, starting with those that index new tickets."""
        receiving = [collection.name for collection in self.receiving]
        return [
            self.get(name) for name in dict.fromkeys([*receiving, *known_encoders(self._redis)])
        ]

    def indexed(self) -> list[Collection]:
        """All collections that have indexes, since a worker has stored the length of the
        vectors."""
        return [collection for collection in self.all() if collection.knows_dimensions()]

    def get(self, name: str) -> Collection:
        """The collection of an encoder, by its name."""
        found = self._known.get(name)
        if found is None:
            found = Collection(self._redis, self.location, name, self._algorithm)
            self._known[name] = found
        return found

    def is_active(self, collection: Collection) -> bool:
        """Whether this collection is in use now."""
        return collection.name == self.active_encoder.roles(now=True).active

    # Facts about encoders, stored by workers

    def dimensions(self) -> dict[str, int]:
        """The vector lengths of all encoders that a worker has loaded here, by name."""
        found = self._redis.hgetall(DIMENSIONS)
        return {text_of(name): int(length) for name, length in found.items()}

    def note_encoder(self, name: str, dimensions: int, label: str) -> None:
        """Store an encoder's vector length and its label, for all processes."""
        self._redis.hset(DIMENSIONS, name, dimensions)
        self._redis.hset(LABELS, name, label)

    def adopt(self, encoder: Encoder) -> None:
        """Store the facts about a loaded model, for processes without it. Raises EncoderError if
        another model had the same name."""
        self._redis.hsetnx(DIMENSIONS, encoder.name, str(encoder.dimensions))
        known = int(self._redis.hget(DIMENSIONS, encoder.name) or 0)
        if known != encoder.dimensions:
            raise EncoderError(
                f"the stored vectors of {encoder.name} have {known} dimensions, but this model "
                f"makes {encoder.dimensions}: it is another model with the same name. Rename its "
                "folder, or delete the old vectors with: dejabug encoder forget "
                f"'{encoder.name}'"
            )
        self._redis.hset(LABELS, encoder.name, encoder.label)
        if not self._redis.hexists(ORIGINS, encoder.name):
            both = np.concatenate(origins_of(encoder))
            self._redis.hset(ORIGINS, encoder.name, both.astype(np.float32).tobytes())
