"""A real OpenID Connect provider (npm's oidc-provider, in tests/oidc) as a child process; the
sign-in flow by HTTP, and tokens signed with its key or with others."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import RSAKey

from dejabug.infra.redis_server import free_port
from support.repository import ROOT

FOLDER = ROOT / "tests" / "oidc"
CLIENT = "deja+bug:1"
# Signs that the two ways of writing it down treat differently.
SECRET = "a secret: with 100%41 + more/&="
KEY = RSAKey.generate_key(2048, {"kid": "true", "use": "sig", "alg": "RS256"}, private=True)
# Who the provider knows; the first two are also the stand-in Jira's.
PEOPLE: dict[str, dict[str, Any]] = {
    "tess": {"email": "Tess@studio.example", "email_verified": True},
    "ada": {"email": "ada@studio.example", "email_verified": True},
    "nobody": {"email": "nobody@studio.example", "email_verified": True},
    "unconfirmed": {"email": "tess@studio.example", "email_verified": False},
    "silent": {"email": "tess@studio.example"},
    "no-mail": {},
}


class Provider:
    """The provider for a service at `public_url`; `lean`: it tells emails at its userinfo endpoint
    only, as the standard has it; `method` is the one by which clients authenticate."""

    def __init__(
        self, public_url: str, *, lean: bool = True, method: str = "client_secret_basic"
    ) -> None:
        if not (FOLDER / "node_modules").is_dir():
            pytest.fail("no provider: npm ci in tests/oidc, or run the tests with make test")
        self.issuer = f"http://127.0.0.1:{free_port()}"
        settings = {
            "issuer": self.issuer,
            "lean": lean,
            "methods": [method],
            "people": PEOPLE,
            "key": KEY.as_dict(private=True),
            "client": {
                "client_id": CLIENT,
                "client_secret": SECRET,
                "redirect_uris": [f"{public_url}/sign-in/oidc/callback"],
                "token_endpoint_auth_method": method,
            },
        }
        self._process = subprocess.Popen(
            ["node", "provider.mjs"],
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(settings) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "ready\n"

    def environment(self) -> dict[str, str]:
        """The settings of a service that signs people in here."""
        return {
            "DEJABUG_OIDC_ISSUER": self.issuer,
            "DEJABUG_OIDC_CLIENT_ID": CLIENT,
            "DEJABUG_OIDC_CLIENT_SECRET": SECRET,
            "DEJABUG_OIDC_NAME": "Studio account",
        }

    def visit(self, address: str, login: str) -> str:
        """Go where the service sends a browser, and log in; where that browser is sent back to.
        Without a login: say no."""
        said = {"login": login} if login else {"cancel": "1"}
        with requests.Session() as browser:
            page = browser.get(address, timeout=10)
            page.raise_for_status()
            answer = browser.post(page.url, data=said, timeout=10, allow_redirects=False)
            while answer.headers["Location"].startswith(self.issuer):
                there = answer.headers["Location"]
                answer = browser.get(there, timeout=10, allow_redirects=False)
            return str(answer.headers["Location"])

    def give_out(self, id_token: str) -> None:
        """Give this out in place of the next ID token."""
        told = {"id_token": id_token}
        requests.post(f"{self.issuer}/test/next", json=told, timeout=10).raise_for_status()

    def claims(self, address: str, **changes: Any) -> dict[str, Any]:
        """The claims of a good ID token for a sign-in that was sent to this address; None in the
        changes leaves a claim out."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "tess",
            "iat": now,
            "exp": now + 300,
            "nonce": parse_qs(urlsplit(address).query)["nonce"][0],
            **PEOPLE["tess"],
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()


def signed(claims: dict[str, Any], key: Any = KEY, **header: Any) -> str:
    """An ID token; with no more said, as the provider signs it. With a key of bytes by hand, since
    no library signs what a forger would."""
    header = {"alg": "RS256", "kid": "true", **header}
    if not isinstance(key, bytes):
        return jwt.encode(header, claims, key, [header["alg"]])
    said = ".".join(unpadded(json.dumps(part).encode()) for part in (header, claims))
    mac = hmac.digest(key, said.encode(), hashlib.sha256)
    return f"{said}.{'' if header['alg'] == 'none' else unpadded(mac)}"


def unpadded(data: bytes) -> str:
    """The base64 of tokens (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
