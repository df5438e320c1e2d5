"""API tokens: shown once, stored as digests, limited to projects, revocable.

A token has 32 random bytes, so a plain SHA-256 protects it well. Slow hashes and salts are for
passwords, which can be guessed (OWASP Password Storage Cheat Sheet).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import redis

from dejabug.access.principals import TokenPrincipal
from dejabug.index import text_of
from dejabug.infra.refused_writes import optional

PREFIX = "djb_"
# 32 bytes in base64url.
SHAPE = re.compile(r"djb_[A-Za-z0-9_-]{43}", re.ASCII)
PROJECT = re.compile(r"[A-Z][A-Z0-9_]*", re.ASCII)
# Seconds that `last_used` may lag behind, so that not every request writes to Redis.
LAST_USED_STEP = 60
# Digests → ids.
DIGESTS = "dejabug:token-digests"


@dataclass(frozen=True)
class ApiToken:
    """A token's record. Times in Unix seconds; `expires` and `last_used`: 0 for never. `verdicts`:
    whether it may also record verdicts."""

    id: str
    name: str
    projects: tuple[str, ...]
    created: float
    expires: float = 0.0
    last_used: float = 0.0
    verdicts: bool = False

    @property
    def principal(self) -> TokenPrincipal:
        """The token's holder as a principal."""
        return TokenPrincipal(self.id)

    def expired(self, now: float) -> bool:
        """Whether it is no longer valid."""
        return bool(self.expires) and now >= self.expires


class Tokens:
    """The tokens of an installation, in Redis."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection

    def create(
        self,
        name: str,
        projects: Collection[str],
        lifetime: float | None = None,
        *,
        verdicts: bool = False,
    ) -> tuple[str, ApiToken]:
        """Create a token; returns its secret, which can't be read again, and its record. `lifetime`
        in seconds; `verdicts`: it may also record whether two issues are duplicates.

        Raises ValueError for an empty name, invalid or missing projects, or a lifetime of 0.
        """
        wanted = tuple(sorted({project.upper() for project in projects}))
        if not name.strip() or not wanted:
            raise ValueError("a token needs a name and at least one project")
        for project in wanted:
            if PROJECT.fullmatch(project) is None:
                raise ValueError(f"{project} is not a valid project key; expected a key like GAME")
        if lifetime is not None and lifetime <= 0:
            raise ValueError("the token would expire immediately: give it a longer lifetime")
        secret = PREFIX + secrets.token_urlsafe(32)
        now = time.time()
        expires = now + lifetime if lifetime else 0.0
        token = ApiToken(
            secrets.token_hex(6), name.strip(), wanted, now, expires, verdicts=verdicts
        )
        self.keep(_digest(secret), token)
        return secret, token

    def recognise(self, secret: str) -> ApiToken | None:
        """The token with this secret, if it is valid now. Updates its `last_used`."""
        if SHAPE.fullmatch(secret) is None:
            return None
        digest = _digest(secret)
        token_id = text_of(self._redis.hget(DIGESTS, digest))
        found = self._read(token_id) if token_id else None
        if found is None or not hmac.compare_digest(found[0], digest):
            return None
        token, now = found[1], time.time()
        if token.expired(now):
            return None
        if now - token.last_used > LAST_USED_STEP:
            with optional():
                self._redis.hset(_key(token.id), "last_used", now)
        return token

    def get(self, token_id: str) -> ApiToken | None:
        """The token with this id, if it is valid now."""
        found = self._read(token_id)
        return None if found is None or found[1].expired(time.time()) else found[1]

    def all(self) -> list[ApiToken]:
        """All tokens that were not revoked, oldest first, including expired ones."""
        return sorted((token for _, token in self.kept()), key=lambda token: token.created)

    def kept(self) -> Iterator[tuple[str, ApiToken]]:
        """The digest and record of each token that was not revoked."""
        for token_id in self._redis.hvals(DIGESTS):
            found = self._read(text_of(token_id))
            if found is not None:
                yield found

    def keep(self, digest: str, token: ApiToken) -> None:
        """Store a token by the digest of its secret, e.g. from a backup."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(
                _key(token.id),
                mapping={
                    "digest": digest,
                    "name": token.name,
                    "projects": json.dumps(token.projects),
                    "created": token.created,
                    "expires": token.expires,
                    "last_used": token.last_used,
                    "verdicts": int(token.verdicts),
                },
            )
            pipe.hset(DIGESTS, digest, token.id)
            pipe.execute()

    def revoke(self, token_id: str) -> bool:
        """Revoke a token immediately; False if there is none with this id."""
        found = self._read(token_id)
        if found is None:
            return False
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hdel(DIGESTS, found[0])
            pipe.delete(_key(token_id))
            pipe.execute()
        return True

    # Inside

    def _read(self, token_id: str) -> tuple[str, ApiToken] | None:
        """A token's digest and record."""
        row = {text_of(k): text_of(v) for k, v in self._redis.hgetall(_key(token_id)).items()}
        if "digest" not in row:
            return None  # revoked; `last_used` may have been written after that
        return row["digest"], ApiToken(
            id=token_id,
            name=row["name"],
            projects=tuple(json.loads(row["projects"])),
            created=float(row["created"]),
            expires=float(row["expires"]),
            last_used=float(row.get("last_used", 0)),
            verdicts=row.get("verdicts") == "1",
        )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(token_id: str) -> str:
    return f"dejabug:token:{token_id}"
