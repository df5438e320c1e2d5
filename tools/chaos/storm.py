"""The studio's tickets, and Jira's webhooks about them: duplicated, shuffled, and resent."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import requests

from dejabug.demo.studio import CLIPS, project_keys
from dejabug.evaluation.manifest import read_manifest
from dejabug.jira.webhook_events import sign

# Events of one ticket: its creation, and changes of it. Each is sent twice.
EVENTS = 4
TWICE = 2
SENDERS = 8
TIMEOUT = 15
# Seconds between two tries of one event. Jira waits minutes, and gives up after five; we do not.
AGAIN = 1.0


@dataclass(frozen=True)
class Filed:
    """A ticket in Jira: its id and key, and the attachment that is its clip."""

    id: str
    key: str
    clip: str


def file_tickets(jira: str, token: str, count: int) -> list[Filed]:
    """Create tickets with the demo's clips, in turn, without webhooks."""
    entries = read_manifest(CLIPS)
    keys = project_keys(entries)
    session = _session(token)
    filed = []
    for number in range(count):
        entry = entries[number % len(entries)]
        fields = {
            "project": keys[entry.game],
            "summary": entry.summary or entry.file,
            "description": entry.description,
            "components": [entry.game],
        }
        path = CLIPS / entry.file
        answer = session.post(
            f"{jira}/rest/standin/import",
            data={"issue": json.dumps(fields)},
            files={"file": (path.name, path.read_bytes())},
            timeout=TIMEOUT,
        )
        answer.raise_for_status()
        issue = answer.json()
        clip = issue["fields"]["attachment"][0]["id"]
        filed.append(Filed(str(issue["id"]), issue["key"], str(clip)))
    return filed


class Storm:
    """Sends every event of these tickets to the service."""

    def __init__(self, tickets: list[Filed], service: str, secret: str, chance: random.Random):
        self.bodies = [
            _event(ticket, number) for ticket in tickets for number in range(EVENTS)
        ] * TWICE
        chance.shuffle(self.bodies)
        self.answers: Counter[int] = Counter()
        self._address = f"{service}/webhooks/jira"
        self._secret = secret
        self._lock = threading.Lock()

    def rage(self, seconds: float) -> None:
        """Send all, evenly over `seconds`, or as fast as they are accepted."""
        started = time.monotonic()
        pause = seconds / len(self.bodies)
        with ThreadPoolExecutor(SENDERS) as pool:
            for number, body in enumerate(self.bodies):
                time.sleep(max(0.0, started + number * pause - time.monotonic()))
                pool.submit(self._send, body)

    def _send(self, body: bytes) -> None:
        headers = {
            "Content-Type": "application/json",
            "X-Hub-Signature": sign(self._secret, body),
        }
        while True:
            try:
                status = requests.post(
                    self._address, data=body, headers=headers, timeout=TIMEOUT
                ).status_code
            except requests.RequestException:
                status = 0
            with self._lock:
                self.answers[status] += 1
            if 200 <= status < 300:
                return
            time.sleep(AGAIN)


def _event(ticket: Filed, number: int) -> bytes:
    payload: dict[str, Any] = {
        "timestamp": 1_700_000_000_000 + number,
        "webhookEvent": "jira:issue_updated" if number else "jira:issue_created",
        "user": {"accountId": "tester"},
        "issue": {"id": ticket.id, "key": ticket.key},
    }
    if number:
        item = {"field": "status", "fromString": "Open", "toString": f"Step {number}"}
        payload["changelog"] = {"id": f"{ticket.id}{number}", "items": [item]}
    return json.dumps(payload).encode()


def _session(token: str) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Bearer {token}-tester"
    return session


def comments_by_us(jira: str, token: str, ticket: Filed) -> list[str]:
    """Our comments on a ticket, in wiki text."""
    session = _session(token)
    address = f"{jira}/rest/api/2/issue/{ticket.id}/comment"
    found = session.get(address, timeout=TIMEOUT).json()["comments"]
    return [str(each["body"]) for each in found if each["author"]["accountId"] == "bot"]


def pictures_by_us(jira: str, token: str, ticket: Filed) -> list[str]:
    """Names of the images that we attached to a ticket."""
    address = f"{jira}/rest/api/2/issue/{ticket.id}?fields=attachment"
    fields = _session(token).get(address, timeout=TIMEOUT).json()["fields"]
    return [
        str(each["filename"])
        for each in fields["attachment"]
        if each["author"]["accountId"] == "bot"
    ]
