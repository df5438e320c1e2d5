"""REST API, version 2: comments."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, jsonify, request

from dejabug.demo.jira_standin.shapes import API, comment_json, issue_json
from dejabug.demo.jira_standin.site import PAGE, TroubleError, base, sender, store, visible
from dejabug.demo.jira_standin.store import Comment, Issue, timestamp

blueprint = Blueprint("talk", __name__)


@blueprint.get(f"{API}/issue/<id_or_key>/comment")
def get_comments(id_or_key: str) -> Response:
    start = int(request.args.get("startAt", 0))
    size = min(int(request.args.get("maxResults", PAGE)), PAGE)
    properties = "properties" in request.args.get("expand", "")
    with store().lock:
        issue = visible(id_or_key)
        page = issue.comments[start : start + size]
        return jsonify(
            startAt=start,
            maxResults=size,
            total=len(issue.comments),
            comments=[
                comment_json(store(), issue, each, base(), properties=properties) for each in page
            ],
        )


@blueprint.post(f"{API}/issue/<id_or_key>/comment")
def add_comment(id_or_key: str) -> tuple[Response, int]:
    asked = request.get_json(silent=True) or {}
    if not isinstance(asked.get("body"), str) or not asked["body"].strip():
        raise TroubleError(400, "Comment body can not be empty!")
    with store().lock:
        issue = visible(id_or_key)
        comment = write(issue, asked["body"], asked.get("properties") or [])
        return jsonify(comment_json(store(), issue, comment, base())), 201


@blueprint.route(f"{API}/issue/<id_or_key>/comment/<number>", methods=["GET", "PUT", "DELETE"])
def one_comment(id_or_key: str, number: str) -> tuple[Response, int] | tuple[str, int]:
    with store().lock:
        issue = visible(id_or_key)
        comment = find(issue, number)
        if request.method == "DELETE":
            delete(issue, comment)
            return "", 204
        if request.method == "PUT":
            asked = request.get_json(silent=True) or {}
            edit(issue, comment, asked.get("body") or comment.body)
        return jsonify(comment_json(store(), issue, comment, base())), 200


# What the REST API and the pages share. The caller holds the store's lock.


def find(issue: Issue, number: str) -> Comment:
    """An issue's comment by its id. Raises TroubleError (404)."""
    comment = next((each for each in issue.comments if each.id == number), None)
    if comment is None:
        raise TroubleError(404, f"Can not find a comment for the id: {number}.")
    return comment


def write(issue: Issue, body: str, properties: list[dict[str, Any]]) -> Comment:
    """Add a comment in wiki markup as the current user, and send its webhook."""
    now = timestamp()
    number = str(store().next_number("comment", 30001))
    comment = Comment(number, g.user.account_id, body, now, now, properties)
    issue.comments.append(comment)
    _tell("comment_created", issue, comment)
    return comment


def edit(issue: Issue, comment: Comment, body: str) -> None:
    """Change a comment's text, and send its webhook."""
    comment.body, comment.updated = body, timestamp()
    _tell("comment_updated", issue, comment)


def delete(issue: Issue, comment: Comment) -> None:
    """Delete a comment, and send its webhook."""
    issue.comments.remove(comment)
    _tell("comment_deleted", issue, comment)


def _tell(event: str, issue: Issue, comment: Comment) -> None:
    raw = comment_json(store(), issue, comment, base())
    sender().send(event, {"comment": raw, "issue": _short(issue)})


def _short(issue: Issue) -> dict[str, Any]:
    return issue_json(store(), issue, base(), ("summary", "project", "status", "issuetype"))
