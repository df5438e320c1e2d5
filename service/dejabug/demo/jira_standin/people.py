"""Who has an account, and what they may see: REST API, version 2, as Jira Cloud answers it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from flask import Blueprint, Response, g, jsonify, request

from dejabug.demo.jira_standin.shapes import API, project_id, user_json
from dejabug.demo.jira_standin.site import TroubleError, base, store
from dejabug.demo.jira_standin.store import User

blueprint = Blueprint("people", __name__)
# Issues that one check may name.
MOST = 1000


@blueprint.get(f"{API}/user/search")
def find_users() -> Response:
    """Accounts whose name or email begins with what is asked; Data Center asks by `username`."""
    asked = request.args.get("query", request.args.get("username", "")).casefold()
    if not asked:
        raise TroubleError(400, "A query is required.")
    most = int(request.args.get("maxResults", 50))
    with store().lock:
        found = [
            user
            for user in store().users.values()
            if user.active and any(each.casefold().startswith(asked) for each in _names(user))
        ]
        return jsonify([user_json(user, base()) for user in found[:most]])


@blueprint.get(f"{API}/user")
def account() -> Response:
    """An account, deactivated or not."""
    with store().lock:
        user = store().users.get(request.args.get("accountId", ""))
        if user is None:
            raise TroubleError(404, "Specified user does not exist or you cannot view it.")
        return jsonify(user_json(user, base()))


@blueprint.post(f"{API}/permissions/check")
def check_permissions() -> Response:
    """Which of the issues and projects an account may see, were it active: Jira does not say that
    this counts. Another's is told to administrators only."""
    asked: dict[str, Any] = request.get_json(silent=True) or {}
    account = asked.get("accountId", g.user.account_id)
    if account != g.user.account_id and not g.user.admin:
        raise TroubleError(403, "Only Jira administrators can perform this operation.")
    with store().lock:
        user = store().users.get(account)
        if user is None:
            raise TroubleError(400, "The account id is invalid.")
        grants = [
            {
                "permission": permission,
                "issues": _seen(user, check),
                "projects": _browsed(user, check.get("projects") or ()),
            }
            for check in asked.get("projectPermissions") or ()
            for permission in check["permissions"]
        ]
        return jsonify(globalPermissions=[], projectPermissions=grants)


def _names(user: User) -> tuple[str, ...]:
    """What an account is found by; a hidden email finds nobody."""
    return (user.name,) if user.hides_email else (user.name, user.email)


def _seen(user: User, check: dict[str, Any]) -> list[int]:
    issues = check.get("issues") or []
    if len(issues) > MOST:
        raise TroubleError(400, f"No more than {MOST} issues can be checked.")
    known = (each for each in issues if str(each) in store().issues)
    return [each for each in known if store().find(str(each), user)]


def _browsed(user: User, projects: Collection[int]) -> list[int]:
    return [project_id(key) for key in store().projects(user) if project_id(key) in projects]
