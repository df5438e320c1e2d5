"""URLs with an extra slash, as people type them into Jira, Slack and Forge."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask

from dejabug.jira.webhook_events import sign
from dejabug.jira.webhook_registration import Hook
from dejabug.services import Services

BODY = json.dumps({"webhookEvent": "user_created"}).encode()
SLASHES = ["{}/", "{}//", "/{}", "//{}/"]


def post(app: Flask, path: str, body: bytes, signature: str) -> Any:
    return app.test_client().open(
        "/", method="POST", data=body, headers={"X-Hub-Signature": signature},
        environ_overrides={"PATH_INFO": path},
    )  # fmt: skip


@pytest.mark.parametrize("odd", SLASHES)
def test_a_webhook_s_address_with_a_slash_too_many_is_taken_as_without(
    cold_app: Flask, cold_services: Services, odd: str
) -> None:
    secret = cold_services.settings.webhook_secret.get_secret_value()
    path = odd.format("/webhooks/jira")
    for body, signature, status in (
        (BODY, sign(secret, BODY), 200),
        (BODY, sign("another", BODY), 401),
        (BODY, "", 401),
        (b"{", sign(secret, b"{"), 400),
    ):
        plain = post(cold_app, "/webhooks/jira", body, signature)
        answer = post(cold_app, path, body, signature)
        assert (answer.status_code, answer.json) == (status, plain.json)
        assert "Location" not in answer.headers


@pytest.mark.parametrize("odd", SLASHES)
@pytest.mark.parametrize(
    "path", ["/slack/events", "/forge/v1/issues/1/verdicts", "/forge/v1/issues/1/previews/2"]
)
def test_what_slack_and_forge_call_is_found_as_well(cold_app: Flask, path: str, odd: str) -> None:
    """Without an app of theirs each says so, and none redirects."""
    plain, answer = post(cold_app, path, b"{}", ""), post(cold_app, odd.format(path), b"{}", "")
    assert answer.status_code == plain.status_code
    assert (answer.json or {}).get("detail") == (plain.json or {}).get("detail")
    assert "Location" not in answer.headers


@pytest.mark.parametrize("path", ["/webhooks/jira/x", "/webhooks", "/webhooks/", "/slack//x/"])
def test_other_addresses_are_none_as_before(cold_app: Flask, path: str) -> None:
    assert post(cold_app, path, BODY, "").status_code == 404


def test_pages_and_the_api_are_left_as_they_are(cold_app: Flask) -> None:
    client = cold_app.test_client()
    assert client.get("/healthz").status_code == 200
    assert client.get("/healthz/").status_code == 404


def test_a_get_of_the_webhook_s_address_is_refused_with_and_without_a_slash(
    cold_app: Flask,
) -> None:
    client = cold_app.test_client()
    assert client.get("/webhooks/jira").status_code == 405
    assert client.get("/webhooks/jira/").status_code == 405


def test_a_webhook_with_a_slash_behind_is_known_as_ours() -> None:
    assert Hook("https://dejabug.example/webhooks/jira/").is_ours
