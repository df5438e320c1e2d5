"""The stand-in as the home of our Jira app: the panel on its issues' pages, and what Forge does
between a panel and its remote.

The panel is the real one, as built; only Jira's side of its bridge is `plugin/testing/bridge.js`.
Calls of the remote pass through here, as they pass through Atlassian, and get the invocation token
and the viewer's token on the way.
"""

from __future__ import annotations

import json
import time
from functools import cache
from pathlib import Path
from typing import Any

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Blueprint, Response, abort, current_app, g, jsonify, request, send_from_directory
from jwt.algorithms import RSAAlgorithm

from dejabug.demo.jira_standin.site import base, store
from dejabug.demo.jira_standin.store import Store, User

APP_ID = "ari:cloud:ecosystem::app/5f3c8a52-6d3e-4a53-9d0e-2f6a1c9b7e11"
KEY_ID = "forge-key-1"
# Seconds that an invocation token lives, and that a panel's call may take.
TOKEN_LIFE = 60
CALL_TIMEOUT = 25

blueprint = Blueprint("forge", __name__)


class Forge:
    """One installed app: signs the calls to its `remote`; `plugin` is the app's folder."""

    def __init__(self, plugin: Path | None = None, remote: str = "") -> None:
        self.plugin = plugin
        self.remote = remote
        self._key = _signing_key()

    @property
    def has_panel(self) -> bool:
        """Whether there is a panel to show, and a service behind it."""
        return bool(self.remote) and self.plugin is not None and self.page.exists()

    @property
    def page(self) -> Path:
        """The built panel's page."""
        return (self.plugin or Path()) / "panel" / "dist" / "index.html"

    def claims(self, account: str, api_url: str, **changes: Any) -> dict[str, Any]:
        """An invocation token's claims (Atlassian's "Forge Remote essentials")."""
        now = int(time.time())
        return {
            "iss": "forge/invocation-token",
            "aud": APP_ID,
            "iat": now,
            "nbf": now,
            "exp": now + TOKEN_LIFE,
            "jti": f"{time.monotonic_ns()}",
            "principal": account,
            "app": {"id": APP_ID, "apiBaseUrl": api_url, "version": "1"},
            "context": {"cloudId": "stand-in"},
            **changes,
        }

    def token(self, claims: dict[str, Any], *, key: Any = None, key_id: str = KEY_ID) -> str:
        """Claims, signed."""
        return jwt.encode(claims, key or self._key, algorithm="RS256", headers={"kid": key_id})

    def key_set(self) -> dict[str, Any]:
        """The public key, as Atlassian publishes its own (RFC 7517)."""
        public = json.loads(RSAAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [{**public, "kid": KEY_ID, "use": "sig", "alg": "RS256"}]}


@cache
def _signing_key() -> rsa.RSAPrivateKey:
    """One key a process: making one takes 40 ms."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def forge() -> Forge:
    """The site's app."""
    found: Forge = current_app.extensions["forge"]
    return found


def viewer_of_pages(known: Store) -> User:
    """Who looks at the pages: the make-believe studio's tester."""
    return known.users["tester"]


@blueprint.get("/.well-known/jwks.json")
def keys() -> Response:
    """Atlassian's published keys."""
    return jsonify(forge().key_set())


@blueprint.route("/forge/v1/<path:rest>", methods=["GET", "POST", "PUT"])
def remote(rest: str) -> Response:
    """A panel's call to its remote, with the tokens that Forge adds."""
    viewer = viewer_of_pages(store())
    token = forge().token(forge().claims(viewer.account_id, base()))
    try:
        answer = requests.request(
            request.method,
            f"{forge().remote}/forge/v1/{rest}",
            data=request.get_data() or None,
            headers={
                "Authorization": f"Bearer {token}",
                "x-forge-oauth-user": viewer.token,
                "Content-Type": "application/json",
            },
            timeout=CALL_TIMEOUT,
        )
    except requests.RequestException:
        return Response(status=502)
    kind = answer.headers.get("Content-Type")
    return Response(answer.content, answer.status_code, content_type=kind)


@blueprint.get("/forge/panel/<path:name>")
def panel(name: str) -> Response:
    """The built panel's files; its page with Jira's side of the bridge put before its scripts."""
    if not forge().has_panel:
        abort(404)
    if name != "index.html":
        return send_from_directory(forge().page.parent.resolve(), name)
    issue = request.args.get("issue", "")
    scripts = f'<script src="/forge/config.js?issue={int(issue)}"></script>'
    scripts += '<script src="/forge/bridge.js"></script>'
    page = forge().page.read_text("utf-8").replace("<script", f"{scripts}<script", 1)
    answer = Response(page, content_type="text/html; charset=utf-8")
    # As strict as Forge is, so that a panel that passes here may pass there.
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        f"img-src 'self' {forge().remote}; media-src {forge().remote}"
    )
    return answer


@blueprint.get("/forge/bridge.js")
def bridge() -> Response:
    """Jira's side of the bridge."""
    folder = (forge().plugin or Path()) / "testing"
    return send_from_directory(folder.resolve(), "bridge.js")


@blueprint.get("/forge/config.js")
def config() -> Response:
    """What that side needs to know: the issue and its viewer."""
    g.user = viewer = viewer_of_pages(store())
    issue = store().find(request.args.get("issue", ""), viewer)
    if issue is None:
        abort(404)
    told = {
        "issue": {"id": issue.id, "key": issue.key},
        "token": viewer.token,
        "fit": "added on the way",
    }
    script = f"""
        const dark = matchMedia("(prefers-color-scheme: dark)").matches;
        const opened = [];
        opened.push = (url) => {{ window.open(url, "_blank", "noopener"); }};
        window.__dejabugTest = {{
          ...{json.dumps(told)},
          service: location.origin, jira: location.origin, opened, theme: dark ? "dark" : "light",
        }};
    """
    return Response(script, content_type="text/javascript; charset=utf-8")
