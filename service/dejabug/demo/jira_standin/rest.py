"""REST API, version 2, as Jira Cloud answers it: the part that Déjà Bug and its tests speak."""

from __future__ import annotations

import mimetypes
from typing import Any

from flask import Blueprint, Response, current_app, g, jsonify, redirect, request, send_file
from werkzeug.wrappers import Response as BaseResponse

from dejabug.demo.jira_standin import jql
from dejabug.demo.jira_standin.sender import Sender
from dejabug.demo.jira_standin.shapes import (
    API,
    attachment_json,
    comment_json,
    issue_json,
    project_json,
    user_json,
)
from dejabug.demo.jira_standin.store import Attachment, Comment, Issue, Link, Store, timestamp

blueprint = Blueprint("rest", __name__)
PAGE = 100
UPLOAD_LIMIT = 1024 * 1024 * 1024


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


def _deployment() -> str:
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


@blueprint.get(f"{API}/serverInfo")
def server_info() -> Response:
    return jsonify(
        baseUrl=base(),
        version="1001.0.0-SNAPSHOT",
        versionNumbers=[1001, 0, 0],
        deploymentType=_deployment(),
        buildNumber=100300,
        serverTitle="Stand-in Jira",
    )


@blueprint.get(f"{API}/myself")
def myself() -> Response:
    return jsonify(user_json(g.user, base()))


@blueprint.get(f"{API}/project")
def projects() -> Response:
    with store().lock:
        keys = sorted({issue.project for issue in store().issues.values()})
    return jsonify([project_json(store(), key, base()) for key in keys])


@blueprint.get(f"{API}/project/<key>")
def project(key: str) -> Response:
    with store().lock:
        if not store().knows_project(key, g.user):
            raise TroubleError(404, f"No project could be found with key '{key}'.")
        return jsonify(project_json(store(), key, base()))


# Issues


@blueprint.post(f"{API}/issue")
def create_issue() -> tuple[Response, int]:
    fields = (request.get_json(silent=True) or {}).get("fields") or {}
    project, summary = (fields.get("project") or {}).get("key"), fields.get("summary")
    if not project or not summary:
        raise TroubleError(400, "project and summary are required")
    with store().lock:
        issue = store().create(
            project,
            g.user.account_id,
            summary=summary,
            description=fields.get("description") or "",
            components=_names(fields.get("components")),
            security=(fields.get("security") or {}).get("name"),
        )
        tell("jira:issue_created", issue, issue_event_type_name="issue_created")
    address = f"{base()}{API}/issue/{issue.id}"
    return jsonify({"id": issue.id, "key": issue.key, "self": address}), 201


@blueprint.get(f"{API}/issue/<id_or_key>")
def get_issue(id_or_key: str) -> Response:
    with store().lock:
        issue = visible(id_or_key)
        wanted = request.args.get("fields", "*all").split(",")
        return jsonify(issue_json(store(), issue, base(), wanted))


@blueprint.put(f"{API}/issue/<id_or_key>")
def edit_issue(id_or_key: str) -> tuple[str, int]:
    fields = (request.get_json(silent=True) or {}).get("fields") or {}
    with store().lock:
        issue = visible(id_or_key)
        items = []
        for name in ("summary", "description"):
            if name in fields:
                items.append(_item(name, getattr(issue, name), fields[name]))
                setattr(issue, name, fields[name] or "")
        if "security" in fields:
            issue.security = (fields["security"] or {}).get("name")
            items.append(_item("security", None, issue.security))
        if "components" in fields:
            issue.components = _names(fields["components"])
            items.append(_item("Component", None, ", ".join(issue.components)))
        for name in ("status", "resolution"):
            if name in fields:
                items.append(_item(name, getattr(issue, name), (fields[name] or {}).get("name")))
                setattr(issue, name, (fields[name] or {}).get("name"))
        if "fixVersions" in fields:
            issue.fix_versions = _names(fields["fixVersions"])
            items.append(_item("Fix Version", None, ", ".join(issue.fix_versions)))
        issue.updated = timestamp()
        tell("jira:issue_updated", issue, items, issue_event_type_name="issue_generic")
    return "", 204


