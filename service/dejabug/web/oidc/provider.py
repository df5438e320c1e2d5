"""Signs a person in at the provider, and gets their confirmed email address."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote_plus

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client import BaseApp, OAuth2Mixin, OpenIDMixin
from authlib.integrations.requests_client import OAuth2Session
from joserfc.errors import JoseError
from requests.auth import HTTPBasicAuth

from dejabug.infra.errors import UserError
from dejabug.settings import Settings
from dejabug.web.oidc.attempts import Attempt
from dejabug.web.oidc.discovery import Document, ProviderAwayError, read_document
from dejabug.web.oidc.guarded_session import TIMEOUT, fence

CALLBACK = "/sign-in/oidc/callback"
SCOPE = "openid email"
METHOD, BASIC, POST = "token_endpoint_auth_method", "client_secret_basic", "client_secret_post"
# Seconds by which two clocks may differ.
LEEWAY = 60
# Seconds that the provider's document and keys are cached.
KEPT = 3600
# Seconds between two requests to a provider that is down, and that a request waits while another
# one is asking: webhooks need the web process's threads.
PAUSE = 15
PATIENCE = 2
# The claims that confirm an email address; the first one in the token counts. One is the standard's
# (OpenID Connect Core 1.0, 5.1), the other is Microsoft Entra's, which has no standard one
# ("Optional claims reference"). Some providers write booleans as text.
CONFIRMED = ("email_verified", "xms_edov")
TRUE = (True, "true", "1")

# At its lowest level it logs one-time secrets.
logging.getLogger("authlib").setLevel(logging.INFO)


class NotBelievedError(Exception):
    """The provider's answer is not valid; the message is for our log, and contains no secret."""


class UnconfirmedError(Exception):
    """The provider knows the person, but has not confirmed an email address."""


class _Client(OAuth2Mixin, OpenIDMixin, BaseApp):  # type: ignore[misc]  # Authlib has no types
    """Authlib's client without a web framework: its state is in an Attempt."""


class Provider:
    """The provider in the settings. Raises UserError if they are incomplete."""

    def __init__(self, settings: Settings) -> None:
        for name in ("oidc_client_id", "oidc_client_secret", "public_url"):
            value = getattr(settings, name)
            if not getattr(value, "get_secret_value", lambda value=value: value)():
                raise UserError(
                    f"signing in at {settings.oidc_issuer} needs DEJABUG_{name.upper()}; "
                    "see docs/how-to/sign-in.md"
                )
        self.name = settings.oidc_name
        self._issuer = settings.oidc_issuer
        self._id = settings.oidc_client_id
        self._secret = settings.oidc_client_secret.get_secret_value()
        # Never from a request's Host header, which anyone can set.
        self.callback = settings.public_url + CALLBACK
        self._lock = threading.Lock()
        self._client: _Client | None = None
        self._look_again = float("-inf")

    def document(self) -> Document:
        """The provider's current document. Raises ProviderAwayError."""
        return read_document(self._issuer)

    def begin(self, back: str) -> tuple[str, Attempt]:
        """The address to send the browser to, and the attempt to store. Raises
        ProviderAwayError."""
        with _translated():
            begun = self._known().create_authorization_url(self.callback)
        return begun["url"], Attempt(begun["state"], begun["nonce"], begun["code_verifier"], back)

    def email(self, code: str, attempt: Attempt) -> str:
        """The confirmed email address of the person for whom the provider issued this code.

        Raises NotBelievedError, UnconfirmedError and ProviderAwayError.
        """
        client = self._known()
        with _translated():
            told = client.fetch_access_token(
                self.callback, code=code, code_verifier=attempt.verifier, auth=self._auth(client)
            )
            claims = self._claims(client, told, attempt.nonce)
            if "email" not in claims and client.server_metadata["userinfo_endpoint"]:
                # With a code, it may be available only there (OpenID Connect Core 1.0, 5.4).
                claims = _of_the_same(claims, client.userinfo(token=told))
        email = str(claims.get("email") or "").strip()
        confirmed = next((claims[name] for name in CONFIRMED if name in claims), False)
        if "@" not in email or confirmed not in TRUE:
            raise UnconfirmedError
        return email

    def issued_by_another(self, issuer: str | None) -> bool:
        """Whether a callback names another issuer (RFC 9207, 2.4)."""
        return issuer is not None and issuer.rstrip("/") != self._issuer.rstrip("/")

    # Internals

    def _claims(self, client: _Client, told: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        """The claims of an ID token that the provider issued for us and for this attempt."""
        # By default, Authlib checks no audience, and the issuer only if it is known.
        wanted = {
            "iss": {"essential": True, "value": client.server_metadata["issuer"]},
            "aud": {"essential": True, "value": self._id},
        }
        claims = client.parse_id_token(told, nonce=nonce, claims_options=wanted, leeway=LEEWAY)
        if claims is None:
            raise NotBelievedError("no ID token")
        found: Mapping[str, Any] = claims
        return found

    def _known(self) -> _Client:
        """Authlib's client for the provider, from a document at most an hour old. It loads unknown
        keys at once. Raises ProviderAwayError."""
        if time.monotonic() > self._look_again and self._lock.acquire(timeout=PATIENCE):
            try:
                self._look()
            finally:
                self._lock.release()
        if self._client is None:
            raise ProviderAwayError("the provider was not available a moment ago")
        return self._client

    def _look(self) -> None:
        if time.monotonic() <= self._look_again:
            return  # another thread has just asked
        wait = PAUSE
        try:
            self._client, wait = self._made(self.document()), KEPT
        finally:
            self._look_again = time.monotonic() + wait

    def _made(self, document: Document) -> _Client:
        methods = document.token_endpoint_auth_methods_supported
        client = _Client(
            None,
            "oidc",
            client_id=self._id,
            client_secret=self._secret,
            client_kwargs={
                "scope": SCOPE,
                "code_challenge_method": "S256",
                "default_timeout": TIMEOUT,
                METHOD: POST if BASIC not in methods and POST in methods else BASIC,
            },
            **document.for_authlib(),
        )
        client.client_cls = lambda **options: fence(OAuth2Session(**options), self._issuer)
        return client

    def _auth(self, client: _Client) -> HTTPBasicAuth | None:
        """Our credentials for the token endpoint, if they do not go into the request's body.
        Authlib's own version lacks the encoding of RFC 6749, 2.3.1."""
        if client.client_kwargs[METHOD] == POST:
            return None
        return HTTPBasicAuth(quote_plus(self._id), quote_plus(self._secret))


def _of_the_same(claims: Mapping[str, Any], told: Mapping[str, Any]) -> Mapping[str, Any]:
    """The userinfo endpoint's claims, if they are about the ID token's person (Core 1.0, 5.3.2)."""
    if told.get("sub") != claims["sub"]:
        raise NotBelievedError("the userinfo endpoint returned another person")
    return told


@contextmanager
def _translated() -> Iterator[None]:
    """Authlib's, joserfc's and requests' errors → ours. Messages contain no secret."""
    try:
        yield
    except (AuthlibBaseError, JoseError) as error:
        raise NotBelievedError(f"{type(error).__name__}: {error.error!s:.60}") from None
    except requests.RequestException as error:
        raise ProviderAwayError(f"the provider failed: {type(error).__name__}") from None
    except (ValueError, TypeError, KeyError) as error:
        # Tokens, keys and answers that are not JSON, or do not have the expected structure.
        raise NotBelievedError(
            f"invalid answer from the provider: {type(error).__name__}"
        ) from None
