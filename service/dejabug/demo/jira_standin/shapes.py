"""Tickets as the JSON that Jira's REST API, version 2, gives."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from dejabug.demo.jira_standin.store import Attachment, Comment, Issue, Link, Store, User

API = "/rest/api/2"
# Link types by name: id, and how a link of this type reads at its inward and its outward end.
LINK_TYPES = {
    "Duplicate": ("10002", "is duplicated by", "duplicates"),
    "Blocks": ("10000", "is blocked by", "blocks"),
    "Relates": ("10003", "relates to", "relates to"),
}
# The property that keeps a comment from a service project's customers.
INTERNAL = "sd.public.comment"


def user_json(user: User, base: str) -> dict[str, Any]:
    """An account."""
    return {
        "self": f"{base}{API}/user?accountId={user.account_id}",
        "accountId": user.account_id,
        "accountType": "atlassian",
        **({} if user.hides_email else {"emailAddress": user.email}),
        "displayName": user.name,
        "active": user.active,
        "timeZone": "Etc/UTC",
    }


def attachment_json(store: Store, attachment: Attachment, base: str) -> dict[str, Any]:
    """An attachment, with the address of its content."""
    return {
        "self": f"{base}{API}/attachment/{attachment.id}",
        "id": attachment.id,
        "filename": attachment.filename,
        "author": user_json(store.users[attachment.author], base),
        "created": attachment.created,
        "size": attachment.size,
        "mimeType": attachment.mime_type,
        "content": f"{base}{API}/attachment/content/{attachment.id}",
    }


def comment_json(
    store: Store, issue: Issue, comment: Comment, base: str, *, properties: bool = False
) -> dict[str, Any]:
    """A comment, with its properties when asked for."""
    author = user_json(store.users[comment.author], base)
    found = {
        "self": f"{base}{API}/issue/{issue.id}/comment/{comment.id}",
        "id": comment.id,
        "author": author,
        "updateAuthor": author,
        "body": comment.body,
        "created": comment.created,
        "updated": comment.updated,
        "jsdPublic": not any(each["key"] == INTERNAL for each in comment.properties),
    }
    return {**found, "properties": comment.properties} if properties else found


def issue_json(
    store: Store, issue: Issue, base: str, wanted: Collection[str] = ("*all",)
) -> dict[str, Any]:
    """An issue with the wanted fields (`*all` and `*navigable` as in Jira)."""
    fields = _fields(store, issue, base)
    if not {"*all", "*navigable"} & set(wanted):
        fields = {name: fields[name] for name in wanted if name in fields}
    return {
        "expand": "names,schema,operations,editmeta,changelog,renderedFields",
        "id": issue.id,
        "self": f"{base}{API}/issue/{issue.id}",
        "key": issue.key,
        "fields": fields,
    }


def project_id(key: str) -> int:
    """A project's number."""
    return sum(map(ord, key))


def project_json(store: Store, project: str, base: str) -> dict[str, Any]:
    """A project."""
    return {
        "self": f"{base}{API}/project/{project}",
        "id": str(project_id(project)),
        "key": project,
        "name": project,
        "projectTypeKey": store.project_types.get(project, "software"),
        "simplified": False,
    }


def _fields(store: Store, issue: Issue, base: str) -> dict[str, Any]:
    reporter = user_json(store.users[issue.reporter], base)
    comments = [comment_json(store, issue, comment, base) for comment in issue.comments]
    return {
        "summary": issue.summary,
        "description": issue.description,
        "project": project_json(store, issue.project, base),
        "issuetype": {"id": "10004", "name": "Bug", "subtask": False},
        "status": _status(issue.status, base),
        "resolution": _named(issue.resolution),
        "security": _named(issue.security),
        "components": [_named(name) for name in issue.components],
        "fixVersions": [_named(name) for name in issue.fix_versions],
        "labels": [],
        "assignee": user_json(store.users[issue.assignee], base) if issue.assignee else None,
        "reporter": reporter,
        "creator": reporter,
        "created": issue.created,
        "updated": issue.updated,
        "attachment": [attachment_json(store, each, base) for each in issue.attachments],
        "comment": {
            "comments": comments,
            "maxResults": len(comments),
            "total": len(comments),
            "startAt": 0,
        },
        "issuelinks": [
            link_json(store, link, issue, base)
            for link in store.links
            if issue.id in (link.inward, link.outward)
        ],
    }


def link_json(store: Store, link: Link, seen_from: Issue, base: str) -> dict[str, Any]:
    """A link as the issue at one of its ends shows it: it names the other end."""
    end, other = ("inwardIssue", link.inward)
    if seen_from.id == link.inward:
        end, other = ("outwardIssue", link.outward)
    issue = store.issues[other]
    number, inward, outward = LINK_TYPES.get(link.kind, LINK_TYPES["Relates"])
    return {
        "id": link.id,
        "self": f"{base}{API}/issueLink/{link.id}",
        "type": {"id": number, "name": link.kind, "inward": inward, "outward": outward},
        end: {
            "id": issue.id,
            "key": issue.key,
            "self": f"{base}{API}/issue/{issue.id}",
            "fields": {"summary": issue.summary},
        },
    }


def _status(name: str, base: str) -> dict[str, Any]:
    key = {"Open": "new", "Done": "done"}.get(name, "indeterminate")
    category = {
        "id": len(key),
        "key": key,
        "name": key,
        "self": f"{base}{API}/statuscategory/{key}",
    }
    return {"id": name, "name": name, "description": "", "statusCategory": category}


def _named(name: str | None) -> dict[str, str] | None:
    return None if name is None else {"id": str(sum(map(ord, name))), "name": name}
