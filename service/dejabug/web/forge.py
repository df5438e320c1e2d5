"""Calls of our Jira app (Forge Remote): is this our app, on our site, and who looks?

Atlassian's "Forge Remote essentials": the invocation token is a JWT in `Authorization: Bearer`,
signed RS256 by a key of Atlassian's published set, `iss` is `forge/invocation-token`, and `aud` is
the id of the app that calls. Any app's calls are signed by the same keys, so that `aud` must be
ours; and our app may be installed elsewhere too, so that `app.apiBaseUrl` must be our site's. The
viewer's own token comes in `x-forge-oauth-user`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
import structlog
from werkzeug.datastructures import Headers

from dejabug.access.principals import PanelViewer
from dejabug.infra.errors import UserError
from dejabug.jira.models import as_mapping
from dejabug.settings import Settings

log = structlog.get_logger()

ISSUER = "forge/invocation-token"
ALGORITHM = "RS256"
# Seconds by which two clocks may differ.
LEEWAY = 10
# Seconds that keys are kept, between two looks for a key that is not among them, and for a look.
KEYS_KEPT = 3600
KEYS_PAUSE = 30
KEYS_TIMEOUT = 5


class TokenRefusedError(Exception):
    """The call is not our app's; the message is for our log, not for the caller."""


class WrongSiteError(Exception):
    """It is our app, installed on another site."""


class KeysUnavailableError(Exception):
    """Atlassian's keys cannot be had now."""


@dataclass(frozen=True)
class PanelCall:
    """A call that is our app's: who looks at the panel, and the token to ask Jira as them."""

    viewer: PanelViewer
    token: str = field(repr=False)


class Forge:
    """Verifies calls. Raises UserError when the settings name no app, or no site or secret."""

    def __init__(self, settings: Settings) -> None:
        if not settings.forge_app_id.startswith("ari:cloud:ecosystem::app/"):
            raise UserError(
                "DEJABUG_FORGE_APP_ID must be the app's whole id, ari:cloud:ecosystem::app/<uuid>"
            )
        for name in ("forge_api_url", "public_url"):
            if not getattr(settings, name):
                raise UserError(
                    f"the panel needs DEJABUG_{name.upper()}; see docs/reference/settings.md"
                )
        if not settings.media_secret.get_secret_value():
            raise UserError("the panel needs DEJABUG_MEDIA_SECRET; see docs/reference/settings.md")
        self._app_id = settings.forge_app_id
        self._site = settings.forge_api_url
        try:
            self._keys = _Keys(settings.forge_jwks_url)
        except (jwt.PyJWTError, ValueError) as error:
            raise UserError(f"DEJABUG_FORGE_JWKS_URL is no address: {error}") from None

    def verify(self, headers: Headers) -> PanelCall:
        """The call with these headers. Raises TokenRefusedError, WrongSiteError, and
        KeysUnavailableError."""
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise TokenRefusedError("no invocation token")
        claims = self._claims(token)
        site = str(as_mapping(claims.get("app")).get("apiBaseUrl") or "").rstrip("/")
        if site != self._site:
            raise WrongSiteError("the app calls from another site")
        account, own = claims.get("principal"), headers.get("x-forge-oauth-user", "")
        if not isinstance(account, str) or not account or not own:
            raise TokenRefusedError("the call is nobody's: no principal, or no viewer's token")
        try:
            return PanelCall(PanelViewer(account), own)
        except ValueError:
            raise TokenRefusedError("the call's principal is no account of Jira's") from None

    def key_count(self) -> int:
        """How many keys Atlassian has published. Raises KeysUnavailableError."""
        return self._keys.count()

    def _claims(self, token: str) -> Mapping[str, Any]:
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
            if not isinstance(key_id, str):
                raise TokenRefusedError("the token names no key")
            key = self._keys.of(key_id)
            if key is None:
                raise TokenRefusedError("the token is signed with an unknown key")
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=self._app_id,
                issuer=ISSUER,
                leeway=LEEWAY,
                options={"require": ["exp", "iat", "iss", "aud"], "strict_aud": True},
            )
        except jwt.PyJWTError as error:
            raise TokenRefusedError(f"{type(error).__name__}: {error}") from None
        return claims


class _Keys:
    """Atlassian's key set, kept for an hour, and looked at again for a key that is not in it; not
    more often than the pause, whatever keys strangers name, and however long it cannot be had."""

    def __init__(self, url: str) -> None:
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=KEYS_TIMEOUT)
        self._lock = threading.Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        # When they were had, and when somebody tried to have them.
        self._looked = self._tried = float("-inf")

    def of(self, key_id: str) -> jwt.PyJWK | None:
        """The key of that id. Raises KeysUnavailableError."""
        with self._lock:
            old = time.monotonic() - self._looked > KEYS_KEPT or key_id not in self._keys
            if old and time.monotonic() - self._tried > KEYS_PAUSE:
                self._look()
            if not self._keys:
                raise KeysUnavailableError("the keys of Jira's app could not be had a moment ago")
            return self._keys.get(key_id)

    def count(self) -> int:
        """How many keys there are now. Raises KeysUnavailableError."""
        with self._lock:
            self._look()
            return len(self._keys)

    def _look(self) -> None:
        self._tried = time.monotonic()
        try:
            found = self._client.get_signing_keys()
        except jwt.PyJWTError as error:
            log.warning("forge_keys_unavailable", why=type(error).__name__)
            if not self._keys:
                raise KeysUnavailableError("the keys of Jira's app cannot be had") from None
            return
        self._looked = time.monotonic()
        self._keys = {key.key_id: key for key in found if key.key_id}
