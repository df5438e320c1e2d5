"""REST API, version 2: attachments."""

from __future__ import annotations

import mimetypes
from typing import Any

from flask import Blueprint, Response, g, jsonify, redirect, request, send_file
from werkzeug.wrappers import Response as BaseResponse

from dejabug.demo.jira_standin.shapes import API, attachment_json
from dejabug.demo.jira_standin.site import (
    TroubleError,
    base,
    change_item,
    sender,
    store,
    tell,
    visible,
)
from dejabug.demo.jira_standin.store import Attachment, Issue

blueprint = Blueprint("files", __name__)
UPLOAD_LIMIT = 1024 * 1024 * 1024


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
            item = change_item("Attachment", None, attachment.filename, to=attachment.id)
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
        # Names may have any sign, headers may not.
        download_name="".join(c if c.isprintable() else "_" for c in attachment.filename),
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
        item = change_item("Attachment", attachment.filename, None)
        item["from"] = attachment.id
        tell("jira:issue_updated", issue, [item], issue_event_type_name="issue_updated")
    return "", 204


def _attachment(number: int) -> tuple[Issue, Attachment]:
    found = store().attachment(str(number), g.user)
    if found is None:
        raise TroubleError(404, f"The attachment with id '{number}' does not exist")
    return found
