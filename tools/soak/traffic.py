"""A season of a studio's year: what Jira, users and attackers do, as fast as it is accepted."""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from dejabug.jira.webhook_events import sign

PROJECTS = ("YEAR", "SEQUEL")
# Number of senders, seconds for an answer, and between two tries of one event.
SENDERS, TIMEOUT, AGAIN = 6, 30, 0.5
FORGER = "a secret that is not ours"
WORDS = ("a car sinks into the road", "a cow floats", "dark caves", "the player is stuck")


@dataclass
class Ticket:
    """A ticket in Jira: its id and key, and its clips' ids."""

    id: str
    key: str
    clips: list[str]


@dataclass
class World:
    """Jira's and the service's URLs, and the studio's current tickets."""

    jira: str
    service: str
    token: str
    secret: str
    api_token: str
    clips: Sequence[Path]
    chance: random.Random
    tickets: dict[str, Ticket] = field(default_factory=dict)
    events: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _local: threading.local = field(default_factory=threading.local)

    def known(self) -> set[str]:
        """Ids, keys and digests of everything that exists, and the projects' keys."""
        found = {*PROJECTS} | {hashlib.sha256(clip.read_bytes()).hexdigest() for clip in self.clips}
        for ticket in self.tickets.values():
            found |= {ticket.id, ticket.key, *ticket.clips}
        return found

    # In Jira, as a user

    def ask_jira(self, method: str, path: str, **options: Any) -> Any:
        """Do something in Jira as its tester; returns the answer's JSON."""
        headers = {"Authorization": f"Bearer {self.token}-tester", **options.pop("headers", {})}
        answer = self.session.request(
            method, self.jira + path, headers=headers, timeout=TIMEOUT, **options
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    @property
    def session(self) -> requests.Session:
        """One per thread."""
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = False
        session: requests.Session = self._local.session
        return session

    def file(self, number: int) -> Ticket:
        """Create a ticket, most with a clip, some with one that cannot be read."""
        kind = self.chance.random()
        fields = {
            "project": PROJECTS[number % 8 == 0],
            "summary": f"{self.chance.choice(WORDS)}, case {number}",
            "description": "",
            "components": ["game"],
        }
        files = None
        if kind < 0.7:
            clip = self.chance.choice(self.clips)
            files = {"file": (f"{number}.mp4", clip.read_bytes())}
        elif kind < 0.75:
            files = {"file": (f"{number}.mp4", b"\x00\x00\x00\x18ftypmp42" + bytes(200))}
        return self._import(fields, files)

    def file_words(self, project: str) -> Ticket:
        """Create a ticket without a clip."""
        return self._import({"project": project, "summary": WORDS[0], "description": ""}, None)

    def _import(self, fields: Mapping[str, Any], files: Mapping[str, Any] | None) -> Ticket:
        data = {"issue": json.dumps(fields)}
        made = self.ask_jira("POST", "/rest/standin/import", data=data, files=files)
        clips = [str(each["id"]) for each in made["fields"]["attachment"]]
        ticket = Ticket(str(made["id"]), made["key"], clips)
        with self._lock:
            self.tickets[ticket.id] = ticket
        return ticket

    # Webhooks

    def send(self, kind: str, ticket: Ticket, *, secret: str = "", **more: Any) -> None:
        """Send one event until it is accepted, as Jira does; one with a wrong signature, once."""
        payload = {
            "timestamp": time.time_ns(),
            "webhookEvent": kind,
            "user": {"accountId": "tester"},
            "issue": {"id": ticket.id, "key": ticket.key},
            **more,
        }
        body = json.dumps(payload).encode()
        copies = 2 if self.chance.random() < 0.1 else 1
        for _ in range(copies):
            while not self._post(body, secret or self.secret) and not secret:
                time.sleep(AGAIN)

    def _post(self, body: bytes, secret: str) -> bool:
        headers = {"Content-Type": "application/json", "X-Hub-Signature": sign(secret, body)}
        status = self.ask("POST", "/webhooks/jira", "webhook", data=body, headers=headers)
        return 200 <= status < 300

    def ask(self, method: str, path: str, what: str, **options: Any) -> int:
        """One request to the service; returns its status. It counts as an event."""
        try:
            with self.session.request(
                method, self.service + path, timeout=TIMEOUT, allow_redirects=False, **options
            ) as answer:
                status = answer.status_code
        except requests.RequestException:
            status = 0
        with self._lock:
            self.events += 1
            self.answers[f"{what} {status}"] += 1
        return status

    # Users

    def as_somebody(self, path: str, what: str, token: str = "", **options: Any) -> int:
        """A call to the API."""
        headers = {"Authorization": f"Bearer {token or self.api_token}"}
        method = "POST" if "files" in options else "GET"
        return self.ask(method, f"/api/v1{path}", what, headers=headers, **options)

    def look_at_panel(self, ticket: Ticket) -> None:
        """Open a ticket in Jira, whose panel calls through Forge's remote."""
        with self._lock:
            self.events += 1
        path = f"{self.jira}/forge/v1/issues/{ticket.id}/similar"
        status = self.session.get(path, timeout=TIMEOUT).status_code
        with self._lock:
            self.answers[f"panel {status}"] += 1


def season(world: World, events: int, number: int) -> None:
    """About `events` events, of all kinds at once; `number` is the season's."""
    until = world.events + events
    fresh = events // 16
    with ThreadPoolExecutor(SENDERS) as pool:
        _all(pool, lambda n: _filed(world, n), range(number * fresh, (number + 1) * fresh))
        _all(pool, lambda deed: deed(world), _deeds(world, until))
    gone = world.chance.sample(sorted(world.tickets), len(world.tickets) * 2 // 3)
    with ThreadPoolExecutor(SENDERS) as pool:
        # A few are deleted without a webhook: the next reconcile finds them.
        silent = set(gone[: min(3, len(gone) // 4)])
        _all(pool, lambda issue: delete(world, issue, silent=issue in silent), gone)


def _filed(world: World, number: int) -> None:
    world.send("jira:issue_created", world.file(number))


def _deeds(world: World, until: int) -> Iterable[Callable[[World], None]]:
    while world.events < until:
        deed = world.chance.choices(list(DEEDS), list(DEEDS.values()))[0]
        yield deed


def _all(pool: ThreadPoolExecutor, act: Callable[[Any], None], each: Iterable[Any]) -> None:
    """Do it for each, some at once; raises the first error."""
    waiting = []
    for one in each:
        waiting.append(pool.submit(act, one))
        if len(waiting) >= 4 * SENDERS:
            waiting.pop(0).result()
    for future in waiting:
        future.result()


def delete(world: World, issue_id: str, *, silent: bool = False) -> None:
    """Delete a ticket in Jira."""
    ticket = world.tickets.pop(issue_id)
    world.ask_jira("DELETE", f"/rest/api/2/issue/{issue_id}")
    if not silent:
        world.send("jira:issue_deleted", ticket)


# The events of a season, and how often each occurs


def edited(world: World) -> None:
    """Words are edited in Jira, and a webhook reports it."""
    ticket = _any(world)
    summary = f"{world.chance.choice(WORDS)}, seen again {world.events}"
    world.ask_jira("PUT", f"/rest/api/2/issue/{ticket.id}", json={"fields": {"summary": summary}})
    _updated(world, ticket, "summary")


def touched(world: World) -> None:
    """Something changes that does not concern us."""
    _updated(world, _any(world), "status")


def moved(world: World) -> None:
    """A ticket moves to another project, and gets another key."""
    ticket, project = _any(world), world.chance.choice(PROJECTS)
    world.ask_jira("POST", f"/rest/standin/issues/{ticket.id}/move", json={"project": project})
    ticket.key = str(world.ask_jira("GET", f"/rest/api/2/issue/{ticket.id}?fields=status")["key"])
    _updated(world, ticket, "Key")


def linked(world: World) -> None:
    """Two tickets are linked as duplicates."""
    first, second = _any(world), _any(world)
    if first.id != second.id:
        ends = {"inwardIssue": {"id": first.id}, "outwardIssue": {"id": second.id}}
        link = {**ends, "type": {"name": "Duplicate"}}
        world.ask_jira("POST", "/rest/api/3/issueLink", json=link)
        _updated(world, first, "Link")


def commanded(world: World) -> None:
    """Somebody sends a command in a comment."""
    ticket, other = _any(world), _any(world)
    told = world.chance.choice(("again", "mute", "unmute", f"not {other.key}", f"yes {other.key}"))
    _commented(world, ticket, f"/dejabug {told}")


def chatted(world: World) -> None:
    """Somebody comments without a command."""
    _commented(world, _any(world), "seen here too")


def forged(world: World) -> None:
    """A webhook with somebody else's signature."""
    world.send("jira:issue_updated", _any(world), secret=FORGER)


def asked(world: World) -> None:
    """A search by words or by a ticket, and a status request."""
    words = world.chance.choice(WORDS)
    path = world.chance.choice(
        (f"/search?q={words}", f"/search?q={words}&limit=1", f"/issues/{_any(world).key}/similar")
    )
    world.as_somebody(path, "search")


def looked(world: World) -> None:
    """The status, the metrics' health, and a page without a session."""
    world.as_somebody("/status", "status")
    world.ask("GET", "/readyz", "ready")
    world.ask("GET", "/", "page")


def uploaded(world: World) -> None:
    """A search by an uploaded clip."""
    clip = world.chance.choice(world.clips)
    files = {"file": ("clip.mp4", clip.read_bytes())}
    world.as_somebody("/search/clip", "upload", files=files)


def refused(world: World) -> None:
    """An invalid token, in the API and on the page."""
    wrong = "djb_" + "".join(world.chance.choices("abcdefgh", k=43))
    world.as_somebody("/status", "refused", token=wrong)
    origin = {"Origin": world.service}
    world.ask("POST", "/sign-in", "sign-in", data={"token": wrong}, headers=origin)


def signed_in(world: World) -> None:
    """A new session."""
    form, origin = {"token": world.api_token}, {"Origin": world.service}
    world.ask("POST", "/sign-in", "sign-in", data=form, headers=origin)


def slack_forged(world: World) -> None:
    """A Slack command with somebody else's signature."""
    headers = {"X-Slack-Signature": "v0=0", "X-Slack-Request-Timestamp": str(int(time.time()))}
    body = "command=/dejabug&text=cows"
    world.ask("POST", "/slack/events", "slack", data=body, headers=headers)


def paneled(world: World) -> None:
    """A ticket's panel is opened."""
    world.look_at_panel(_any(world))


DEEDS: dict[Callable[[World], None], float] = {
    edited: 6,
    touched: 20,
    moved: 1,
    linked: 1,
    commanded: 3,
    chatted: 15,
    forged: 12,
    asked: 6,
    looked: 6,
    uploaded: 0.5,
    refused: 6,
    signed_in: 2,
    slack_forged: 4,
    paneled: 4,
}


def _any(world: World) -> Ticket:
    return world.tickets[world.chance.choice(sorted(world.tickets))]


def _updated(world: World, ticket: Ticket, what: str) -> None:
    item = {"field": what, "fromString": "a", "toString": "b"}
    log = {"id": str(time.time_ns()), "items": [item]}
    world.send("jira:issue_updated", ticket, changelog=log)


def _commented(world: World, ticket: Ticket, body: str) -> None:
    path = f"/rest/api/2/issue/{ticket.id}/comment"
    made = world.ask_jira("POST", path, json={"body": body})
    author = {"accountId": "tester"}
    comment = {"id": str(made["id"]), "author": author, "body": body}
    world.send("comment_created", ticket, comment=comment)
