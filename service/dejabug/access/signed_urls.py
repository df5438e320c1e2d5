"""Addresses of pictures and previews that cannot be made up, altered, or used for long.

A token names one clip, one principal and the second it ends, and is signed (HMAC-SHA256, RFC 2104).
It is no permission by itself: whoever serves it asks at each request what the principal may see.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from dataclasses import dataclass

from dejabug.access.principals import Principal, parse_principal

# The purpose is part of the key, so that nothing signed elsewhere with the same secret is a token.
PURPOSE = b"dejabug media v1"
# A secret must not be guessed: 16 random bytes cannot.
SHORTEST_SECRET = 16  # bytes
# Seconds that an address works: a panel is looked at, its page asks again after.
LIFETIME = 300
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,1024}\.[A-Za-z0-9_-]{43}", re.ASCII)


class BadTokenError(Exception):
    """Not one of our tokens, or no longer. There is one message for all reasons: it helps nobody
    who guesses."""

    def __init__(self) -> None:
        super().__init__("this address is not valid or has expired")


@dataclass(frozen=True)
class MediaGrant:
    """What a token says: this principal may ask for this clip until `expires` (Unix seconds)."""

    clip_id: str
    principal: Principal
    expires: int


def sign_media(
    secret: bytes, clip_id: str, principal: Principal, *, now: float, lifetime: int = LIFETIME
) -> str:
    """A token of characters that need no escape in an address. `now` in Unix seconds, `lifetime` in
    seconds.

    Raises ValueError for a secret that is too short, or an id that is none.
    """
    key = _key(secret)
    if not _is_clip_id(clip_id):
        raise ValueError(f"not the id of a clip: {clip_id!r}")
    # A list has one encoding only; the purpose of the key is its version.
    said = json.dumps([clip_id, principal.name, int(now) + lifetime], separators=(",", ":"))
    claim = _text(said.encode())
    return f"{claim}.{_mac(key, claim)}"


def read_media(secret: bytes, token: str, *, now: float) -> MediaGrant:
    """What a token of ours says. Raises BadTokenError, and ValueError for a short secret."""
    key = _key(secret)
    if TOKEN.fullmatch(token) is None:
        raise BadTokenError
    claim, mac = token.split(".")
    # Compared as text: base64 has several spellings of the same bytes, and one of them is ours.
    if not hmac.compare_digest(mac, _mac(key, claim)):
        raise BadTokenError
    clip_id, name, expires = json.loads(base64.urlsafe_b64decode(claim + "=" * (-len(claim) % 4)))
    if now >= expires:
        raise BadTokenError
    return MediaGrant(clip_id, parse_principal(name), expires)


def check_secret(secret: bytes) -> None:
    """Raises ValueError for a secret that could be guessed."""
    if len(secret) < SHORTEST_SECRET:
        raise ValueError(
            f"the media secret has {len(secret)} bytes, and {SHORTEST_SECRET} are needed: "
            "set DEJABUG_MEDIA_SECRET to 32 or more random characters"
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
