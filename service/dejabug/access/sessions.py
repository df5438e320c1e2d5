"""Sessions of the pages: a browser whose person is known, for half a day.

The browser keeps a random id, we its digest: who reads Redis gets no session, and who reads the
browser's cookies gets neither a token nor anybody's e-mail.
"""

from __future__ import annotations

import hashlib
import re
import secrets

import redis

from dejabug.index import text_of

# Seconds that a session lasts: a working day, and the evening after it.
LASTS = 12 * 3600
# 32 bytes in base64url.
SHAPE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
# How it is said whose a session is, by how they are known.
BY_TOKEN = "token:"  # noqa: S105 (the token's id follows)
BY_EMAIL = "email:"


class Sessions:
    """The sessions of an installation, in Redis."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection

    def begin(self, whose: str) -> str:
        """A new session's id, which nobody can be told again. `whose` begins with BY_TOKEN or
        BY_EMAIL."""
        session = secrets.token_urlsafe(32)
        self._redis.set(_key(session), whose, ex=LASTS)
        return session

    def whose(self, session: str) -> str | None:
        """Whose session this is, as it was begun; None once it is over."""
        if SHAPE.fullmatch(session) is None:
            return None
        found = self._redis.get(_key(session))
        return text_of(found) if found else None

    def end(self, session: str) -> None:
        """End a session at once."""
        self._redis.delete(_key(session))


def _key(session: str) -> str:
    return f"dejabug:session:{hashlib.sha256(session.encode()).hexdigest()}"
