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
        issue, now = visible(id_or_key), timestamp()
        comment = Comment(
            str(store().next_number("comment", 30001)),
            g.user.account_id,
            asked["body"],
            now,
            now,
            asked.get("properties") or [],
        )
        issue.comments.append(comment)
        raw = comment_json(store(), issue, comment, base())
        sender().send("comment_created", {"comment": raw, "issue": _short(issue)})
        return jsonify(raw), 201


@blueprint.route(f"{API}/issue/<id_or_key>/comment/<number>", methods=["GET", "PUT", "DELETE"])
def one_comment(id_or_key: str, number: str) -> tuple[Response, int] | tuple[str, int]:
    with store().lock:
        issue = visible(id_or_key)
        comment = next((each for each in issue.comments if each.id == number), None)
        if comment is None:
            raise TroubleError(404, f"Can not find a comment for the id: {number}.")
        if request.method == "DELETE":
            issue.comments.remove(comment)
            raw = comment_json(store(), issue, comment, base())
            sender().send("comment_deleted", {"comment": raw, "issue": _short(issue)})
            return "", 204
        if request.method == "PUT":
            asked = request.get_json(silent=True) or {}
            comment.body, comment.updated = asked.get("body") or comment.body, timestamp()
            raw = comment_json(store(), issue, comment, base())
            sender().send("comment_updated", {"comment": raw, "issue": _short(issue)})
        return jsonify(comment_json(store(), issue, comment, base())), 200


def _short(issue: Issue) -> dict[str, Any]:
    return issue_json(store(), issue, base(), ("summary", "project", "status", "issuetype"))
