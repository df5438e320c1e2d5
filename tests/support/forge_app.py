"""Jira's side of the panel's calls: Atlassian's keys over HTTP, and tokens signed with them."""

from __future__ import annotations

import json
from typing import Any

from flask.testing import FlaskClient
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from dejabug.demo.jira_standin.forge import APP_ID, Forge
from support.jira_site import TOKEN
from support.servers import serve_in_a_thread

OTHER_APP = "ari:cloud:ecosystem::app/00000000-0000-4000-8000-000000000000"


class ForgeApp:
    """The app as installed on the stand-in's site at `api_url`."""

    def __init__(self, api_url: str) -> None:
        self.api_url = api_url
        self.looks = 0
        self.broken = False
        self._forge = Forge()
        self._server = make_server("127.0.0.1", 0, self._serve, threaded=True)
        self.jwks_url = f"http://127.0.0.1:{self._server.port}/.well-known/jwks.json"
        serve_in_a_thread(self._server)

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
        """An invocation token's claims."""
        return self._forge.claims(account, self.api_url, **changes)

    def token(self, claims: dict[str, Any], **signing: Any) -> str:
        """Claims, signed."""
        return self._forge.token(claims, **signing)

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
        if self.broken:
            return Response(status=503)(environ, start_response)
        body = json.dumps(self._forge.key_set())
        return Response(body, content_type="application/json")(environ, start_response)


def panel(client: FlaskClient, app: ForgeApp, issue_id: str, who: str = "tester") -> list[Any]:
    """The matches that the panel of a ticket shows."""
    told = client.get(f"/forge/v1/issues/{issue_id}/similar", headers=app.headers(who)).get_json()
    matches: list[Any] = told["matches"]
    return matches
