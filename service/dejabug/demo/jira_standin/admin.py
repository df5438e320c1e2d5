"""What real Jira has other ways for: registering webhooks, importing history, moving issues; and
faults on demand for tests."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, current_app, g, jsonify, request

from dejabug.demo.jira_standin.rest import TroubleError, base, keep_upload, store, tell, visible
from dejabug.demo.jira_standin.shapes import issue_json

blueprint = Blueprint("admin", __name__)
WEBHOOKS = "/rest/webhooks/1.0/webhook"


@blueprint.route(WEBHOOKS, methods=["GET", "POST"])
def webhooks() -> tuple[Response, int]:
    """Jira's own endpoint for admin webhooks."""
    with store().lock:
        if request.method == "GET":
            return jsonify([_without_secret(hook) for hook in store().hooks.values()]), 200
        asked = request.get_json(silent=True) or {}
        if not asked.get("url") or not asked.get("events"):
            raise TroubleError(400, "url and events are required")
        number = str(store().next_number("webhook", 1))
        address = f"{base()}{WEBHOOKS}/{number}"
        store().hooks[number] = {**asked, "self": address, "enabled": True}
        return jsonify(_without_secret(store().hooks[number])), 201


@blueprint.delete(f"{WEBHOOKS}/<number>")
def delete_webhook(number: str) -> tuple[str, int]:
    """Stop telling that address."""
    with store().lock:
        store().hooks.pop(number, None)
    return "", 204


@blueprint.post("/rest/standin/import")
def import_issue() -> tuple[Response, int]:
    """A ticket from before any webhook: form field `issue` (JSON), files `file`. Sends nothing."""
    asked: dict[str, Any] = json.loads(request.form["issue"])
    with store().lock:
        issue = store().create(asked.pop("project"), g.user.account_id, **asked)
        for file in request.files.getlist("file"):
            keep_upload(issue, file)
        issue.updated = issue.created
        return jsonify(issue_json(store(), issue, base())), 201


@blueprint.post("/rest/standin/issues/<id_or_key>/move")
def move(id_or_key: str) -> tuple[str, int]:
    """Move an issue to another project: it gets a new key and keeps its id."""
    with store().lock:
        issue, project = visible(id_or_key), (request.get_json(silent=True) or {})["project"]
        old = issue.key
        issue.project = project
        issue.key = f"{project}-{store().next_number(f'key:{project}', 1)}"
        item = {"field": "Key", "fieldtype": "jira", "from": None, "fromString": old}
        item |= {"to": None, "toString": issue.key}
        tell("jira:issue_updated", issue, [item], issue_event_type_name="issue_moved")
    return "", 204


@blueprint.post("/rest/standin/faults")
def faults() -> tuple[str, int]:
    """The next `count` requests under `path` are answered with `status` and `headers`, or, with
    status 0, as usual after `delay` seconds."""
    asked = request.get_json(silent=True) or {}
    fault = {"count": 1, "status": 503, "path": "/rest/api/", "headers": {}, "delay": 0, **asked}
    with store().lock:
        current_app.extensions["faults"].append(fault)
    return "", 204


@blueprint.get("/rest/standin/log")
def log() -> Response:
    """Every REST request so far, and every webhook delivery."""
    deliveries = current_app.extensions["sender"].log
    return jsonify(
        user=g.user.name, requests=current_app.extensions["requests"], deliveries=deliveries
    )


def _without_secret(hook: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in hook.items() if name != "secret"}
