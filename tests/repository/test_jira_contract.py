"""The requests of pip jira and of our own code conform to Atlassian's OpenAPI files.

Each test's stand-in has its whole log checked when it closes (support/jira_site.py). Here every
method of our client is used once, and the check itself is tested with requests that it must reject.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from support import contract
from support.jira_site import Site, client_of

pytestmark = contract.needs_files


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
    client.present([issue.id])
    client.check_account()
    client.sees_project("GAME")
    client.delete_comment(issue.id, client.create_passing_comment(issue.id, "soon gone"))
    client.search("project = GAME")
    client.count("project = GAME")
    client.download(issue.attachments[0].id, tmp_path / "b", max_bytes=99, filename="a.mp4")
    picture = client.attach(issue.id, "p.png", b"p")
    comment = client.create_comment(issue.id, "text", internal=True)
    client.comment(issue.id, comment)
    client.find_own_comment(issue.id)
    client.update_comment(issue.id, comment, "more")
    client.delete_comment(issue.id, comment)
    client.delete_attachment(picture)
    jira.call("PUT", f"/rest/api/2/issue/{key}", json={"fields": {"summary": "t"}})
    other = jira.file("GAME", "u")
    ends = {"inwardIssue": {"key": key}, "outwardIssue": {"key": other}}
    for version in (2, 3):  # the panel's link, as its viewer, is of version 3
        link = {"type": {"name": "Duplicate"}, **ends}
        jira.call("POST", f"/rest/api/{version}/issueLink", json=link)
    links = client.issue(key).links
    assert {(link.kind, link.key, link.outward) for link in links} == {("Duplicate", other, True)}
    number = jira.issue(key)["fields"]["issuelinks"][0]["id"]
    jira.call("DELETE", f"/rest/api/2/issueLink/{number}")
    jira.call("DELETE", f"/rest/api/2/issue/{key}")
    found: list[dict[str, Any]] = jira.log()["requests"]
    return found


def test_every_request_and_answer_is_one_that_jira_documents(
    everything: list[dict[str, Any]],
) -> None:
    contract.check(everything)
    ours = [entry for entry in everything if not entry["path"].startswith(contract.OUTSIDE)]
    assert len({(entry["method"], entry["rule"]) for entry in ours}) > 17


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"path": "/rest/api/2/issue/1/nonsense", "rule": "n"}, "has no"),
        ({"query": {"nonsense": "1"}}, "no parameters"),
        ({"path": "/rest/api/2/search", "rule": "s", "method": "GET", "body": None}, "deprecated"),
        ({"body": {"jql": 7}}, "the body"),
        ({"answer": {"issues": "none"}}, "the answer"),
    ],
)
def test_the_check_refuses_what_jira_does_not_document(
    change: dict[str, Any], complaint: str
) -> None:
    asked = {
        "method": "POST",
        "rule": "/rest/api/2/search/jql",
        "path": "/rest/api/2/search/jql",
        "query": {},
        "status": 200,
        "body": {"jql": "project = GAME"},
        "answer": {"issues": [], "isLast": True},
    }
    contract.check([asked])
    with pytest.raises(AssertionError, match=complaint):
        contract.check([{**asked, **change}])


def test_the_removed_search_is_refused(jira: Site) -> None:
    answer = requests.get(
        f"{jira.url}/rest/api/2/search?jql=project=GAME",
        headers={"Authorization": "Bearer test-token-bot"},
        timeout=10,
    )
    assert answer.status_code == 410


def test_a_stand_in_that_was_asked_what_jira_does_not_document_fails_its_test(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path)
    with pytest.raises(requests.HTTPError):
        site.call("GET", "/rest/api/2/nonsense")
    with pytest.raises(AssertionError, match="Jira has no GET /rest/api/2/nonsense"):
        site.close()
