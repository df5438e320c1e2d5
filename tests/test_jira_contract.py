"""The requests that pip jira and our own code make, against Atlassian's OpenAPI file of version 2.

The file is Atlassian's and not part of this repository: put it at ../shared/jira/openapi-v2.json,
or name its place in DEJABUG_TEST_OPENAPI; without it these tests are skipped.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests

from conftest import Site
from test_jira_client import client_of

OPENAPI = Path(os.environ.get("DEJABUG_TEST_OPENAPI", "../shared/jira/openapi-v2.json"))
pytestmark = pytest.mark.skipif(not OPENAPI.exists(), reason="Atlassian's OpenAPI file is not here")
# Jira's own, but not in the file: webhooks for administrators, and what only the stand-in has.
OUTSIDE = ("/rest/webhooks/", "/rest/standin/")


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(OPENAPI.read_text("utf-8"))
    return found


@pytest.fixture
def everything(jira: Site, tmp_path: Path) -> list[dict[str, Any]]:
    """The log of a stand-in after each method of our client was used once."""
    clip = tmp_path / "a.mp4"
    clip.write_bytes(b"clip")
    client = client_of(jira)
    key = jira.file("GAME", "s", clip, components=[{"name": "Racer"}], description="d")
    client.server()
    client.myself()
    issue = client.issue(key)
    client.issues([issue.id])
    client.search("project = GAME")
    client.count("project = GAME")
    client.download(issue.attachments[0].id, tmp_path / "b", max_bytes=99, filename="a.mp4")
    picture = client.attach(issue.id, "p.png", b"p")
    comment = client.create_comment(issue.id, "text")
    client.find_own_comment(issue.id)
    client.update_comment(issue.id, comment, "more")
    client.delete_comment(issue.id, comment)
    client.delete_attachment(picture)
    jira.call("PUT", f"/rest/api/2/issue/{key}", json={"fields": {"summary": "t"}})
    other = jira.file("GAME", "u")
    ends = {"inwardIssue": {"key": key}, "outwardIssue": {"key": other}}
    jira.call("POST", "/rest/api/2/issueLink", json={"type": {"name": "Duplicate"}, **ends})
    (link,) = client.issue(key).links
    assert (link.kind, link.key) == ("Duplicate", other)
    number = jira.issue(key)["fields"]["issuelinks"][0]["id"]
    jira.call("DELETE", f"/rest/api/2/issueLink/{number}")
    jira.call("DELETE", f"/rest/api/2/issue/{key}")
    found: list[dict[str, Any]] = jira.log()["requests"]
    return [entry for entry in found if not entry["path"].startswith(OUTSIDE)]


def operation(openapi: dict[str, Any], entry: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The documented operation that a request is."""
    for path, methods in openapi["paths"].items():
        pattern = re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(path))
        if re.fullmatch(pattern, entry["path"]) and entry["method"].lower() in methods:
            # A literal path goes before one with a placeholder.
            if "{" in path and entry["path"] in openapi["paths"]:
                continue
            return path, methods[entry["method"].lower()]
    raise AssertionError(f"Jira has no {entry['method']} {entry['path']}")


def validator(openapi: dict[str, Any], schema: dict[str, Any]) -> jsonschema.Draft4Validator:
    whole = {**schema, "components": openapi["components"]}
    return jsonschema.Draft4Validator(whole)


def test_every_request_is_an_operation_that_jira_documents(
    openapi: dict[str, Any], everything: list[dict[str, Any]]
) -> None:
    assert len(everything) > 14
    for entry in everything:
        path, found = operation(openapi, entry)
        assert not found.get("deprecated"), f"{entry['method']} {path} is deprecated"
        known = {p["name"] for p in found.get("parameters", ()) if p.get("in") == "query"}
        assert set(entry["query"]) <= known, f"{path} has no parameters {entry['query']}"


def test_every_body_is_what_the_operation_takes(
    openapi: dict[str, Any], everything: list[dict[str, Any]]
) -> None:
    checked = 0
    for entry in everything:
        if "body" not in entry or entry["body"] is None:
            continue
        _, found = operation(openapi, entry)
        schema = found["requestBody"]["content"]["application/json"]["schema"]
        validator(openapi, schema).validate(entry["body"])
        checked += 1
    assert checked >= 5


def test_every_answer_of_the_stand_in_is_what_jira_answers(
    openapi: dict[str, Any], everything: list[dict[str, Any]]
) -> None:
    checked = 0
    for entry in everything:
        if "answer" not in entry:
            continue
        path, found = operation(openapi, entry)
        assert str(entry["status"]) in found["responses"], f"{path}: {entry['status']}"
        content = found["responses"][str(entry["status"])].get("content", {})
        if "application/json" in content and "schema" in content["application/json"]:
            schema = content["application/json"]["schema"]
            validator(openapi, schema).validate(entry["answer"])
            checked += 1
    assert checked >= 8


def test_the_removed_search_is_refused(jira: Site) -> None:
    answer = requests.get(
        f"{jira.url}/rest/api/2/search?jql=project=GAME",
        headers={"Authorization": "Bearer test-token-bot"},
        timeout=10,
    )
    assert answer.status_code == 410
