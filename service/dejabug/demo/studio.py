"""The demo's game studio: its tickets, and what its people do in the stand-in Jira, over HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from dejabug.evaluation.manifest import Entry, ManifestError, duplicates_of, read_manifest

CLIPS = Path(__file__).parent / "clips"
# The bundled clips that are held back: one for the demo's new ticket, one for a ticket of your own.
HELD_BACK = "supertux-12.mp4"
SPARE = "freedoom-34.mp4"
EVENTS = (
    "jira:issue_created",
    "jira:issue_updated",
    "jira:issue_deleted",
    "attachment_created",
    "attachment_deleted",
    "comment_created",
    "issuelink_created",
    "issuelink_deleted",
)
TIMEOUT = 30
# The old tickets get these states in turn.
STATES: tuple[dict[str, Any], ...] = (
    {"status": "Open"},
    {"status": "Done", "resolution": "Fixed", "fix_versions": ["0.9"]},
    {"status": "In Progress", "assignee": "admin"},
    {"status": "Done", "resolution": "Cannot Reproduce"},
)
FIRST_TICKET = datetime(2026, 1, 12, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Data:
    """A data set split for the story: the history, the entry that is held back for the new ticket,
    and perhaps a `spare` one for a ticket that a person files."""

    folder: Path
    history: list[Entry]
    held_back: Entry
    spare: Entry | None = None

    def project_keys(self) -> dict[str, str]:
        """A project key for each game, by the game's name."""
        return project_keys([*self.history, self.held_back])

    def of_projects(self, wanted: Collection[str]) -> Data:
        """The same with the history of these projects only."""
        keys = self.project_keys()
        return replace(self, history=[each for each in self.history if keys[each.game] in wanted])

    def truth(self) -> list[Entry]:
        """The history's clips of the held-back clip's bug."""
        return duplicates_of(self.held_back, self.history)


def split(folder: Path | None, held_back: str | None, *, spare: bool = False) -> Data:
    """Read a data set and hold one clip back, with `spare` a second one of the bundled set.

    Without a name: the bundled set's chosen one, elsewhere the first clip that has a duplicate.
    Raises ManifestError.
    """
    source = folder or CLIPS
    entries = read_manifest(source)
    if held_back is None and folder is None:
        held_back = HELD_BACK
    if held_back is None:
        chosen = next((entry for entry in entries if duplicates_of(entry, entries)), None)
        if chosen is None:
            raise ManifestError("no two clips in the manifest show the same bug (the same `group`)")
    else:
        chosen = next((entry for entry in entries if entry.file == held_back), None)
        if chosen is None:
            raise ManifestError(f"{held_back} isn't in the manifest")
        if not duplicates_of(chosen, entries):
            raise ManifestError(f"no other clip in the manifest shows the bug of {held_back}")
    kept = None
    if spare and folder is None:
        kept = next((entry for entry in entries if entry.file == SPARE), None)
    return Data(
        source if source.is_dir() else source.parent,
        [entry for entry in entries if entry is not chosen and entry is not kept],
        chosen,
        kept,
    )


def project_keys(entries: list[Entry]) -> dict[str, str]:
    """A project key for each game: its words' initials, or a lone word's first letters."""
    keys: dict[str, str] = {}
    for game in sorted({entry.game for entry in entries}):
        words = re.findall(r"[A-Z]+", game.upper())
        stem = "".join(word[0] for word in words) if len(words) > 1 else "".join(words)[:5]
        stem = stem or "GAME"
        key, number = stem, 2
        while key in keys.values() or len(key) < 2:
            key, number = f"{stem}{'X' * (number - 1)}", number + 1
        keys[game] = key
    return keys


