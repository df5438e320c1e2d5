"""Sessions of the pages: a browser whose owner is known, for half a day.

The browser keeps a random id, we its digest: who reads Redis gets no session, and who reads the
browser's cookies gets neither a token nor anybody's e-mail.
"""

from __future__ import annotations

import hashlib
import re
import secrets

import redis

from dejabug.access.principals import EmailUser, TokenPrincipal
from dejabug.index import text_of

# Seconds that a session lasts: a working day, and the evening after it.
LASTS = 12 * 3600
# 32 bytes in base64url.
SHAPE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
# How a session's owner is written: their token's id follows, or their e-mail.
BY_TOKEN, BY_EMAIL = "token", "email"

SessionOwner = TokenPrincipal | EmailUser


class Sessions:
    """The sessions of an installation, in Redis."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection

    def begin(self, owner: SessionOwner) -> str:
        """A new session's id, which nobody can be told again."""
        session = secrets.token_urlsafe(32)
        self._redis.set(_key(session), _written(owner), ex=LASTS)
        return session

    def owner(self, session: str) -> SessionOwner | None:
        """Whose session this is; None once it is over."""
        if SHAPE.fullmatch(session) is None:
            return None
        found = self._redis.get(_key(session))
        return _read(text_of(found)) if found else None

    def end(self, session: str) -> None:
        """End a session at once."""
        self._redis.delete(_key(session))


def _written(owner: SessionOwner) -> str:
    if isinstance(owner, TokenPrincipal):
        return f"{BY_TOKEN}:{owner.token_id}"
    return f"{BY_EMAIL}:{owner.email}"


def _read(written: str) -> SessionOwner | None:
    kind, _, whose = written.partition(":")
    if kind == BY_TOKEN:
        return TokenPrincipal(whose)
    return EmailUser(whose) if kind == BY_EMAIL else None


def _key(session: str) -> str:
    return f"dejabug:session:{hashlib.sha256(session.encode()).hexdigest()}"
