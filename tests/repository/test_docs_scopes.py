"""Checks docs/reference/jira-permissions.md against Atlassian's own document."""

from __future__ import annotations

import json
import re
from pathlib import Path

from dejabug.access.principals import EVERYBODY, AccountPrincipal, EmailUser
from dejabug.services import Services
from support import contract
from support.jira_site import Site
from support.repository import ROOT
from support.tickets import old_and_new

ROW = re.compile(r"^\| `([A-Z]+) (/rest/\S+)` \| .* \| (?:none|`(\S+)`) \|$", re.M)


def told() -> dict[tuple[str, str], str]:
    """Scopes by method and path, as the page has them."""
    page = (ROOT / "docs" / "reference" / "jira-permissions.md").read_text("utf-8")
    return {(method, path): scope or "" for method, path, scope in ROW.findall(page)}


@contract.needs_files
def test_scopes_are_those_that_atlassian_states() -> None:
    document = json.loads((contract.FOLDER / "openapi-v2.json").read_text("utf-8"))
    assert len(told()) == 19
    for (method, path), scope in told().items():
        stated = document["paths"][path][method.lower()]["x-atlassian-oauth2-scopes"]
        (current,) = [each["scopes"] for each in stated if each["state"] == "Current"]
        assert current == ([scope] if scope else []), f"{method} {path}"


def test_every_request_of_a_tickets_life_is_in_the_table(
    services: Services, jira: Site, clips: Path
) -> None:
    old_and_new(services, jira, clips)
    assert not_told(jira) <= {("POST", "/rest/api/2/issue")}  # by a person


def test_every_request_about_somebody_known_by_e_mail_is_in_the_table(
    services: Services, jira: Site, clips: Path
) -> None:
    old, *_ = old_and_new(services, jira, clips)
    jira.app.extensions["store"].users["bot"].admin = True
    who = services.jira_users.caller(EmailUser("tess@studio.example"), otherwise=EVERYBODY)
    assert who.principal == AccountPrincipal("tester")
    assert services.visibility.may_see(who.principal, [str(jira.issue(old)["id"])])
    assert not_told(jira) <= {("POST", "/rest/api/2/issue")}


def not_told(jira: Site) -> set[tuple[str, str]]:
    """What was asked of Jira and is not in the table."""
    known = [(method, re.compile(re.sub(r"\{\w+\}", r"[^/]+", path))) for method, path in told()]
    asked = {(entry["method"], entry["path"]) for entry in jira.log()["requests"]}
    return {
        (method, path)
        for method, path in asked
        if not any(each == method and like.fullmatch(path) for each, like in known)
    }
