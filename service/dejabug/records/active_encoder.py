"""Which encoder answers, and which one is being prepared to: two names in Redis, and their swap.

The swap is one transaction. Processes without a model follow it by themselves; workers with one
work for their own encoder, whatever it is just now.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import redis

from dejabug.index import text_of

# The encoder that answers. Its first worker sets it; until then it is the settings'.
SERVING = "dejabug:serving"
# The encoder that new tickets are embedded under as well, while its index is filled.
NEXT = "dejabug:serving-next"
# Seconds that a process may go on by the names that it read last.
KEPT = 1.0


class NotServingError(Exception):
    """The encoder that was to be replaced does not serve any more: somebody else has swapped."""


@dataclass(frozen=True)
class Roles:
    """The name of the active encoder, and of the candidate, if there is one."""

    active: str
    candidate: str | None = None


class ActiveEncoder:
    """The roles of encoders, as one process knows them: KEPT seconds old at most.

    `usual` is the name that the settings give: it serves where nothing was ever said.
    """

    def __init__(self, connection: redis.Redis, usual: str) -> None:
        self._redis = connection
        self._usual = usual
        self._known = Roles(usual)
        self._read_at = float("-inf")

    def roles(self, *, now: bool = False) -> Roles:
        """Which encoders have which role; `now`: as of this moment. Raises redis.RedisError."""
        if now or time.monotonic() - self._read_at > KEPT:
            serving, following = self._redis.mget(SERVING, NEXT)
            self._known = Roles(text_of(serving) or self._usual, text_of(following) or None)
            self._read_at = time.monotonic()
        return self._known

    def claim(self, name: str) -> None:
        """Serve, where no encoder has ever served: what an installation's first worker does."""
        self._redis.set(SERVING, name, nx=True)

    def prepare(self, name: str) -> None:
        """Have new tickets embedded under this encoder as well."""
        self._redis.set(NEXT, name)
        self.roles(now=True)

    def give_up(self) -> None:
        """Make no encoder ready any more."""
        self._redis.delete(NEXT)
        self.roles(now=True)

    def swap(self, old: str, new: str, sets: Sequence[str] = ()) -> list[set[str]]:
        """Let `new` serve in place of `old`; the members of these sets in that very moment.

        Raises NotServingError, with nothing changed, when `old` does not serve.
        """
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.watch(SERVING)  # type: ignore[no-untyped-call]
            if (text_of(pipe.get(SERVING)) or self._usual) != old:
                raise NotServingError(f"{old} does not serve any more; look at who does, and again")
            pipe.multi()
            for key in sets:
                pipe.smembers(key)
            pipe.set(SERVING, new)
            pipe.delete(NEXT)
            try:
                answers = pipe.execute()
            except redis.WatchError:
                raise NotServingError("somebody else has swapped in this moment") from None
        self.roles(now=True)
        return [set(map(text_of, members)) for members in answers[: len(sets)]]
