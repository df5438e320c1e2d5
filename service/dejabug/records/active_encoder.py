"""The encoder in use and the next one: two names in Redis, and the switch between them.

The switch is one transaction. Processes without a model follow it automatically. Workers with a
model keep working for their own encoder, whether it is in use or not.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import redis

from dejabug.index import text_of

# The encoder that answers searches. The first worker sets it; until then, it is the settings'.
SERVING = "dejabug:serving"
# The next encoder: new tickets are also indexed with it, while its index is being filled.
NEXT = "dejabug:serving-next"
# Seconds that a process caches the names.
KEPT = 1.0


class NotServingError(Exception):
    """The encoder to replace is no longer in use: someone else has switched."""


@dataclass(frozen=True)
class Roles:
    """The name of the active encoder, and of the candidate, if there is one."""

    active: str
    candidate: str | None = None


class ActiveEncoder:
    """The roles of encoders, cached for KEPT seconds.

    `usual`: the encoder of the settings, which is used if Redis has no name.
    """

    def __init__(self, connection: redis.Redis, usual: str) -> None:
        self._redis = connection
        self._usual = usual
        self._known = Roles(usual)
        self._read_at = float("-inf")

    def roles(self, *, now: bool = False) -> Roles:
        """The current roles; `now`: without the cache. Raises redis.RedisError."""
        if now or time.monotonic() - self._read_at > KEPT:
            serving, following = self._redis.mget(SERVING, NEXT)
            self._known = Roles(text_of(serving) or self._usual, text_of(following) or None)
            self._read_at = time.monotonic()
        return self._known

    def claim(self, name: str) -> None:
        """Use this encoder if none was ever in use: what an installation's first worker does."""
        self._redis.set(SERVING, name, nx=True)

    def prepare(self, name: str) -> None:
        """Have new tickets indexed with this encoder as well."""
        self._redis.set(NEXT, name)
        self.roles(now=True)

    def give_up(self) -> None:
        """Stop preparing the next encoder."""
        self._redis.delete(NEXT)
        self.roles(now=True)

    def swap(self, old: str, new: str, sets: Sequence[str] = ()) -> list[set[str]]:
        """Switch from `old` to `new`; returns the members of these sets at that moment.

        Raises NotServingError, with nothing changed, if `old` is not in use.
        """
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.watch(SERVING)  # type: ignore[no-untyped-call]
            if (text_of(pipe.get(SERVING)) or self._usual) != old:
                raise NotServingError(
                    f"{old} is no longer in use. Check with: dejabug encoder list, and try again"
                )
            pipe.multi()
            for key in sets:
                pipe.smembers(key)
            pipe.set(SERVING, new)
            pipe.delete(NEXT)
            try:
                answers = pipe.execute()
            except redis.WatchError:
                raise NotServingError(
                    "someone else has just switched the encoder. Check with: dejabug encoder list"
                ) from None
        self.roles(now=True)
        return [set(map(text_of, members)) for members in answers[: len(sets)]]
