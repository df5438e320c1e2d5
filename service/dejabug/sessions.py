"""Sessions of the pages: a browser that showed an API token, for half a day.

The browser keeps a random id, we its digest: who reads Redis gets no session, and who reads the
browser's cookies gets no token.
"""

from __future__ import annotations

import hashlib
import re
import secrets

import redis

from dejabug.index import text_of
from dejabug.tokens import ApiToken, Tokens

# Seconds that a session lasts: a working day, and the evening after it.
LASTS = 12 * 3600
# 32 bytes in base64url.
SHAPE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


class Sessions:
    """The sessions of an installation, in Redis."""

    def __init__(self, connection: redis.Redis, tokens: Tokens) -> None:
        self._redis = connection
        self._tokens = tokens

    def begin(self, token: ApiToken) -> str:
        """A new session's id, which nobody can be told again."""
        session = secrets.token_urlsafe(32)
        self._redis.set(_key(session), token.id, ex=LASTS)
        return session

    def token(self, session: str) -> ApiToken | None:
        """Whose session this is; None once it, or its token, is over."""
        if SHAPE.fullmatch(session) is None:
            return None
        token_id = self._redis.get(_key(session))
        return self._tokens.get(text_of(token_id)) if token_id else None

    def end(self, session: str) -> None:
        """End a session at once."""
        self._redis.delete(_key(session))


def _key(session: str) -> str:
    return f"dejabug:session:{hashlib.sha256(session.encode()).hexdigest()}"
