"""REST API, versions 2 and 3: issue links."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from dejabug.demo.jira_standin.shapes import API, LINK_TYPES
from dejabug.demo.jira_standin.site import TroubleError, sender, store, visible
from dejabug.demo.jira_standin.store import Issue, Link

blueprint = Blueprint("links", __name__)


@blueprint.post("/rest/api/3/issueLink")
@blueprint.post(f"{API}/issueLink")
def link_issues() -> tuple[str, int]:
    asked = request.get_json(silent=True) or {}
    with store().lock:
        inward, outward = (
            visible(str((asked.get(end) or {}).get("key") or (asked.get(end) or {}).get("id")))
            for end in ("inwardIssue", "outwardIssue")
        )
        kind = str((asked.get("type") or {}).get("name") or "")
        if not kind:
            raise TroubleError(404, "No issue link type was found.")
        make(kind, inward, outward)
    return "", 201


@blueprint.delete(f"{API}/issueLink/<number>")
def unlink_issues(number: str) -> tuple[str, int]:
    with store().lock:
        remove(number)
    return "", 204


# What the REST API and the pages share. The caller holds the store's lock.


def make(kind: str, inward: Issue, outward: Issue) -> None:
    """Link two issues, as "`inward` duplicates `outward`", and send the webhook. A link that is
    already there stays as it is."""
    ends = (kind, inward.id, outward.id)
    if any((each.kind, each.inward, each.outward) == ends for each in store().links):
        return
    link = Link(str(store().next_number("link", 30001)), *ends)
    store().links.append(link)
    _tell("issuelink_created", link)


def remove(number: str) -> None:
    """Delete a link by its id, and send the webhook. Raises TroubleError (404)."""
    link = next((each for each in store().links if each.id == number), None)
    if link is None:
        raise TroubleError(404, "No issue link with this id exists.")
    store().links.remove(link)
    _tell("issuelink_deleted", link)


def links_of(issue: Issue) -> list[tuple[str, str, Issue]]:
    """An issue's links: the link's id, how it reads from here ("duplicates"), and the other end."""
    found = []
    for link in store().links:
        _, inward, outward = LINK_TYPES.get(link.kind, LINK_TYPES["Relates"])
        if link.inward == issue.id:
            found.append((link.id, outward, store().issues[link.outward]))
        elif link.outward == issue.id:
            found.append((link.id, inward, store().issues[link.inward]))
    return found


def _tell(event: str, link: Link) -> None:
    told: dict[str, Any] = {
        "id": int(link.id),
        "sourceIssueId": int(link.inward),
        "destinationIssueId": int(link.outward),
        "issueLinkType": {"id": int(LINK_TYPES.get(link.kind, ("1",))[0]), "name": link.kind},
    }
    sender().send(event, {"issueLink": told})