@blueprint.delete(f"{API}/issue/<id_or_key>")
def delete_issue(id_or_key: str) -> tuple[str, int]:
    with store().lock:
        issue = visible(id_or_key)
        del store().issues[issue.id]
        store().links = [
            link for link in store().links if issue.id not in (link.inward, link.outward)
        ]
        tell("jira:issue_deleted", issue)
    return "", 204


@blueprint.post(f"{API}/issue/bulkfetch")
def bulk_fetch() -> Response:
    """Issues by id, those that the asking account may see; Cloud's alone."""
    asked = request.get_json(silent=True) or {}
    wanted = asked.get("issueIdsOrKeys") or []
    if _deployment() != "Cloud" or not 0 < len(wanted) <= PAGE:
        raise TroubleError(400, f"1 to {PAGE} issues can be fetched at once.")
    with store().lock:
        found = [store().find(each, g.user) for each in wanted]
        shown = sorted((issue for issue in found if issue is not None), key=lambda i: int(i.id))
        fields = asked.get("fields") or ["*navigable"]
        issues = [issue_json(store(), issue, base(), fields) for issue in shown]
    return jsonify(issues=issues, issueErrors=[])


@blueprint.route(f"{API}/search/jql", methods=["GET", "POST"])
def search_jql() -> Response:
    """Cloud's search, which Data Center does not have."""
    if _deployment() != "Cloud":
        raise TroubleError(404, "null for uri: /rest/api/2/search/jql")
    asked = request.get_json(silent=True) or {} if request.method == "POST" else request.args
    fields = asked.get("fields") or []
    wanted = fields.split(",") if isinstance(fields, str) else fields
    start, size = (
        int(asked.get("nextPageToken") or 0),
        min(int(asked.get("maxResults") or 50), 5000),
    )
    with store().lock:
        found = jql.search(asked.get("jql") or "", store().seen_by(g.user))
        page = found[start : start + size]
        if wanted:
            answer = [issue_json(store(), issue, base(), wanted) for issue in page]
        else:
            answer = [{"id": issue.id} for issue in page]
    if start + size < len(found):
        return jsonify(issues=answer, nextPageToken=str(start + size), isLast=False)
    return jsonify(issues=answer, isLast=True)


@blueprint.post(f"{API}/search/approximate-count")
def approximate_count() -> Response:
    asked = request.get_json(silent=True) or {}
    with store().lock:
        return jsonify(count=len(jql.search(asked.get("jql") or "", store().seen_by(g.user))))


@blueprint.route(f"{API}/search", methods=["GET", "POST"])
def search_removed() -> Response:
    """The search by pages: Data Center's, and removed from Cloud."""
    if _deployment() == "Cloud":
        raise TroubleError(
            410, "The requested API has been removed. Please migrate to /rest/api/3/search/jql"
        )
    asked = request.get_json(silent=True) or {} if request.method == "POST" else request.args
    start, size = int(asked.get("startAt") or 0), int(asked.get("maxResults", 50))
    with store().lock:
        found = jql.search(asked.get("jql") or "", store().seen_by(g.user))
        page = [issue_json(store(), issue, base()) for issue in found[start : start + size]]
    return jsonify(startAt=start, maxResults=size, total=len(found), issues=page)


# Links


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
        link = Link(str(store().next_number("link", 30001)), kind, inward.id, outward.id)
        store().links.append(link)
        _tell_link("issuelink_created", link)
    return "", 201


@blueprint.delete(f"{API}/issueLink/<number>")
def unlink_issues(number: str) -> tuple[str, int]:
    with store().lock:
        link = next((each for each in store().links if each.id == number), None)
        if link is None:
            raise TroubleError(404, "No issue link with this id exists.")
        store().links.remove(link)
        _tell_link("issuelink_deleted", link)
    return "", 204


