"""The stand-in Jira: tests rely on it, so it must answer as Jira does."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import requests

from dejabug.demo.jira_standin import wiki
from support.jira_site import Site
from support.servers import serve_in_a_thread
from support.waiting import wait_until


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*b* _i_", "<p><b>b</b> <i>i</i></p>"),
        ("* one\n** two", "<ul><li>one</li><ul><li>two</li></ul></ul>"),
        ("[K-1|https://x.example/K-1]", '<p><a href="https://x.example/K-1">K-1</a></p>'),
        ("[x|javascript:alert(1)]", "<p>[x|javascript:alert(1)]</p>"),
        ("<script>", "<p>&lt;script&gt;</p>"),
        (r"\*no\* \[x\]", "<p>*no* [x]</p>"),
        ("!missing.png!", "<p>!missing.png!</p>"),
        ("!a.png|width=9!", '<p><img src="/f/1" alt="a.png" style="width:9px"></p>'),
        ("# one\n# two\n* three", "<ol><li>one</li><li>two</li></ol><ul><li>three</li></ul>"),
        ("{{a <b>}} -no- x-1-y", "<p><code>a &lt;b&gt;</code> <del>no</del> x-1-y</p>"),
        ("bq. said\n----", "<blockquote>said</blockquote><hr>"),
    ],
)
def test_wiki_text_is_rendered_and_escaped(text: str, html: str) -> None:
    assert wiki.render(text, {"a.png": "/f/1"}) == html


class Receiver:
    """Takes webhooks; fails the first `failures` of them."""

    def __init__(self, failures: int = 0) -> None:
        got: list[tuple[dict[str, str], bytes]] = []
        self.got = got
        left = [failures]

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                got.append((dict(self.headers), body))
                left[0] -= 1
                self.send_response(503 if left[0] >= 0 else 202)
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        serve_in_a_thread(self._server)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_webhooks_are_signed_repeated_and_in_order(jira: Site) -> None:
    receiver = Receiver(failures=1)
    try:
        events = ["jira:issue_created", "jira:issue_updated", "jira:issue_deleted"]
        hook = {"name": "t", "url": receiver.url, "events": events, "secret": "s"}
        made = jira.call("POST", "/rest/webhooks/1.0/webhook", "admin", json=hook)
        assert "secret" not in made
        key = jira.file("GAME", "s")
        jira.call("PUT", f"/rest/api/2/issue/{key}", json={"fields": {"summary": "t"}})
        jira.call("DELETE", f"/rest/api/2/issue/{key}")
        wait_until(lambda: len(receiver.got) == 4)
        told = [json.loads(body)["webhookEvent"] for _, body in receiver.got]
        assert told == ["jira:issue_created", *events]
        first, again = receiver.got[0][0], receiver.got[1][0]
        name = "X-Atlassian-Webhook-Identifier"
        assert first[name] == again[name] != receiver.got[2][0][name]
        for headers, body in receiver.got:
            digest = hmac.new(b"s", body, hashlib.sha256).hexdigest()
            assert headers["X-Hub-Signature"] == f"sha256={digest}"
    finally:
        receiver.close()


def test_a_security_level_hides_a_ticket_everywhere(jira: Site) -> None:
    key = jira.file("GAME", "s", security={"name": "Secret"})
    assert jira.issue(key, "admin")["key"] == key
    for path in (f"issue/{key}", f"issue/{key}/comment"):
        with pytest.raises(requests.HTTPError, match="404"):
            jira.call("GET", f"/rest/api/2/{path}", "bot")
    found: Any = jira.call("POST", "/rest/api/2/search/jql", "bot", json={"jql": "project = GAME"})
    assert found["issues"] == []


def test_strangers_get_401(jira: Site) -> None:
    answer = requests.get(f"{jira.url}/rest/api/2/myself", timeout=10)
    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/", "/create", "/browse/GAME-1", "/?q=herd"])
def test_its_pages_open_and_escape(jira: Site, path: str) -> None:
    key = jira.file("GAME", "a herd <script>alert(1)", description="<script>alert(2)")
    jira.call("POST", f"/rest/api/2/issue/{key}/comment", json={"body": "<script>alert(3)"})
    page = requests.get(jira.url + path, timeout=10)
    assert page.status_code == 200
    assert "<script>alert" not in page.text


def post(jira: Site, path: str, **form: str) -> requests.Response:
    """Send a form of the pages."""
    return requests.post(jira.url + path, data=form, timeout=10)


@pytest.fixture
def receiver(jira: Site) -> Iterator[Receiver]:
    """A webhook that gets every event about comments, links and issues."""
    receiver = Receiver()
    events = [f"comment_{what}" for what in ("created", "updated", "deleted")]
    events += ["issuelink_created", "issuelink_deleted", "jira:issue_updated"]
    hook = {"name": "t", "url": receiver.url, "events": events}
    jira.call("POST", "/rest/webhooks/1.0/webhook", "admin", json=hook)
    yield receiver
    receiver.close()


def events_of(receiver: Receiver, count: int) -> list[Any]:
    """The first `count` webhooks."""
    wait_until(lambda: len(receiver.got) >= count)
    return [json.loads(body) for _, body in receiver.got]


def test_the_comment_box_writes_as_the_tester_and_sends_the_webhook(
    jira: Site, receiver: Receiver
) -> None:
    key = jira.file("GAME", "s")
    page = post(jira, f"/browse/{key}/comment", body="/dejabug not GAME-7\r\n*bold*")
    assert "<p>/dejabug not GAME-7</p><p><b>bold</b></p>" in page.text
    (made,) = jira.comments(key)
    assert made["body"] == "/dejabug not GAME-7\n*bold*"
    assert made["author"]["accountId"] == "tester"
    post(jira, f"/browse/{key}/comment/{made['id']}", body="other", do="save")
    assert jira.comments(key)[0]["body"] == "other"
    post(jira, f"/browse/{key}/comment/{made['id']}", do="delete")
    assert jira.comments(key) == []
    told = events_of(receiver, 3)
    names = ["comment_created", "comment_updated", "comment_deleted"]
    assert [each["webhookEvent"] for each in told] == names
    assert told[0]["comment"]["id"] == made["id"]
    assert told[0]["issue"]["key"] == key


def test_nobody_changes_the_comment_of_somebody_else(jira: Site) -> None:
    key = jira.file("GAME", "s")
    path = f"/rest/api/2/issue/{key}/comment"
    number = jira.call("POST", path, "bot", json={"body": "ours"})["id"]
    for do in ("save", "delete"):
        answer = post(jira, f"/browse/{key}/comment/{number}", body="theirs", do=do)
        assert answer.status_code == 403
    assert jira.comments(key)[0]["body"] == "ours"
    assert "Edit or delete" not in requests.get(f"{jira.url}/browse/{key}", timeout=10).text


@pytest.mark.parametrize("body", ["", " \n ", "x" * 32_768])
def test_a_comment_has_1_to_32767_characters(jira: Site, body: str) -> None:
    key = jira.file("GAME", "s")
    assert post(jira, f"/browse/{key}/comment", body=body).status_code == 400
    assert jira.comments(key) == []


def test_a_link_is_shown_at_both_ends_and_can_be_removed(jira: Site, receiver: Receiver) -> None:
    one, other = jira.file("GAME", "s"), jira.file("GAME", "t")
    page = post(jira, f"/browse/{one}/link", kind="Duplicate/inward", key=other.lower())
    assert ">is duplicated by</span>" in page.text
    assert f'href="/browse/{other}"' in page.text
    post(jira, f"/browse/{one}/link", kind="Duplicate/inward", key=other)  # it is there already
    (link,) = jira.issue(other)["fields"]["issuelinks"]
    assert link["type"]["name"] == "Duplicate"
    assert link["outwardIssue"]["key"] == one
    there = requests.get(f"{jira.url}/browse/{other}", timeout=10).text
    assert ">duplicates</span>" in there
    post(jira, f"/browse/{other}/link", remove=link["id"])
    assert jira.issue(one)["fields"]["issuelinks"] == []
    told = events_of(receiver, 2)
    assert [each["webhookEvent"] for each in told] == ["issuelink_created", "issuelink_deleted"]


@pytest.mark.parametrize("key", ["GAME-1", "GAME-9", "", "SECRET-1"])
def test_a_link_needs_another_ticket_that_the_tester_sees(jira: Site, key: str) -> None:
    one = jira.file("GAME", "s")
    hidden = jira.file("SECRET", "hidden words")
    jira.call("PUT", f"/rest/api/2/issue/{hidden}", "admin",
              json={"fields": {"security": {"name": "Secret"}}})  # fmt: skip
    answer = post(jira, f"/browse/{one}/link", kind="Duplicate/outward", key=key)
    assert answer.status_code == 400
    assert "hidden words" not in answer.text
    assert jira.issue(one)["fields"]["issuelinks"] == []


def test_the_status_menu_resolves_a_ticket(jira: Site, receiver: Receiver) -> None:
    key = jira.file("GAME", "s")
    page = post(jira, f"/browse/{key}/status", status="Done – Fixed")
    assert "<dd>Fixed</dd>" in page.text
    assert jira.issue(key)["fields"]["resolution"]["name"] == "Fixed"
    (told,) = events_of(receiver, 1)
    assert {item["field"] for item in told["changelog"]["items"]} == {"status", "resolution"}
    assert post(jira, f"/browse/{key}/status", status="Gone").status_code == 400


def test_other_sites_cannot_send_its_forms(jira: Site) -> None:
    key = jira.file("GAME", "s")
    answer = requests.post(
        f"{jira.url}/browse/{key}/comment",
        data={"body": "from elsewhere"},
        headers={"Origin": "https://evil.example"},
        timeout=10,
    )
    assert answer.status_code == 403
    assert jira.comments(key) == []


def test_a_missing_ticket_gets_a_page_that_says_so(jira: Site) -> None:
    page = requests.get(f"{jira.url}/browse/GAME-<b>", timeout=10)
    assert page.status_code == 404
    assert "GAME-&lt;b&gt; doesn&#39;t exist." in page.text
