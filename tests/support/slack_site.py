"""A local stand-in for Slack: its Web API, its files and its response URLs, over HTTP; and signed
requests as Slack sends them."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask, Response, jsonify, request
from flask.testing import FlaskClient
from slack_sdk import WebClient
from werkzeug.serving import make_server

from dejabug.services import Services
from dejabug.slack import create_bolt
from dejabug.web import create_app
from support.jira_site import Site, people
from support.servers import serve_in_a_thread
from support.waiting import wait_until

SECRET = "slack signing secret"
TOKEN = "xoxb-test"


class Slack:
    """`users` are told by users.info, `infos` (or an error's name) by files.info, and `files` are
    served by their names; `said` came to response addresses, `asked` are files that were asked for
    at files.info."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []
        self.files: dict[str, tuple[bytes, str]] = {}
        self.infos: dict[str, dict[str, Any] | str] = {}
        self.asked: list[str] = []
        self.tokens: list[str] = []
        self.refuse_pictures = False
        self.users: dict[str, dict[str, Any]] = {
            user: person(user, f"{name}@studio.example")
            for user, name in (("U1", "tess"), ("U2", "ada"), ("U3", "nobody"))
        }
        app = Flask("slack")
        app.post("/api/auth.test")(lambda: jsonify(ok=True, team_id="T1", user_id="UB", bot_id="B"))
        app.post("/api/users.info")(self._user)
        app.post("/api/files.info")(self._info)
        app.post("/answer")(self._answer)
        app.get("/files/<name>")(self._file)
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        serve_in_a_thread(self._server)

    def client(self) -> WebClient:
        return WebClient(token=TOKEN, base_url=f"{self.url}/api/", timeout=5)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answers(self, count: int = 1) -> dict[str, Any]:
        """Wait for so many answers in all; the last of them."""
        wait_until(lambda: len(self.said) >= count)
        return self.said[count - 1]

    def _user(self) -> Response:
        found = self.users.get(request.form["user"])
        return jsonify(ok=True, user=found) if found else jsonify(ok=False, error="user_not_found")

    def _info(self) -> Response:
        self.asked.append(request.form["file"])
        found = self.infos.get(request.form["file"], "file_not_found")
        if isinstance(found, str):
            return jsonify(ok=False, error=found)
        return jsonify(ok=True, file=found, comments=[])

    def _answer(self) -> tuple[str, int]:
        message = request.get_json()
        if self.refuse_pictures and "image_url" in json.dumps(message):
            return "invalid_blocks", 400
        self.said.append(message)
        return "ok", 200

    def _file(self, name: str) -> Response:
        self.tokens.append(request.headers.get("Authorization", ""))
        content, kind = self.files[name]
        return Response(content, content_type=kind)


def person(user: str, email: str, **more: Any) -> dict[str, Any]:
    """What users.info says of somebody."""
    return {"id": user, "team_id": "T1", "profile": {"email": email}, **more}


class Desk:
    """A Slack client in front of our web process."""

    def __init__(self, client: FlaskClient, slack: Slack) -> None:
        self.client, self.slack = client, slack

    def post(self, body: str, *, at: float | None = None, signature: str | None = None) -> Any:
        stamp = str(int(time.time() if at is None else at))
        mac = hmac.new(SECRET.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
        return self.client.post(
            "/slack/events",
            data=body,
            content_type="application/x-www-form-urlencoded",
            headers={
                "X-Slack-Request-Timestamp": stamp,
                "X-Slack-Signature": signature or f"v0={mac}",
            },
        )

    def body(self, text: str, user: str = "U1", **more: str) -> str:
        return urlencode(
            {
                "command": "/dejabug",
                "text": text,
                "user_id": user,
                "team_id": "T1",
                "channel_id": "C1",
                "trigger_id": str(time.monotonic_ns()),
                "response_url": f"{self.slack.url}/answer",
                **more,
            }
        )

    def ask(self, text: str, user: str = "U1") -> dict[str, Any]:
        """Ask, and wait for the answer."""
        before = len(self.slack.said)
        answer = self.post(self.body(text, user))
        assert (answer.status_code, answer.data) == (200, b"")
        return self.slack.answers(before + 1)

    def interact(self, user: str = "U1", **payload: Any) -> dict[str, Any]:
        """A button or a shortcut, and the answer to it."""
        before = len(self.slack.said)
        payload = {
            "user": {"id": user, "team_id": "T1"},
            "team": {"id": "T1"},
            "channel": {"id": "C1"},
            "trigger_id": str(time.monotonic_ns()),
            "response_url": f"{self.slack.url}/answer",
            **payload,
        }
        assert self.post(urlencode({"payload": json.dumps(payload)})).status_code == 200
        return self.slack.answers(before + 1)

    def press(self, message: dict[str, Any], label: str, user: str = "U1") -> dict[str, Any]:
        """Press the first button with this label."""
        return self.interact(user, type="block_actions", actions=[button(message, label)])


def button(message: dict[str, Any], label: str) -> dict[str, Any]:
    """A message's first button with this label, as it comes back when it is pressed."""
    found = next(each for each in buttons(message) if each["text"]["text"] == label)
    return {**found, "block_id": "b", "type": "button"}


def buttons(message: dict[str, Any]) -> list[dict[str, Any]]:
    """All buttons of a message."""
    rows = [each for each in message.get("blocks", ()) if each["type"] == "actions"]
    return [each for row in rows for each in row["elements"]]


def mounted(services: Services, slack: Slack, app: Flask) -> FlaskClient:
    """Our web app, which speaks to this Slack."""
    app.extensions["slack"].app = create_bolt(services, slack.client())
    return app.test_client()


def named(message: dict[str, Any], keys: list[str]) -> set[str]:
    """Those of the keys that a message names anywhere."""
    return {key for key in keys if key in json.dumps(message)}


@pytest.fixture
def slack() -> Iterator[Slack]:
    """A Slack, as long as the test lasts."""
    found = Slack()
    yield found
    found.close()


@pytest.fixture
def desk(services: Services, slack: Slack, jira: Site) -> Desk:
    """A Slack client in front of our web process, whose account may ask Jira about others."""
    people(jira)["bot"].admin = True
    return Desk(mounted(services, slack, create_app(services)), slack)
