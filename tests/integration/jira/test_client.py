"""Jira's REST API through pip jira, over real HTTP against the stand-in."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from dejabug.jira.client import JiraAccess, JiraClient
from dejabug.jira.errors import (
    AttachmentGoneError,
    AttachmentTooLargeError,
    CommentGoneError,
    IssueGoneError,
    JiraRefusedError,
    JiraUnavailableError,
    retry_after,
)
from support.jira_site import Site, client_of


@pytest.fixture
def client(jira: Site) -> JiraClient:
    return client_of(jira)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "run 1 (final) ü.mp4"
    path.write_bytes(bytes(range(256)) * 4096)  # 1 MiB
    return path


def test_an_issue_is_read_with_its_attachments(jira: Site, client: JiraClient, clip: Path) -> None:
    key = jira.file("GAME", "Car sinks", clip, components=[{"name": "Racer"}])
    issue = client.issue(key)
    assert (issue.key, issue.project, issue.summary) == (key, "GAME", "Car sinks")
    assert issue.components == ("Racer",)
    assert issue.security is None
    assert [(a.filename, a.size) for a in issue.attachments] == [(clip.name, 1 << 20)]
    assert client.issue(issue.id) == issue


def test_basic_and_bearer_tokens_both_open_the_door(jira: Site) -> None:
    assert client_of(jira).myself() == "bot"
    assert client_of(jira, user=None).myself() == "bot"
    assert client_of(jira).server().startswith("Cloud")


def test_a_wrong_token_is_refused_and_not_shown(jira: Site) -> None:
    with pytest.raises(JiraRefusedError, match="DEJABUG_JIRA_TOKEN") as caught:
        client_of(jira, token="wrong-token").myself()
    assert "wrong-token" not in str(caught.value)
    assert "wrong-token" not in repr(JiraAccess("a", "b", "c", "wrong-token"))


def test_no_token_at_all_is_refused_before_jira_is_asked(jira: Site) -> None:
    client = client_of(jira, token="")  # who needs no Jira needs no token
    with pytest.raises(JiraRefusedError, match="DEJABUG_JIRA_TOKEN"):
        client.issue("GAME-1")


def test_hidden_and_deleted_issues_look_alike(jira: Site, client: JiraClient) -> None:
    hidden = jira.file("GAME", "secret", security={"name": "Secret"})
    for key in (hidden, "GAME-99"):
        with pytest.raises(IssueGoneError):
            client.issue(key)


def test_many_issues_are_read_in_pages_without_the_hidden_ones(
    jira: Site, client: JiraClient
) -> None:
    ids = [jira.issue(jira.file("GAME", f"s{n}"))["id"] for n in range(105)]
    jira.call(
        "PUT", f"/rest/api/2/issue/{ids[3]}", json={"fields": {"security": {"name": "Secret"}}}
    )
    found = client.issues([*ids, "999999", "not-a-number", ids[0]])
    assert set(found) == set(ids) - {ids[3]}
    assert client.count("project = GAME") == 104


def test_a_search_walks_its_pages(jira: Site, client: JiraClient) -> None:
    for n in range(102):
        jira.file("GAME", f"s{n}")
    page = client.search("project = GAME order by created asc")
    assert len(page.issues) == 100
    rest = client.search("project = GAME order by created asc", page.next_token)
    assert len(rest.issues) == 2
    assert rest.next_token is None


def test_an_unbounded_or_wrong_jql_is_refused_with_jira_s_reason(client: JiraClient) -> None:
    for jql in ("", "frobnicate ~~ 3"):
        with pytest.raises(JiraRefusedError, match=r"JQL|ounded"):
            client.search(jql)


def test_a_download_is_the_file(jira: Site, client: JiraClient, clip: Path, tmp_path: Path) -> None:
    attachment = client.issue(jira.file("GAME", "s", clip)).attachments[0]
    target = tmp_path / "copy"
    size = client.download(attachment.id, target, max_bytes=1 << 20, filename=attachment.filename)
    assert size == 1 << 20
    assert target.read_bytes() == clip.read_bytes()


def test_a_download_is_streamed_and_never_held_in_memory(
    jira: Site, client: JiraClient, tmp_path: Path
) -> None:
    size = 64 << 20
    large = tmp_path / "large.avi"
    with large.open("wb") as file:
        file.truncate(size)
    number = jira.issue(jira.file("GAME", "large", large))["fields"]["attachment"][0]["id"]
    client.server()
    tracemalloc.start()
    try:
        got = client.download(number, tmp_path / "got", max_bytes=size, filename="large.avi")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert got == size
    assert peak < size / 4


@pytest.mark.parametrize("user", ["bot@studio.example", None])
def test_a_download_that_is_refused_or_put_off_says_so(
    jira: Site, clip: Path, tmp_path: Path, user: str | None
) -> None:
    number = jira.issue(jira.file("GAME", "s", clip))["fields"]["attachment"][0]["id"]

    def load(client: JiraClient) -> int:
        return client.download(number, tmp_path / "got", max_bytes=1 << 30, filename=clip.name)

    client = client_of(jira, user=user)
    assert load(client) == 1 << 20
    path = "/rest/api/2/attachment/content"
    jira.fail(path=path, status=429, headers={"Retry-After": "7"})
    with pytest.raises(JiraUnavailableError) as paused:
        load(client)
    assert paused.value.retry_after == 7
    jira.fail(path=path, status=403)
    with pytest.raises(JiraRefusedError, match="DEJABUG_JIRA_TOKEN"):
        load(client)
    with pytest.raises(JiraRefusedError):
        load(client_of(jira, user=user, token="wrong", cloud=True))


def test_a_file_over_the_cap_is_not_downloaded(
    jira: Site, client: JiraClient, clip: Path, tmp_path: Path
) -> None:
    attachment = client.issue(jira.file("GAME", "s", clip)).attachments[0]
    with pytest.raises(AttachmentTooLargeError):
        client.download(attachment.id, tmp_path / "x", max_bytes=1000, filename="a.mp4")
    written = (tmp_path / "x").stat().st_size if (tmp_path / "x").exists() else 0
    assert written <= 1000


def test_downloads_go_to_our_own_jira_only(jira: Site, client: JiraClient, tmp_path: Path) -> None:
    jira.fail(
        path="/rest/api/2/attachment/content",
        status=303,
        headers={"Location": "http://evil.example/x"},
    )
    with pytest.raises(JiraUnavailableError, match=r"evil\.example; redirects are not followed"):
        client.download("5", tmp_path / "x", max_bytes=10, filename="a.mp4")


def test_a_login_page_is_never_taken_for_a_clip(
    jira: Site, client: JiraClient, tmp_path: Path
) -> None:
    jira.fail(
        path="/rest/api/2/attachment/content", status=200, headers={"Content-Type": "text/html"}
    )
    with pytest.raises(JiraRefusedError, match="DEJABUG_JIRA_TOKEN"):
        client.download("5", tmp_path / "x", max_bytes=10_000, filename="a.mp4")


def test_an_attachment_that_is_gone_says_so(client: JiraClient, tmp_path: Path) -> None:
    with pytest.raises(AttachmentGoneError):
        client.download("5", tmp_path / "x", max_bytes=10, filename="a.mp4")
    client.delete_attachment("5")  # no error


def test_our_comment_is_written_found_again_edited_and_deleted(
    jira: Site, client: JiraClient
) -> None:
    key = jira.file("GAME", "s")
    issue_id = jira.issue(key)["id"]
    jira.call("POST", f"/rest/api/2/issue/{key}/comment", json={"body": "by a person"})
    assert client.find_own_comment(issue_id) is None
    comment = client.create_comment(issue_id, "first")
    assert client.find_own_comment(issue_id) == comment
    client.update_comment(issue_id, comment, "second")
    assert [c["body"] for c in jira.comments(key)] == ["by a person", "second"]
    edit = [r for r in jira.log()["requests"] if r["method"] == "PUT" and "comment" in r["path"]]
    assert edit[-1]["query"]["notifyUsers"] == "false"
    client.delete_comment(issue_id, comment)
    client.delete_comment(issue_id, comment)
    with pytest.raises(CommentGoneError):
        client.update_comment(issue_id, comment, "third")
    assert len(jira.comments(key)) == 1


def test_somebody_else_s_marked_comment_is_not_ours(jira: Site, client: JiraClient) -> None:
    key = jira.file("GAME", "s")
    marked = {"body": "x", "properties": [{"key": "dejabug", "value": {}}]}
    jira.call("POST", f"/rest/api/2/issue/{key}/comment", json=marked)
    assert client.find_own_comment(key) is None


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_jira_that_is_away_is_told_from_one_that_refuses(
    jira: Site, client: JiraClient, status: int
) -> None:
    key = jira.file("GAME", "s")
    jira.fail(path="/rest/api/", status=status, headers={"Retry-After": "7"})
    with pytest.raises(JiraUnavailableError) as caught:
        client.issue(key)
    assert caught.value.retry_after == 7


def test_nothing_is_repeated_behind_the_queue_s_back(jira: Site, client: JiraClient) -> None:
    """pip jira's own retries repeat POSTs, so comments would double."""
    key = jira.file("GAME", "s")
    client.myself()
    before = len(jira.log()["requests"])
    jira.fail(path=f"/rest/api/2/issue/{key}/comment", status=503)
    with pytest.raises(JiraUnavailableError):
        client.create_comment(key, "x")
    assert jira.comments(key) == []
    posts = [r for r in jira.log()["requests"][before:] if r["method"] == "POST"]
    assert len([r for r in posts if r["path"].endswith("/comment")]) == 1


