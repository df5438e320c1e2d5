"""Jira's side of the panel's calls: Atlassian's keys over HTTP, and tokens signed with them."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from conftest import TOKEN

APP_ID = "ari:cloud:ecosystem::app/5f3c8a52-6d3e-4a53-9d0e-2f6a1c9b7e11"
OTHER_APP = "ari:cloud:ecosystem::app/00000000-0000-4000-8000-000000000000"
KEY_ID = "forge-key-1"


class ForgeApp:
    """The app as installed on the stand-in's site at `api_url`."""

    def __init__(self, api_url: str) -> None:
        self.api_url = api_url
        self.looks = 0
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._server = make_server("127.0.0.1", 0, self._serve, threaded=True)
        self.jwks_url = f"http://127.0.0.1:{self._server.port}/.well-known/jwks.json"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def environment(self, public_url: str = "https://dejabug.example") -> dict[str, str]:
        """The settings that make a service ours."""
        return {
            "DEJABUG_FORGE_APP_ID": APP_ID,
            "DEJABUG_FORGE_API_URL": self.api_url,
            "DEJABUG_FORGE_JWKS_URL": self.jwks_url,
            "DEJABUG_PUBLIC_URL": public_url,
            "DEJABUG_MEDIA_SECRET": "a secret for media addresses, long",
        }

    def claims(self, account: str = "tester", **changes: Any) -> dict[str, Any]:
        """An invocation token's claims, as Forge Remote essentials lists them."""
        now = int(time.time())
        return {
            "iss": "forge/invocation-token",
            "aud": APP_ID,
            "iat": now,
            "nbf": now,
            "exp": now + 60,
            "jti": f"jti-{time.monotonic_ns()}",
            "principal": account,
            "app": {"id": APP_ID, "apiBaseUrl": self.api_url, "version": "1"},
            "context": {"cloudId": "cloud-1"},
            **changes,
        }

    def token(self, claims: dict[str, Any], *, key: Any = None, key_id: str = KEY_ID) -> str:
        """Claims, signed."""
        return jwt.encode(claims, key or self._key, algorithm="RS256", headers={"kid": key_id})

    def headers(self, account: str = "tester", **changes: Any) -> dict[str, str]:
        """What a viewer's call carries."""
        return {
            "Authorization": f"Bearer {self.token(self.claims(account, **changes))}",
            "x-forge-oauth-user": f"{TOKEN}-{account}",
        }

    def close(self) -> None:
        """Stop serving keys."""
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, environ: Any, start_response: Any) -> Any:
        self.looks += 1
        public = json.loads(RSAAlgorithm.to_jwk(self._key.public_key()))
        body = json.dumps({"keys": [{**public, "kid": KEY_ID, "use": "sig", "alg": "RS256"}]})
        return Response(body, content_type="application/json")(environ, start_response)
