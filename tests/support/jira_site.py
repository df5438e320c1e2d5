"""The stand-in Jira over real HTTP: its accounts and tickets, and who can see them."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import requests
from flask import Flask
from werkzeug.serving import BaseWSGIServer, make_server

from dejabug.demo.jira_standin.admin import requests_to
from dejabug.demo.jira_standin.app import create_app as create_jira
from dejabug.demo.jira_standin.app import fill
from dejabug.demo.jira_standin.store import User
from dejabug.jira.client import JiraAccess, JiraClient
from dejabug.records.retention import DAY
from support import contract
from support.servers import serve_in_a_thread

TOKEN = "test-token"
# Stand-ins that are not in use: creating their routes takes longer than most tests.
IDLE_SITES: list[Flask] = []


class Site:
    """The stand-in Jira, served over real HTTP, and hands to work in it."""

    def __init__(self, folder: Path, deployment: Any = "Cloud") -> None:
        users = [
            User("bot", "Déjà Bug", "bot@studio.example", f"{TOKEN}-bot"),
            User("tester", "Tess Tester", "tess@studio.example", f"{TOKEN}-tester"),
            User(
                "admin", "Ada Admin", "ada@studio.example", f"{TOKEN}-admin", ["Secret"], admin=True
            ),
        ]
        if IDLE_SITES:
            self.app = IDLE_SITES.pop()
            fill(self.app, folder, users, deployment)
        else:
            self.app = create_jira(folder, users, deployment)
        self._held: list[threading.Event] = []
        self._server: BaseWSGIServer = make_server("127.0.0.1", 0, self.app, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        serve_in_a_thread(self._server)

    def call(self, method: str, path: str, who: str = "tester", **options: Any) -> Any:
        """A request as one of the people; its JSON, or None."""
        headers = {"Authorization": f"Bearer {TOKEN}-{who}", **options.pop("headers", {})}
        answer = requests.request(method, self.url + path, headers=headers, timeout=20, **options)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def file(self, project: str, summary: str, *clips: Path, **fields: Any) -> str:
        """File a ticket with clips by REST; its key."""
        asked = {"project": {"key": project}, "summary": summary, **fields}
        key = str(self.call("POST", "/rest/api/2/issue", json={"fields": asked})["key"])
        for clip in clips:
            self.attach(key, clip)
        return key

    def attach(self, key: str, path: Path, name: str | None = None) -> str:
        """Attach a file; the attachment's id."""
        made = self.call(
            "POST",
            f"/rest/api/2/issue/{key}/attachments",
            files={"file": (name or path.name, path.read_bytes())},
            headers={"X-Atlassian-Token": "no-check"},
        )
        return str(made[0]["id"])

    def issue(self, key: str, who: str = "admin") -> Any:
        """An issue's JSON."""
        return self.call("GET", f"/rest/api/2/issue/{key}", who)

    def comments(self, key: str) -> list[Any]:
        """An issue's comments."""
        found: list[Any] = self.call("GET", f"/rest/api/2/issue/{key}/comment")["comments"]
        return found

    def log(self) -> Any:
        """Every request and delivery so far."""
        return self.call("GET", "/rest/standin/log", "admin")

    def fail(self, **fault: Any) -> None:
        """Order a fault."""
        self.call("POST", "/rest/standin/faults", "admin", json=fault)

    def hold(self, path: str) -> threading.Event:
        """Let the next request of this path wait until the event that is returned is set."""
        released, app = threading.Event(), self.app
        fault = {"path": path, "status": 0, "count": 1, "delay": 0, "headers": {}}
        with app.extensions["store"].lock:
            app.extensions["faults"].append({**fault, "until": released})
        self._held.append(released)
        return released

    def close(self) -> None:
        """Stop serving; every request that was made must be one that Jira Cloud documents."""
        for released in self._held:
            released.set()
        self._server.shutdown()
        self._server.server_close()
        if self.app.extensions["deployment"] == "Cloud":
            contract.check_stand_in(requests_to(self.app))
        self.app.extensions["ended"].set()
        IDLE_SITES.append(self.app)


def people(jira: Site) -> dict[str, Any]:
    """The accounts of a stand-in by their ids."""
    found: dict[str, Any] = jira.app.extensions["store"].users
    return found


def secure(jira: Site, key: str) -> None:
    """A security level that our own account may see."""
    jira.app.extensions["store"].users["bot"].levels.append("Secret")
    fields = {"security": {"name": "Secret"}}
    jira.call("PUT", f"/rest/api/2/issue/{key}", "admin", json={"fields": fields})


def link(jira: Site, kind: str, inward: str, outward: str) -> None:
    """Link two tickets, as `inward` is blocked by `outward`."""
    ends = {"inwardIssue": {"key": inward}, "outwardIssue": {"key": outward}}
    jira.call("POST", "/rest/api/2/issueLink", json={"type": {"name": kind}, **ends})


def changes(jira: Site) -> list[Any]:
    """The requests so far that may have changed something in Jira."""
    asking = ("/search", "/bulkfetch")
    return [
        (entry["method"], entry["path"])
        for entry in jira.log()["requests"]
        if entry["method"] != "GET" and not any(part in entry["path"] for part in asking)
    ]


YEAR = 365 * DAY


def age(jira: Site, key: str, years: float) -> str:
    """Make a ticket's clips that old in Jira; the ticket's id."""
    when = time.strftime("%Y-%m-%dT%H:%M:%S.000+0000", time.gmtime(time.time() - years * YEAR))
    issue = jira.app.extensions["store"].issues[str(jira.issue(key)["id"])]
    for attachment in issue.attachments:
        attachment.created = when
    return str(issue.id)


def client_of(jira: Site, **given: Any) -> JiraClient:
    """Our own client of a stand-in, as the bot unless something else is given."""
    access = {
        "api_url": jira.url, "browse_url": jira.url, "user": "bot@studio.example",
        "token": f"{TOKEN}-bot",
    }  # fmt: skip
    return JiraClient(JiraAccess(**{**access, **given}))
