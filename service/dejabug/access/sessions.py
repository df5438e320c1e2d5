"""Sign-in sessions of the web pages, which last half a day.

The browser has a random id, Redis its digest. So someone who can read Redis can't use a session,
and someone who can read the browser's cookies gets neither a token nor an email.
"""

from __future__ import annotations

import hashlib
import re
import secrets

import redis

from dejabug.access.principals import EmailUser, TokenPrincipal
from dejabug.index import text_of

# Seconds that a session lasts: a long working day.
LASTS = 12 * 3600
# 32 bytes in base64url.
SHAPE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
# The prefixes of a stored owner, before the token's id or the email.
BY_TOKEN, BY_EMAIL = "token", "email"

SessionOwner = TokenPrincipal | EmailUser


class Sessions:
    """The sessions of an installation, in Redis."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection

    def begin(self, owner: SessionOwner) -> str:
        """Start a session; returns its id, which is not stored and can't be read again."""
        session = secrets.token_urlsafe(32)
        self._redis.set(_key(session), _written(owner), ex=LASTS)
        return session

    def owner(self, session: str) -> SessionOwner | None:
        """The session's owner; None if it has ended."""
        if SHAPE.fullmatch(session) is None:
            return None
        found = self._redis.get(_key(session))
        return _read(text_of(found)) if found else None

    def end(self, session: str) -> None:
        """End a session immediately."""
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
