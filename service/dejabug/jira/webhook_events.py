"""Jira's webhooks: is it signed with our secret, and what does it tell?

Jira signs the raw body with the admin webhook's secret (`X-Hub-Signature: sha256=…`, WebSub's
scheme). The payload only says which issue to look at: everything else is re-read over REST.
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
# A comment's own address, for events that name no issue (Data Center's may lack it).
COMMENT_ADDRESS = re.compile(r"/issue/(\d+)/comment/\d+$")
ALGORITHM = "sha256"
# How a comment speaks to us.
CALL = "/dejabug"


class SignatureError(Exception):
    """The body is not signed with our secret."""


class PayloadError(Exception):
    """The body is not Jira's; the message says what is wrong with it."""


@dataclass(frozen=True)
class Event:
    """What a webhook tells. `new_attachments`: files were added; `moved_from`: the old key;
    `comment_id`: a comment that was written and may speak to us.

    `ignored` events carry a `reason` and may have no issue.
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
    """The header that Jira sends with this body. Raises ValueError for an empty secret."""
    if not secret:
        raise ValueError("an empty webhook secret signs nothing")
    return f"{ALGORITHM}={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def verify_signature(secret: str, body: bytes, header: str | None) -> None:
    """Raises SignatureError unless `header` signs the raw body; compared in constant time."""
    expected = sign(secret, body)
    if not header:
        raise SignatureError("no X-Hub-Signature: set a secret on the webhook in Jira")
    if not hmac.compare_digest(expected.encode(), header.encode("utf-8", "replace")):
        raise SignatureError("the signature does not match the body and our secret")


def parse_event(body: bytes) -> Event:
    """A webhook's body → what it tells. Raises PayloadError when it is not Jira's."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PayloadError("the body is not JSON") from error
    if not isinstance(payload, dict):
        raise PayloadError("the body is no JSON object")
    name, issue = payload.get("webhookEvent"), payload.get("issue")
    if name is None and not isinstance(issue, dict):
        raise PayloadError("neither a webhookEvent nor an issue: not a webhook of Jira's")
    if name is not None and not isinstance(name, str):
        raise PayloadError("webhookEvent is no string")
    kind = _kind(name)
    if name in LINK_EVENTS:
        # Both ends tell of a link: one of them read again is enough.
        source = as_mapping(payload.get("issueLink")).get("sourceIssueId")
        if not _numeric(source):
            return Event("ignored", reason=f"{name} names no issue")
        return Event("updated", str(source))
    if name == COMMENT_EVENT:
        return _comment_event(payload)
    if kind == "ignored":
        return Event("ignored", reason=f"nothing to do for {name[:60] if name else 'this'}")
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
        return Event("ignored", reason="a comment that names no issue")
    author, body = account_of(comment.get("author")), comment.get("body")
    # A body that is cut off or an Atlassian document is read again before it is obeyed.
    speaks = CALL in body.lower() if isinstance(body, str) else body is not None
    return Event(
        "comment" if speaks else "ignored",
        str(issue_id),
        actor_id=author,
        comment_id=str(comment["id"]),
        reason="" if speaks else "a comment that does not speak to us",
    )


def is_own(event: Event, account: bytes | str | None) -> bool:
    """Whether our own account caused the event: our comments and pictures raise events too."""
    own = account.decode() if isinstance(account, bytes) else account
    return bool(own) and event.actor_id == own


def _kind(name: str | None) -> Literal["created", "updated", "deleted", "ignored"]:
    # Posts of Jira's automation rules name no event: the issue they carry is worth a look.
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
