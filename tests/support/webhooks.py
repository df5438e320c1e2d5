"""Events as Jira sends them to the web service."""

from __future__ import annotations

import json
from typing import Any

from flask.testing import FlaskClient

from dejabug.jira.webhook_events import sign
from dejabug.services import Services
from dejabug.web import create_app
from support.jira_site import Site

SECRET = "test-secret"
EVENT: dict[str, Any] = {
    "timestamp": 1,
    "webhookEvent": "jira:issue_created",
    "user": {"accountId": "tester"},
    "issue": {"id": "10001", "key": "GAME-1"},
}


def body(**changes: Any) -> bytes:
    """EVENT with these changes, as it is sent."""
    return json.dumps({**EVENT, **changes}).encode()


def post(client: FlaskClient, body: bytes, signature: str | None = None, **headers: str) -> Any:
    """Send an event, signed with the secret unless a signature is given; the answer."""
    signed = sign(SECRET, body) if signature is None else signature
    return client.post("/webhooks/jira", data=body, headers={"X-Hub-Signature": signed, **headers})


def send_created(services: Services, jira: Site, key: str) -> None:
    """Send what Jira sends of a new ticket to the web app."""
    payload = {
        "webhookEvent": "jira:issue_created", "user": {"accountId": "tester"},
        "issue": {"id": jira.issue(key)["id"], "key": key},
    }  # fmt: skip
    body = json.dumps(payload).encode()
    headers = {"X-Hub-Signature": sign(SECRET, body)}
    answer = create_app(services).test_client().post("/webhooks/jira", data=body, headers=headers)
    assert answer.status_code == 202