def test_a_jira_that_cannot_be_reached_is_unavailable(jira: Site) -> None:
    with pytest.raises(JiraUnavailableError):
        client_of(jira, api_url="http://127.0.0.1:1").myself()


def test_pictures_are_attached_under_their_name(jira: Site, client: JiraClient) -> None:
    key = jira.file("GAME", "s")
    number = client.attach(key, "dejabug-1.png", b"\x89PNG")
    attached = client.issue(key).attachments
    assert [(a.id, a.filename, a.author_id) for a in attached] == [(number, "dejabug-1.png", "bot")]


def test_retry_after_is_seconds_or_a_date() -> None:
    assert retry_after({"Retry-After": "12"}) == 12
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert retry_after({"Retry-After": soon}) == pytest.approx(30, abs=3)
    assert retry_after({"Retry-After": "soon"}) is None
    assert retry_after(None) is None


def test_data_center_is_spoken_to_in_its_own_way(
    data_center: Site, clip: Path, tmp_path: Path
) -> None:
    """A personal access token, the search by pages, and attachments by id and name."""
    for n in range(104):
        data_center.file("GAME", f"s{n}")
    key = data_center.file("GAME", "with a clip", clip)
    client = client_of(data_center, user=None)
    assert client.server().startswith("Server")
    assert client.count("project = GAME") == 105
    first = client.search("project = GAME order by created asc")
    rest = client.search("project = GAME order by created asc", first.next_token)
    assert (len(first.issues), len(rest.issues), rest.next_token) == (100, 5, None)
    issue = client.issue(key)
    assert set(client.issues([issue.id])) == {issue.id}
    attachment = issue.attachments[0]
    target = tmp_path / "copy"
    client.download(attachment.id, target, max_bytes=1 << 20, filename=attachment.filename)
    assert target.read_bytes() == clip.read_bytes()
    used = {entry["path"] for entry in data_center.log()["requests"]}
    assert not any(path.endswith("/search/jql") for path in used)
