"""The requests, permissions and scopes in docs/jira.md, against Atlassian's own document."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import contract
from conftest import Site
from dejabug.rooms import Rooms
from test_docs import ROOT
from test_jobs import old_and_new

ROW = re.compile(r"^\| `([A-Z]+) (/rest/\S+)` \| .* \| (?:none|`(\S+)`) \|$", re.M)


def told() -> dict[tuple[str, str], str]:
    """Scopes by method and path, as the page has them."""
    page = (ROOT / "docs" / "jira.md").read_text("utf-8")
    return {(method, path): scope or "" for method, path, scope in ROW.findall(page)}


@pytest.mark.skipif(not contract.present(), reason="Atlassian's document is not here")
def test_scopes_are_those_that_atlassian_states() -> None:
    document = json.loads((contract.FOLDER / "openapi-v2.json").read_text("utf-8"))
    assert len(told()) == 17
    for (method, path), scope in told().items():
        stated = document["paths"][path][method.lower()]["x-atlassian-oauth2-scopes"]
        (current,) = [each["scopes"] for each in stated if each["state"] == "Current"]
        assert current == ([scope] if scope else []), f"{method} {path}"


def test_every_request_of_a_tickets_life_is_in_the_table(
    place: Rooms, jira: Site, clips: Path
) -> None:
    old_and_new(place, jira, clips)
    known = [(method, re.compile(re.sub(r"\{\w+\}", r"[^/]+", path))) for method, path in told()]
    filed = ("POST", "/rest/api/2/issue")  # by a person
    for entry in jira.log()["requests"]:
        method, path = entry["method"], entry["path"]
        found = any(each == method and like.fullmatch(path) for each, like in known)
        assert found or (method, path) == filed, f"{method} {path} is not in docs/jira.md"
