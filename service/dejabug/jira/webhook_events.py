"""Jira's webhooks: check the signature, and parse the event.

Jira signs the raw body with the admin webhook's secret (`X-Hub-Signature: sha256=…`, as in WebSub).
Only the issue's id is taken from the payload; everything else is read over REST.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dejabug.jira.models import account_of, as_mapping, is_id

LINK_EVENTS = ("issuelink_created", "issuelink_deleted")
COMMENT_EVENT = "comment_created"
# A comment's URL, for events without the issue (Data Center may leave it out).
COMMENT_ADDRESS = re.compile(r"/issue/(\d+)/comment/\d+$")
ALGORITHM = "sha256"
# How a command in a comment starts.
CALL = "/dejabug"


class SignatureError(Exception):
    """The body is not signed with our secret."""


class PayloadError(Exception):
    """The body is not a valid Jira event; the message says why."""


@dataclass(frozen=True)
class Event:
    """A webhook's event. `new_attachments`: whether files were added; `moved_from`: the old key;
    `comment_id`: a new comment that may have a command for us.

    `ignored` events have a `reason`, and may have no issue.
    """

    kind: Literal["created", "updated", "deleted", "comment", "ignored"]
    issue_id: str = ""
    issue_key: str | None = None
    actor_id: str | None = None
    new_attachments: bool = False
    moved_from: str | None = None
    comment_id: str = ""
    reason: str = ""


def sign(secret: str, body: bytes) -> str:
    """The signature header that Jira sends with this body. Raises ValueError for an empty
    secret."""
    if not secret:
        raise ValueError("the webhook secret is empty: set DEJABUG_WEBHOOK_SECRET")
    return f"{ALGORITHM}={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def verify_signature(secret: str, body: bytes, header: str | None) -> None:
    """Raises SignatureError unless `header` signs the raw body; compared in constant time."""
    expected = sign(secret, body)
    if not header:
        raise SignatureError("no X-Hub-Signature: set the webhook's secret in Jira")
    if not hmac.compare_digest(expected.encode(), header.encode("utf-8", "replace")):
        raise SignatureError(
            "wrong signature: the webhook's secret in Jira differs from DEJABUG_WEBHOOK_SECRET"
        )


def parse_event(body: bytes) -> Event:
    """Parse a webhook's body. Raises PayloadError if it isn't a valid Jira event."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PayloadError("the body is not JSON") from error
    if not isinstance(payload, dict):
        raise PayloadError("the body is not a JSON object")
    name, issue = payload.get("webhookEvent"), payload.get("issue")
    if name is None and not isinstance(issue, dict):
        raise PayloadError("not a Jira webhook: it has neither webhookEvent nor issue")
    if name is not None and not isinstance(name, str):
        raise PayloadError("webhookEvent is not a string")
    kind = _kind(name)
    if name in LINK_EVENTS:
        # Both issues of a link show it, so reading one of them again is enough.
        source = as_mapping(payload.get("issueLink")).get("sourceIssueId")
        if not _numeric(source):
            return Event("ignored", reason=f"{name} has no issue")
        return Event("updated", str(source))
    if name == COMMENT_EVENT:
        return _comment_event(payload)
    if kind == "ignored":
        return Event("ignored", reason=f"nothing to do for {name[:60] if name else 'this event'}")
    if not isinstance(issue, dict) or not _numeric(issue.get("id")):
        raise PayloadError(f"{name or 'the body'} has no issue with a numeric id")
    items = list(_changes(payload.get("changelog")))
    moves = [item for item in items if str(item.get("field")).lower() == "key"]
    return Event(
        kind=kind,
        issue_id=str(issue["id"]),
        issue_key=str(issue["key"]) if issue.get("key") else None,
        actor_id=account_of(payload.get("user")),
        new_attachments=any(
            str(item.get("field")).lower() == "attachment" and item.get("to") for item in items
        ),
        moved_from=str(moves[0].get("fromString")) if moves else None,
    )


def _comment_event(payload: Mapping[str, Any]) -> Event:
    comment = as_mapping(payload.get("comment"))
    found = COMMENT_ADDRESS.search(str(comment.get("self") or ""))
    issue_id = as_mapping(payload.get("issue")).get("id") or (found and found[1])
    if not _numeric(comment.get("id")) or not _numeric(issue_id):
        return Event("ignored", reason="a comment without an issue")
    author, body = account_of(comment.get("author")), comment.get("body")
    # The comment is read again over REST before a command in it runs.
    speaks = CALL in body.lower() if isinstance(body, str) else body is not None
    return Event(
        "comment" if speaks else "ignored",
        str(issue_id),
        actor_id=author,
        comment_id=str(comment["id"]),
        reason="" if speaks else "a comment without a /dejabug command",
    )


def is_own(event: Event, account: bytes | str | None) -> bool:
    """Whether our own account caused the event: our comments and images cause events, too."""
    own = account.decode() if isinstance(account, bytes) else account
    return bool(own) and event.actor_id == own


def _kind(name: str | None) -> Literal["created", "updated", "deleted", "ignored"]:
    # Requests from Jira's automation rules have no event name; their issue is read again.
    if name is None or name == "jira:issue_updated":
        return "updated"
    if name == "jira:issue_created":
        return "created"
    return "deleted" if name == "jira:issue_deleted" else "ignored"


def _changes(changelog: Any) -> Iterator[Mapping[str, Any]]:
    items = changelog.get("items") if isinstance(changelog, dict) else None
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):
            yield item


def _numeric(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, str) and is_id(value))
