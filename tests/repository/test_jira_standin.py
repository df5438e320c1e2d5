"""The stand-in Jira: tests rely on it, so it must behave like Jira."""

from __future__ import annotations

import hashlib
import hmac
import json
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
def test_its_pages_can_be_looked_at(jira: Site, path: str) -> None:
    jira.file("GAME", "a herd <script>alert(1)")
    page = requests.get(jira.url + path, timeout=10)
    assert page.status_code == 200
    assert "<script>alert" not in page.text
