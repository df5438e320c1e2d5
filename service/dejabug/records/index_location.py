"""Which Redis holds the vectors: the one of the queues, or a separate one. Both store this, so that
a wrong setting is noticed before vectors are written or missed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

import redis

from dejabug.index import IndexUnavailableError, text_of
from dejabug.records.catalogue import Catalogue
from dejabug.records.types import ClipStatus

# In the queues' Redis: the name of the Redis that holds the vectors. In the vectors' Redis: its own
# name.
HOME = "dejabug:index-home"
NAME = "dejabug:index-name"
# Encoders' names → the length of their vectors, stored by the workers that loaded them.
DIMENSIONS = "dejabug:dimensions"
# Encoders' names → the run id of the vectors' Redis when their index was last compared with the
# records.
COMPARED = "dejabug:index-compared"

WHAT_TO_DO = (
    "To move the vectors from DEJABUG_REDIS_URL, run `dejabug index move`. If the old vectors are "
    "lost, run `dejabug index adopt`. See docs/how-to/separate-redis.md"
)


class WrongIndexError(IndexUnavailableError):
    """This is not the Redis that holds the installation's vectors."""


@dataclass(frozen=True)
class IndexLocation:
    """The queues' Redis `main` and the vectors' Redis `index`, which can be the same."""

    main: redis.Redis
    index: redis.Redis
    _sure: list[bool] = field(default_factory=list)

    @property
    def apart(self) -> bool:
        """Whether the vectors have a separate Redis."""
        return self.index is not self.main

    def connection(self) -> redis.Redis:
        """The vectors' Redis; the first call checks that it is the right one. Raises
        WrongIndexError, and redis.RedisError if one of the two does not answer."""
        if not self._sure:
            self._agree()
            self._sure.append(True)
        return self.index

    def holds(self) -> bool:
        """Whether both agree that the vectors are in this Redis."""
        home = self.main.get(HOME)
        return home is not None and self.index.get(NAME) == home

    def is_at_main(self) -> bool:
        """Whether the vectors are in the Redis of the queues."""
        return self.main.get(HOME) == self.main.get(NAME)

    def is_used(self) -> bool:
        """Whether any installation keeps its vectors in this Redis."""
        return self.index.get(NAME) is not None

    def adopt(self) -> None:
        """Keep the vectors in this Redis from now on, wherever they were. Raises
        redis.RedisError."""
        name = uuid.uuid4().hex
        # In this order: if interrupted in between, the wrong Redis is not taken for the right one.
        self.index.set(NAME, name)
        self.main.set(HOME, name)

    def _agree(self) -> None:
        if self.holds():
            return
        home, name = self.main.get(HOME), self.index.get(NAME)
        together = home is None and not self.apart  # an earlier version stored no name
        if name is None and (together or not self.expects_vectors()):
            self.main.set(HOME, uuid.uuid4().hex, nx=True)
            home = self.main.get(HOME)
            self.index.set(NAME, text_of(home), nx=True)
            name = self.index.get(NAME)
        if home != name:
            raise WrongIndexError(self._trouble(home is not None, name is not None))

    def expects_vectors(self) -> bool:
        """Whether the records list a clip or a ticket as indexed."""
        for encoder in map(text_of, self.main.hkeys(DIMENSIONS)):
            catalogue = Catalogue(self.main, encoder)
            if catalogue.count(ClipStatus.INDEXED) or any(catalogue.words_done()):
                return True
        return False

    def _trouble(self, known: bool, used: bool) -> str:
        where = "DEJABUG_INDEX_REDIS_URL" if self.apart else "DEJABUG_REDIS_URL"
        if known and not self.apart:
            why = (
                "this installation's vectors are in a separate Redis. Set "
                "DEJABUG_INDEX_REDIS_URL to the same value as in the other processes"
            )
        elif not used:
            why = f"the Redis in {where} has none of this installation's vectors"
        elif not known:
            why = f"the Redis in {where} has the vectors of another installation"
        else:
            why = f"the Redis in {where} is not the one that holds this installation's vectors"
        return f"{why}. {WHAT_TO_DO}"
