"""Sign-ins that are under way: what must be the same when a browser comes back from the provider.

They are kept in Redis for the time that a person needs to type a password and a code, under the
digest of a random id that only this browser has, in a cookie. Nobody else's browser can end what
this one began, nor be made to end it (RFC 9700, 4.7), and each ends once.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass, field

import redis

# Seconds that somebody may take at the provider.
LASTS = 600


@dataclass(frozen=True)
class Attempt:
    """What was sent along, and `back`, the page that was wanted, as the browser wrote it."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    back: str


@dataclass(frozen=True)
class Attempts:
    """The sign-ins of an installation that are under way."""

    connection: redis.Redis

    def begin(self, attempt: Attempt) -> str:
        """Keep an attempt; the id for its browser."""
        browser = secrets.token_urlsafe(32)
        self.connection.set(_key(browser), json.dumps(asdict(attempt)), ex=LASTS)
        return browser

    def end(self, browser: str) -> Attempt | None:
        """The attempt of the browser with this id, which is over from now on."""
        kept = self.connection.getdel(_key(browser)) if browser else None
        return Attempt(**json.loads(kept)) if isinstance(kept, bytes) else None


def _key(browser: str) -> str:
    return f"dejabug:sign-in:{hashlib.sha256(browser.encode()).hexdigest()}"
