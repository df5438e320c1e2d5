"""The stand-in's tickets: in memory, with attachments and a JSON snapshot on disk."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def timestamp() -> str:
    """Now, as Jira writes times."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


@dataclass
class User:
    """An account; `levels` are the issue security levels it may see, `projects` those that it may
    browse (None: all), `admin` whether it administers the site, `hides_email` whether others are
    shown its email."""

    account_id: str
    name: str
    email: str
    token: str
    levels: list[str] = field(default_factory=list)
    projects: list[str] | None = None
    admin: bool = False
    active: bool = True
    hides_email: bool = False


@dataclass
class Attachment:
    """A file on an issue; its bytes lie on disk under its id."""

    id: str
    filename: str
    mime_type: str
    size: int
    author: str
    created: str


@dataclass
class Comment:
    """A comment in wiki text, with its entity properties."""

    id: str
    author: str
    body: str
    created: str
    updated: str
    properties: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Issue:
    """A ticket. `security` is the name of its level, None when all may see it."""

    id: str
    key: str
    project: str
    summary: str
    description: str
    reporter: str
    created: str
    updated: str
    assignee: str | None = None
    status: str = "Open"
    resolution: str | None = None
    fix_versions: list[str] = field(default_factory=list)
    components: list[str] = field(default_factory=list)
    security: str | None = None
    attachments: list[Attachment] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)


@dataclass
class Link:
    """One issue link, by the ids of its two issues, as the request that makes it names them: it
    reads "`inward` duplicates `outward`" (so it is for Jira, whatever the names suggest)."""

    id: str
    kind: str
    inward: str
    outward: str


class Store:
    """All tickets of a make-believe site. Every access holds `lock`."""

    def __init__(self, folder: Path, users: list[User]) -> None:
        self.lock = threading.RLock()
        self.users = {user.account_id: user for user in users}
        self.issues: dict[str, Issue] = {}
        self.links: list[Link] = []
        self.hooks: dict[str, dict[str, Any]] = {}
        # Kinds of projects that are not `software`.
        self.project_types: dict[str, str] = {}
        # Whether something may be other than on disk.
        self.changed = True
        self._folder = folder
        self._counters: dict[str, int] = {}
        (folder / "attachments").mkdir(parents=True, exist_ok=True)
        self._load()

    def next_number(self, what: str, first: int) -> int:
        """A number that this kind of thing never had."""
        self._counters[what] = self._counters.get(what, first - 1) + 1
        return self._counters[what]

    def find(self, id_or_key: str, reader: User) -> Issue | None:
        """An issue by id or key, if there is one that this reader may see."""
        issue = self.issues.get(id_or_key)
        if issue is None:
            key = id_or_key.upper()
            issue = next((each for each in self.issues.values() if each.key == key), None)
        return issue if issue is not None and may_see(issue, reader) else None

    def seen_by(self, reader: User) -> list[Issue]:
        """The issues that this reader may see, oldest first."""
        return [issue for issue in self.issues.values() if may_see(issue, reader)]

    def knows_project(self, key: str, reader: User) -> bool:
        """Whether there is or was an issue in this project, and the reader may browse it."""
        return f"key:{key}" in self._counters and may_browse(key, reader)

    def projects(self, reader: User) -> list[str]:
        """The keys of the projects that this reader may browse."""
        keys = {issue.project for issue in self.issues.values()}
        return sorted(key for key in keys if may_browse(key, reader))

    def create(self, project: str, reporter: str, **fields: Any) -> Issue:
        """A new issue with the next free key of its project."""
        now = fields.pop("created", None) or timestamp()
        number = self.next_number(f"key:{project}", 1)
        issue_id = str(self.next_number("issue", 10001))
        issue = Issue(
            id=issue_id,
            key=f"{project}-{number}",
            project=project,
            reporter=reporter,
            created=now,
            updated=now,
            **fields,
        )
        self.issues[issue_id] = issue
        return issue

    def attach(
        self, issue: Issue, author: str, filename: str, mime_type: str, content: bytes
    ) -> Attachment:
        """Keep a file on an issue."""
        attachment_id = str(self.next_number("attachment", 20001))
        self.path_of(attachment_id).write_bytes(content)
        made = Attachment(attachment_id, filename, mime_type, len(content), author, timestamp())
        issue.attachments.append(made)
        issue.updated = timestamp()
        return made

    def attachment(self, attachment_id: str, reader: User) -> tuple[Issue, Attachment] | None:
        """An attachment with its issue, if the reader may see it."""
        for issue in self.issues.values():
            for attachment in issue.attachments:
                if attachment.id == attachment_id and may_see(issue, reader):
                    return issue, attachment
        return None

    def path_of(self, attachment_id: str) -> Path:
        """Where an attachment's bytes lie."""
        return self._folder / "attachments" / str(int(attachment_id))

    def save(self) -> None:
        """Write everything but the attachments' bytes, atomically, if it `changed`."""
        with self.lock:
            if not self.changed:
                return
            state = {
                "issues": [asdict(issue) for issue in self.issues.values()],
                "links": [asdict(link) for link in self.links],
                "hooks": self.hooks,
                "project_types": self.project_types,
                "counters": self._counters,
            }
            fresh = self._folder / "state.json.new"
            fresh.write_text(json.dumps(state), "utf-8")
            fresh.replace(self._folder / "state.json")
            self.changed = False

    def _load(self) -> None:
        path = self._folder / "state.json"
        if not path.exists():
            return
        state = json.loads(path.read_text("utf-8"))
        self.hooks, self._counters = state["hooks"], state["counters"]
        self.project_types = state.get("project_types", {})
        self.links = [Link(**raw) for raw in state.get("links", ())]
        for raw in state["issues"]:
            raw["attachments"] = [Attachment(**each) for each in raw["attachments"]]
            raw["comments"] = [Comment(**each) for each in raw["comments"]]
            self.issues[raw["id"]] = Issue(**raw)


def may_see(issue: Issue, reader: User) -> bool:
    """Whether this reader may see an issue: its project and its security level decide."""
    open_to_all = issue.security is None or issue.security in reader.levels
    return open_to_all and may_browse(issue.project, reader)


def may_browse(project: str, reader: User) -> bool:
    """Whether this reader may see a project at all."""
    return reader.projects is None or project in reader.projects
