"""What all pages and endpoints of the stand-in share: its tickets, its webhooks, Jira's errors."""

from __future__ import annotations

from typing import Any

from flask import current_app, g, request

from dejabug.demo.jira_standin.sender import Sender
from dejabug.demo.jira_standin.shapes import issue_json, user_json
from dejabug.demo.jira_standin.store import Issue, Store

# Issues or comments on one page, at most.
PAGE = 100


class TroubleError(Exception):
    """An error answer in Jira's shape."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"errorMessages": [message], "errors": {}}


def store() -> Store:
    """The site's tickets."""
    found: Store = current_app.extensions["store"]
    return found


def sender() -> Sender:
    """The site's webhooks."""
    found: Sender = current_app.extensions["sender"]
    return found


def deployment() -> str:
    """Cloud, or Server as Data Center calls itself."""
    return str(current_app.extensions["deployment"])


def base() -> str:
    """The site's own address."""
    return request.url_root.rstrip("/")


def visible(id_or_key: str) -> Issue:
    """The issue, or 404 as Jira says it: gone and hidden look alike."""
    issue = store().find(id_or_key, g.user)
    if issue is None:
        raise TroubleError(404, "Issue does not exist or you do not have permission to see it.")
    return issue


def tell(event: str, issue: Issue, items: list[dict[str, Any]] | None = None, **more: Any) -> None:
    """Send an issue's event to the webhooks."""
    payload: dict[str, Any] = {
        "user": user_json(g.user, base()),
        "issue": issue_json(store(), issue, base()),
        **more,
    }
    if items is not None:
        payload["changelog"] = {"id": str(store().next_number("changelog", 1)), "items": items}
    sender().send(event, payload)


def change_item(field: str, old: Any, new: Any, *, to: str | None = None) -> dict[str, Any]:
    """One item of a changelog."""
    return {
        "field": field,
        "fieldtype": "jira",
        "fieldId": field.lower(),
        "from": None,
        "fromString": old,
        "to": to,
        "toString": new,
    }
