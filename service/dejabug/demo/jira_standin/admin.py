"""What real Jira has other ways for: registering webhooks, importing history, moving issues; and
faults on demand for tests."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Flask, Response, current_app, g, jsonify, request

from dejabug.demo.jira_standin.files import keep_upload
from dejabug.demo.jira_standin.shapes import issue_json
from dejabug.demo.jira_standin.site import TroubleError, base, store, tell, visible

blueprint = Blueprint("admin", __name__)
WEBHOOKS = "/rest/webhooks/1.0/webhook"
# Data Center's from version 10 on, which is the one that this stand-in then is.
NEW_WEBHOOKS = "/rest/jira-webhook/1.0/webhooks"
FILTER = "issue-related-events-section"


@blueprint.route(WEBHOOKS, methods=["GET", "POST"])
@blueprint.route(NEW_WEBHOOKS, methods=["GET", "POST"])
def webhooks() -> tuple[Response, int]:
    """Jira's own endpoint for admin webhooks."""
    with store().lock:
        _administrate()
        if request.method == "GET":
            return jsonify([_shown(number) for number in store().hooks]), 200
        number = str(store().next_number("webhook", 1))
        store().hooks[number] = _taken({"enabled": True})
        return jsonify(_shown(number)), 201


@blueprint.route(f"{WEBHOOKS}/<number>", methods=["GET", "PUT"])
@blueprint.route(f"{NEW_WEBHOOKS}/<number>", methods=["GET", "PUT"])
def webhook(number: str) -> tuple[Response, int]:
    """One webhook. A change without a secret keeps the old one."""
    with store().lock:
        _administrate()
        if number not in store().hooks:
            raise TroubleError(404, f"There is no webhook {number}.")
        if request.method == "PUT":
            store().hooks[number] = _taken(store().hooks[number])
        return jsonify(_shown(number)), 200


@blueprint.delete(f"{WEBHOOKS}/<number>")
@blueprint.delete(f"{NEW_WEBHOOKS}/<number>")
def delete_webhook(number: str) -> tuple[str, int]:
    """Stop telling that address."""
    with store().lock:
        _administrate()
        store().hooks.pop(number, None)
    return "", 204


def _administrate() -> None:
    """404 at the other kind of Jira's address; 403 for who is no administrator."""
    if _is_new_api() == request.path.startswith(WEBHOOKS):
        raise TroubleError(404, f"null for uri: {request.path}")
    if not g.user.admin:
        raise TroubleError(403, "You do not have permission to manage webhooks.")


def _is_new_api() -> bool:
    return str(current_app.extensions["deployment"]) != "Cloud"


def _taken(old: dict[str, Any]) -> dict[str, Any]:
    """A webhook as asked for, over what it was; kept in the older API's terms."""
    asked = request.get_json(silent=True) or {}
    if _is_new_api():
        given = asked.get("configuration") or {}
        asked = {
            "name": asked.get("name"),
            "url": asked.get("url"),
            "events": asked.get("events"),
            "enabled": asked.get("active", True),
            "excludeBody": str(given.get("EXCLUDE_BODY")).lower() == "true",
            "filters": {FILTER: given["FILTERS"]} if given.get("FILTERS") else {},
            # A secret beside the configuration is passed over without a word.
            **({"secret": given["SECRET"]} if given.get("SECRET") else {}),
        }
    if not asked.get("url") or not asked.get("events"):
        raise TroubleError(400, "url and events are required")
    return {**old, **asked}


def _shown(number: str) -> dict[str, Any]:
    """A webhook as Jira shows it: without its secret."""
    hook = {name: value for name, value in store().hooks[number].items() if name != "secret"}
    if not _is_new_api():
        return {**hook, "self": f"{base()}{WEBHOOKS}/{number}"}
    configuration = {"EXCLUDE_BODY": str(bool(hook.get("excludeBody"))).lower()}
    if hook.get("filters"):
        configuration["FILTERS"] = hook["filters"][FILTER]
    return {
        "id": int(number),
        "name": hook["name"],
        "url": hook["url"],
        "events": hook["events"],
        "active": hook["enabled"],
        "configuration": configuration,
        "scopeType": "global",
        "sslVerificationRequired": True,
    }


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
    return jsonify(user=g.user.name, requests=requests_to(current_app), deliveries=deliveries)


def requests_to(site: Flask) -> list[dict[str, Any]]:
    """The REST requests so far; what was sent either way as JSON, None where it was none."""
    return [
        {name: _parsed(each) if isinstance(each, bytes) else each for name, each in entry.items()}
        for entry in site.extensions["requests"]
    ]


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None
