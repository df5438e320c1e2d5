"""Sign-ins in progress: values that must be the same when the browser returns from the provider.

They are kept in Redis for the time that a person needs to type a password and a code. The key is
the digest of a random id that only this browser has, in a cookie. So no other browser can finish
this sign-in, or be tricked into finishing it (RFC 9700, 4.7), and it can be finished only once.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass, field

import redis

# Seconds that a person may take at the provider.
LASTS = 600


@dataclass(frozen=True)
class Attempt:
    """The values sent to the provider, and `back`, the page to return to, as the browser sent
    it."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    back: str


@dataclass(frozen=True)
class Attempts:
    """The sign-ins in progress of an installation."""

    connection: redis.Redis

    def begin(self, attempt: Attempt) -> str:
        """Store an attempt; returns the id for its browser."""
        browser = secrets.token_urlsafe(32)
        self.connection.set(_key(browser), json.dumps(asdict(attempt)), ex=LASTS)
        return browser

    def end(self, browser: str) -> Attempt | None:
        """Remove and return the attempt of the browser with this id."""
        kept = self.connection.getdel(_key(browser)) if browser else None
        return Attempt(**json.loads(kept)) if isinstance(kept, bytes) else None


def _key(browser: str) -> str:
    return f"dejabug:sign-in:{hashlib.sha256(browser.encode()).hexdigest()}"