class Studio:
    """The studio's Jira over HTTP, as its tester and its administrator."""

    def __init__(self, address: str, token: str) -> None:
        self.address = address
        self._tester = _session(f"{token}-tester")
        self._admin = _session(f"{token}-admin")

    def is_up(self) -> bool:
        """Whether Jira answers."""
        try:
            return self._tester.get(f"{self.address}/rest/api/2/myself", timeout=TIMEOUT).ok
        except (requests.ConnectionError, requests.Timeout):
            return False

    def has_tickets(self) -> bool:
        """Whether there is any ticket yet."""
        return bool(self._get("/rest/api/2/project"))

    def exists(self, key: str) -> bool:
        """Whether there is a ticket with this key."""
        path = f"/rest/api/2/issue/{key}?fields=summary"
        return bool(key) and self._tester.get(self.address + path, timeout=TIMEOUT).ok

    def import_history(
        self, data: Data, keys: Mapping[str, str] | None = None
    ) -> Iterator[tuple[Entry, str]]:
        """File the history's tickets, each with its clip, without a webhook; yields their keys.

        `keys` are the games' project keys, by default those of `data`.
        """
        keys = keys or data.project_keys()
        for number, entry in enumerate(data.history):
            created = FIRST_TICKET + timedelta(hours=31 * number)
            fields = {
                "project": keys[entry.game],
                "summary": entry.summary or entry.file,
                "description": entry.description,
                "components": [entry.game],
                "created": created.strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
                **STATES[number % len(STATES)],
            }
            path = data.folder / entry.file
            with path.open("rb") as clip:
                answer = self._tester.post(
                    f"{self.address}/rest/standin/import",
                    data={"issue": json.dumps(fields)},
                    files={"file": (path.name, clip)},
                    timeout=TIMEOUT,
                )
            answer.raise_for_status()
            yield entry, str(answer.json()["key"])

    def register_webhook(self, url: str, secret: str) -> None:
        """Register the webhook as an administrator: its address, and the secret that signs it."""
        hook = {"name": "Déjà Bug", "url": url, "events": list(EVENTS), "secret": secret}
        address = f"{self.address}/rest/webhooks/1.0/webhook"
        for old in self._admin.get(address, timeout=TIMEOUT).json():
            # By its number: Jira may have had another port when it was registered.
            number = old["self"].rpartition("/")[2]
            self._admin.delete(f"{address}/{number}", timeout=TIMEOUT)
        self._admin.post(address, json=hook, timeout=TIMEOUT).raise_for_status()

    def file_ticket(self, project: str, entry: Entry, clip: Path) -> str:
        """The tester files a ticket and then attaches the clip; the ticket's key."""
        fields = {
            "project": {"key": project},
            "issuetype": {"name": "Bug"},
            "summary": entry.summary or clip.name,
            "description": entry.description,
            "components": [{"name": entry.game}],
        }
        made = self._tester.post(
            f"{self.address}/rest/api/2/issue", json={"fields": fields}, timeout=TIMEOUT
        )
        made.raise_for_status()
        key = str(made.json()["key"])
        with clip.open("rb") as content:
            self._tester.post(
                f"{self.address}/rest/api/2/issue/{key}/attachments",
                files={"file": (clip.name, content)},
                headers={"X-Atlassian-Token": "no-check"},
                timeout=TIMEOUT,
            ).raise_for_status()
        return key

    def delete_ticket(self, key: str) -> None:
        """The tester deletes a ticket, if it is there."""
        self._tester.delete(f"{self.address}/rest/api/2/issue/{key}", timeout=TIMEOUT)

    def comment(self, key: str) -> str | None:
        """The first comment on a ticket, in wiki text, or None."""
        comments = self._get(f"/rest/api/2/issue/{key}/comment")["comments"]
        return str(comments[0]["body"]) if comments else None

    def picture(self, key: str) -> bytes | None:
        """The image in our comment, or None."""
        fields = self._get(f"/rest/api/2/issue/{key}?fields=attachment")["fields"]
        for attachment in fields["attachment"]:
            if attachment["filename"].endswith(".png"):
                content = f"{self.address}/rest/api/2/attachment/content/{attachment['id']}"
                return self._tester.get(content, timeout=TIMEOUT).content
        return None

    def slowest_webhook(self) -> float:
        """The longest time that a webhook's answer took, in milliseconds."""
        log = self._admin.get(f"{self.address}/rest/standin/log", timeout=TIMEOUT).json()
        return max((float(each["ms"]) for each in log["deliveries"]), default=0.0)

    def _get(self, path: str) -> Any:
        answer = self._tester.get(self.address + path, timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.json()


def _session(token: str) -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxy between two processes of one machine
    session.headers["Authorization"] = f"Bearer {token}"
    return session