def _tell_link(event: str, link: Link) -> None:
    told = {
        "id": int(link.id),
        "sourceIssueId": int(link.inward),
        "destinationIssueId": int(link.outward),
        "issueLinkType": {"id": 10002, "name": link.kind},
    }
    sender().send(event, {"issueLink": told})


# Attachments


@blueprint.post(f"{API}/issue/<id_or_key>/attachments")
def add_attachments(id_or_key: str) -> Response:
    if request.headers.get("X-Atlassian-Token") != "no-check":
        raise TroubleError(403, "XSRF check failed")
    with store().lock:
        issue = visible(id_or_key)
        made = [keep_upload(issue, file) for file in request.files.getlist("file")]
        for attachment in made:
            raw = attachment_json(store(), attachment, base())
            # Cloud's attachment_created names no issue.
            sender().send("attachment_created", {"attachment": raw})
            item = _item("Attachment", None, attachment.filename, to=attachment.id)
            tell("jira:issue_updated", issue, [item], issue_event_type_name="issue_updated")
        return jsonify([attachment_json(store(), attachment, base()) for attachment in made])


def keep_upload(issue: Issue, file: Any) -> Attachment:
    """Keep an uploaded file on an issue, as the asking account."""
    name = file.filename or "file"
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return store().attach(issue, g.user.account_id, name, kind, file.read())


@blueprint.get(f"{API}/attachment/meta")
def attachment_meta() -> Response:
    return jsonify(enabled=True, uploadLimit=UPLOAD_LIMIT)


@blueprint.get(f"{API}/attachment/<int:number>")
def get_attachment(number: int) -> Response:
    return jsonify(attachment_json(store(), _attachment(number)[1], base()))


@blueprint.get(f"{API}/attachment/content/<int:number>")
def attachment_content(number: int) -> BaseResponse:
    _, attachment = _attachment(number)
    if request.args.get("redirect", "true") != "false":
        return redirect(f"{base()}{API}/attachment/content/{number}?redirect=false", code=303)
    return send_file(
        store().path_of(attachment.id).resolve(),
        mimetype=attachment.mime_type,
        download_name=attachment.filename,
        conditional=True,
    )


@blueprint.get("/secure/attachment/<int:number>/<name>")
def secure_attachment(number: int, name: str) -> BaseResponse:
    """Data Center's address of an attachment, which wants its name as well."""
    _, attachment = _attachment(number)
    if name != attachment.filename:
        raise TroubleError(404, f"The attachment with id '{number}' has another name")
    return send_file(store().path_of(attachment.id).resolve(), mimetype=attachment.mime_type)


@blueprint.delete(f"{API}/attachment/<int:number>")
def delete_attachment(number: int) -> tuple[str, int]:
    with store().lock:
        issue, attachment = _attachment(number)
        issue.attachments.remove(attachment)
        store().path_of(attachment.id).unlink(missing_ok=True)
        sender().send(
            "attachment_deleted", {"attachment": attachment_json(store(), attachment, base())}
        )
        item = _item("Attachment", attachment.filename, None)
        item["from"] = attachment.id
        tell("jira:issue_updated", issue, [item], issue_event_type_name="issue_updated")
    return "", 204


# Comments


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


def _attachment(number: int) -> tuple[Issue, Attachment]:
    found = store().attachment(str(number), g.user)
    if found is None:
        raise TroubleError(404, f"The attachment with id '{number}' does not exist")
    return found


def _short(issue: Issue) -> dict[str, Any]:
    return issue_json(store(), issue, base(), ("summary", "project", "status", "issuetype"))


def _item(field: str, old: Any, new: Any, *, to: str | None = None) -> dict[str, Any]:
    return {
        "field": field,
        "fieldtype": "jira",
        "fieldId": field.lower(),
        "from": None,
        "fromString": old,
        "to": to,
        "toString": new,
    }


def _names(values: Any) -> list[str]:
    return [value["name"] for value in values or () if value.get("name")]
