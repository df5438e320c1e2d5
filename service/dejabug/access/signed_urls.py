"""Signed links for thumbnails and previews, which can't be forged or changed, and soon expire.

A token contains a clip, a principal and its expiry time, and is signed (HMAC-SHA256, RFC 2104). It
is not a permission by itself: each request checks again what the principal may see.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from dataclasses import dataclass

from dejabug.access.principals import Principal, parse_principal

# The purpose is part of the key, so that nothing else signed with the same secret is a valid token.
PURPOSE = b"dejabug media v1"
# The minimum length of the secret: 16 random bytes can't be guessed.
SHORTEST_SECRET = 16  # bytes
# Seconds that a link is valid. An open panel requests new ones.
LIFETIME = 300
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,1024}\.[A-Za-z0-9_-]{43}", re.ASCII)


class BadTokenError(Exception):
    """An invalid or expired token. The message is the same for all reasons, so that it doesn't help
    an attacker."""

    def __init__(self) -> None:
        super().__init__("invalid or expired link")


@dataclass(frozen=True)
class MediaGrant:
    """A token's content: this principal may request this clip until `expires` (Unix seconds)."""

    clip_id: str
    principal: Principal
    expires: int


def sign_media(
    secret: bytes, clip_id: str, principal: Principal, *, now: float, lifetime: int = LIFETIME
) -> str:
    """Create a token with characters that need no escaping in a URL. `now` in Unix seconds,
    `lifetime` in seconds.

    Raises ValueError for a secret that is too short, or an invalid clip id.
    """
    key = _key(secret)
    if not _is_clip_id(clip_id):
        raise ValueError(f"not a valid clip id: {clip_id!r}")
    # A list has one encoding only; the purpose of the key is its version.
    said = json.dumps([clip_id, principal.name, int(now) + lifetime], separators=(",", ":"))
    claim = _text(said.encode())
    return f"{claim}.{_mac(key, claim)}"


def read_media(secret: bytes, token: str, *, now: float) -> MediaGrant:
    """Read a token. Raises BadTokenError, and ValueError for a secret that is too short."""
    key = _key(secret)
    if TOKEN.fullmatch(token) is None:
        raise BadTokenError
    claim, mac = token.split(".")
    # Compared as text: base64 can spell the same bytes in several ways, and only ours is valid.
    if not hmac.compare_digest(mac, _mac(key, claim)):
        raise BadTokenError
    clip_id, name, expires = json.loads(base64.urlsafe_b64decode(claim + "=" * (-len(claim) % 4)))
    if now >= expires:
        raise BadTokenError
    return MediaGrant(clip_id, parse_principal(name), expires)


def check_secret(secret: bytes) -> None:
    """Raises ValueError for a secret that is too short."""
    if len(secret) < SHORTEST_SECRET:
        raise ValueError(
            f"DEJABUG_MEDIA_SECRET is too short: {len(secret)} bytes, minimum {SHORTEST_SECRET}. "
            "Set it to 32 or more random characters, e.g. the output of: openssl rand -hex 32"
        )


def _key(secret: bytes) -> bytes:
    check_secret(secret)
    return hmac.digest(secret, PURPOSE, hashlib.sha256)


def _mac(key: bytes, claim: str) -> str:
    return _text(hmac.digest(key, claim.encode(), hashlib.sha256))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _is_clip_id(text: str) -> bool:
    return text.isascii() and text.isalnum()
