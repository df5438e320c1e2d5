"""Which Redis holds the vectors: the one of the queues, or one of their own. Both sides remember
it, so that vectors are neither put into another one nor missed in silence."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

import redis

from dejabug.index import IndexUnavailableError, text_of
from dejabug.records.catalogue import Catalogue
from dejabug.records.types import ClipStatus

# In the queues' Redis: the name of the Redis that holds the vectors. In that one: its own name.
HOME = "dejabug:index-home"
NAME = "dejabug:index-name"
# Encoders' names → the length of their vectors, as the workers that loaded them have told.
DIMENSIONS = "dejabug:dimensions"
# Encoders' names → the start of the vectors' Redis under which their index was last compared with
# the records.
COMPARED = "dejabug:index-compared"

WHAT_TO_DO = (
    "docs/how-to/separate-redis.md says what to do: "
    "`dejabug index move` takes them over from the Redis of the queues, `dejabug index adopt` "
    "begins with what is there"
)


class WrongIndexError(IndexUnavailableError):
    """This Redis is not the one that holds the installation's vectors."""


@dataclass(frozen=True)
class IndexLocation:
    """The queues' Redis `main` and the vectors' Redis `index`; they may be one and the same."""

    main: redis.Redis
    index: redis.Redis
    _sure: list[bool] = field(default_factory=list)

    @property
    def apart(self) -> bool:
        """Whether the vectors have a Redis of their own."""
        return self.index is not self.main

    def connection(self) -> redis.Redis:
        """The vectors' Redis, after both sides agreed once that it is. Raises WrongIndexError, and
        redis.RedisError when one of them is away."""
        if not self._sure:
            self._agree()
            self._sure.append(True)
        return self.index

    def holds(self) -> bool:
        """Whether both sides say that the vectors are in this Redis."""
        home = self.main.get(HOME)
        return home is not None and self.index.get(NAME) == home

    def is_at_main(self) -> bool:
        """Whether the vectors are in the Redis of the queues."""
        return self.main.get(HOME) == self.main.get(NAME)

    def is_used(self) -> bool:
        """Whether some installation keeps its vectors in this Redis."""
        return self.index.get(NAME) is not None

    def adopt(self) -> None:
        """From now on the vectors are in this Redis, whatever was so before. Raises
        redis.RedisError."""
        name = uuid.uuid4().hex
        # In this order: interrupted in between, nobody takes the wrong one for the right one.
        self.index.set(NAME, name)
        self.main.set(HOME, name)

    def _agree(self) -> None:
        if self.holds():
            return
        home, name = self.main.get(HOME), self.index.get(NAME)
        together = home is None and not self.apart  # as it was before there was a choice
        if name is None and (together or not self.expects_vectors()):
            self.main.set(HOME, uuid.uuid4().hex, nx=True)
            home = self.main.get(HOME)
            self.index.set(NAME, text_of(home), nx=True)
            name = self.index.get(NAME)
        if home != name:
            raise WrongIndexError(self._trouble(home is not None, name is not None))

    def expects_vectors(self) -> bool:
        """Whether a clip or a ticket is said to be in the index."""
        for encoder in map(text_of, self.main.hkeys(DIMENSIONS)):
            catalogue = Catalogue(self.main, encoder)
            if catalogue.count(ClipStatus.INDEXED) or any(catalogue.words_done()):
                return True
        return False

    def _trouble(self, known: bool, used: bool) -> str:
        where = "DEJABUG_INDEX_REDIS_URL" if self.apart else "DEJABUG_REDIS_URL"
        if known and not self.apart:
            why = (
                "this installation's vectors have a Redis of their own: set "
                "DEJABUG_INDEX_REDIS_URL as its other processes have it"
            )
        elif not used:
            why = f"the Redis of {where} holds none of the vectors that this installation has"
        elif not known:
            why = f"the Redis of {where} holds the vectors of another installation"
        else:
            why = f"the Redis of {where} is not the one that holds this installation's vectors"
        return f"{why}. {WHAT_TO_DO}"
