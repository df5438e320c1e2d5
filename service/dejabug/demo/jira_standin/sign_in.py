"""The stand-in as an OpenID Connect provider, which signs everybody in as the tester.

Déjà Bug's pages send people here as they send them to Okta or Keycloak, so signing in to the demo
uses the service's real sign-in code (authorisation code flow with PKCE, RFC 6749 and RFC 7636). It
vouches only to services on this machine: codes go to no other address.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus, urlencode, urlsplit

from flask import Blueprint, Response, abort, current_app, jsonify, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from dejabug.demo.jira_standin.forge import forge, viewer_of_pages
from dejabug.demo.jira_standin.site import base, store

CLIENT_ID = "dejabug"
# The only path of a service that codes are sent to.
CALLBACK = "/sign-in/oidc/callback"
# Seconds until a code or an ID token expires.
LIFETIME = 60

blueprint = Blueprint("sign_in", __name__)


@dataclass(frozen=True)
class Code:
    """What an authorisation code was issued for. `expires` is in seconds of the monotonic clock."""

    account: str
    redirect_uri: str
    challenge: str
    nonce: str
    expires: float


class SignIn:
    """The provider's one client, and the codes that weren't used yet. No secret: switched off."""

    def __init__(self, secret: str = "") -> None:
        self.secret = secret
        self._codes: dict[str, Code] = {}

    def issue(self, account: str, redirect_uri: str, challenge: str, nonce: str) -> str:
        """A new code."""
        now = time.monotonic()
        self._codes = {code: each for code, each in self._codes.items() if each.expires > now}
        code = secrets.token_urlsafe(32)
        self._codes[code] = Code(account, redirect_uri, challenge, nonce, now + LIFETIME)
        return code

    def redeem(self, code: str, redirect_uri: str, verifier: str) -> Code | None:
        """What this code was issued for. A code works once, also when the rest is wrong."""
        found = self._codes.pop(code, None)
        if found is None or found.expires <= time.monotonic():
            return None
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        known = hmac.compare_digest(challenge, found.challenge)
        return found if known and redirect_uri == found.redirect_uri else None


@blueprint.get("/.well-known/openid-configuration")
def document() -> Response:
    """The discovery document (OpenID Connect Discovery 1.0, 4)."""
    _provider()
    return jsonify(
        issuer=base(),
        authorization_endpoint=f"{base()}/oauth/authorize",
        token_endpoint=f"{base()}/oauth/token",
        jwks_uri=f"{base()}/.well-known/jwks.json",
        response_types_supported=["code"],
        subject_types_supported=["public"],
        id_token_signing_alg_values_supported=["RS256"],
        code_challenge_methods_supported=["S256"],
        token_endpoint_auth_methods_supported=["client_secret_basic"],
    )


@blueprint.get("/oauth/authorize")
def authorize() -> AnyResponse:
    """Send the browser back to the service with a code for the tester, without asking anything."""
    asked = request.args
    address, challenge = asked.get("redirect_uri", ""), asked.get("code_challenge", "")
    if asked.get("client_id") != CLIENT_ID or not is_local_callback(address):
        abort(400, f"The client must be {CLIENT_ID}, and its redirect_uri a local {CALLBACK}.")
    if asked.get("response_type") != "code" or asked.get("code_challenge_method") != "S256":
        abort(400, "Only the authorisation code flow with PKCE (S256) is supported.")
    with store().lock:
        account = viewer_of_pages(store()).account_id
        code = _provider().issue(account, address, challenge, asked.get("nonce", ""))
    back = {"code": code, "state": asked.get("state", ""), "iss": base()}
    return redirect(f"{address}?{urlencode(back)}", 303)


@blueprint.post("/oauth/token")
def token() -> Response | tuple[Response, int]:
    """Exchange a code for an ID token (OpenID Connect Core 1.0, 3.1.3)."""
    given, form = request.authorization, request.form
    name, secret = (unquote_plus((given and given.get(each)) or "") for each in _BASIC)
    if name != CLIENT_ID or not hmac.compare_digest(secret.encode(), _provider().secret.encode()):
        return jsonify(error="invalid_client"), 401
    with store().lock:
        code = _provider().redeem(
            form.get("code", ""), form.get("redirect_uri", ""), form.get("code_verifier", "")
        )
        user = store().users.get(code.account) if code else None
    if code is None or user is None:
        return jsonify(error="invalid_grant"), 400
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": base(),
        "aud": CLIENT_ID,
        "sub": user.account_id,
        "email": user.email,
        "email_verified": True,
        "nonce": code.nonce,
        "iat": now,
        "exp": now + LIFETIME,
    }
    return jsonify(
        access_token=secrets.token_urlsafe(32),
        token_type="Bearer",  # noqa: S106 (the type of the token, not a token)
        expires_in=LIFETIME,
        id_token=forge().token(claims),
    )


def is_local_callback(address: str) -> bool:
    """Whether a redirect address is the callback of a service on this machine."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
    bare = not parts.query and not parts.fragment and "@" not in parts.netloc
    return parts.scheme == "http" and local and bare and parts.path == CALLBACK


_BASIC = ("username", "password")


def _provider() -> SignIn:
    found: SignIn = current_app.extensions["sign_in"]
    if not found.secret:
        abort(404)
    return found
