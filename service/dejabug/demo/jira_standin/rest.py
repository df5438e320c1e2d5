"""REST API, version 2, as Jira Cloud answers it: issues and searches.

Only what Déjà Bug and its tests use. Attachments are in `files.py`, comments in `talk.py`, links in
`links.py`.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, jsonify, request

from dejabug.demo.jira_standin import jql
from dejabug.demo.jira_standin.shapes import API, issue_json, project_json, user_json
from dejabug.demo.jira_standin.site import (
    PAGE,
    TroubleError,
    base,
    change_item,
    deployment,
    store,
    tell,
    visible,
)
from dejabug.demo.jira_standin.store import timestamp

blueprint = Blueprint("rest", __name__)


@blueprint.get(f"{API}/serverInfo")
def server_info() -> Response:
    return jsonify(
        baseUrl=base(),
        version="1001.0.0-SNAPSHOT",
        versionNumbers=[1001, 0, 0],
        deploymentType=deployment(),
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


@blueprint.get(f"{API}/project/search")
def find_projects() -> Response:
    """The named projects that exist and that the caller may browse."""
    asked = request.args.getlist("keys")
    with store().lock:
        keys = [key for key in store().projects(g.user) if key in asked]
    found = [project_json(store(), key, base()) for key in keys]
    return jsonify(values=found, maxResults=50, startAt=0, total=len(found), isLast=True)


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
            assignee=(fields.get("assignee") or {}).get("accountId"),
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
                items.append(change_item(name, getattr(issue, name), fields[name]))
                setattr(issue, name, fields[name] or "")
        if "security" in fields:
            issue.security = (fields["security"] or {}).get("name")
            items.append(change_item("security", None, issue.security))
        if "components" in fields:
            issue.components = _names(fields["components"])
            items.append(change_item("Component", None, ", ".join(issue.components)))
        for name in ("status", "resolution"):
            if name in fields:
                items.append(
                    change_item(name, getattr(issue, name), (fields[name] or {}).get("name"))
                )
                setattr(issue, name, (fields[name] or {}).get("name"))
        if "assignee" in fields:
            issue.assignee = (fields["assignee"] or {}).get("accountId")
            items.append(change_item("assignee", None, issue.assignee))
        if "fixVersions" in fields:
            issue.fix_versions = _names(fields["fixVersions"])
            items.append(change_item("Fix Version", None, ", ".join(issue.fix_versions)))
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
    """Issues by id, as far as the calling account may see them. Only Cloud has this."""
    asked = request.get_json(silent=True) or {}
    wanted = asked.get("issueIdsOrKeys") or []
    if deployment() != "Cloud" or not 0 < len(wanted) <= PAGE:
        raise TroubleError(400, f"1 to {PAGE} issues can be fetched at once.")
    with store().lock:
        found = [store().find(each, g.user) for each in wanted]
        shown = sorted((issue for issue in found if issue is not None), key=lambda i: int(i.id))
        fields = asked.get("fields") or ["*navigable"]
        issues = [issue_json(store(), issue, base(), fields) for issue in shown]
    return jsonify(issues=issues, issueErrors=[])


@blueprint.route(f"{API}/search/jql", methods=["GET", "POST"])
def search_jql() -> Response:
    """Cloud's search, which Data Center doesn't have."""
    if deployment() != "Cloud":
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
    """The paged search of Data Center, which Cloud has removed."""
    if deployment() == "Cloud":
        raise TroubleError(
            410, "The requested API has been removed. Please migrate to /rest/api/3/search/jql"
        )
    asked = request.get_json(silent=True) or {} if request.method == "POST" else request.args
    start, size = int(asked.get("startAt") or 0), int(asked.get("maxResults", 50))
    with store().lock:
        found = jql.search(asked.get("jql") or "", store().seen_by(g.user))
        page = [issue_json(store(), issue, base()) for issue in found[start : start + size]]
    return jsonify(startAt=start, maxResults=size, total=len(found), issues=page)


def _names(values: Any) -> list[str]:
    return [value["name"] for value in values or () if value.get("name")]
