"""The studio in which the pictures are taken: the real demo, with the tickets of three games."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import redis

from dejabug.demo.parts import Story, console, read_history, running
from dejabug.demo.processes import Stop
from dejabug.demo.story import has_work, wait_for_comment
from dejabug.demo.studio import split

# The new ticket's clip: filmed from a screen, and of the same bug as an older, sharp one.
CLIP = "freedoom-34.mp4"
# Projects that are indexed; all of them would take twice as long.
PROJECTS = ("FREED", "TT", "TORCS")
# Seconds in which a webhook arrives.
WEBHOOK_SECONDS = 1.0
# Seconds that the workers may take to finish.
IDLE_TIMEOUT = 120.0


@dataclass
class Stage:
    """The running studio. `ticket` is the key of the new ticket, once it is filed."""

    story: Story
    clip: Path
    project: str
    summary: str
    description: str
    ticket: str = ""

    @property
    def jira(self) -> str:
        """The address of the stand-in Jira."""
        return self.story.studio.address

    @property
    def service(self) -> str:
        """The address of Déjà Bug."""
        return self.story.service

    def file_ticket(self) -> str:
        """File the new ticket with its clip; its key."""
        entry = split(None, CLIP).held_back
        key = self.story.studio.file_ticket(self.project, entry, self.clip)
        self.remember(key)
        return key

    def remember(self, key: str) -> None:
        """Note a ticket, so that the next run deletes it."""
        path = self._noted()
        path.write_text(json.dumps([*_read(path), key]), "utf-8")
        self.ticket = key

    def forget_tickets(self) -> None:
        """Delete the tickets that were filed for pictures, and wait until nothing knows them."""
        for key in _read(self._noted()):
            self.story.studio.delete_ticket(key)
        self._noted().unlink(missing_ok=True)
        self.ticket = ""
        time.sleep(WEBHOOK_SECONDS)
        self.wait_until_idle()

    def wait_for_comment(self) -> None:
        """Wait until Déjà Bug has commented on the new ticket."""
        wait_for_comment(self.story, self.ticket)

    def wait_until_idle(self) -> None:
        """Wait until no job is left."""
        deadline = time.monotonic() + IDLE_TIMEOUT
        with redis.Redis.from_url(self.story.environment["DEJABUG_REDIS_URL"]) as connection:
            calm = 0
            while calm < 5 and time.monotonic() < deadline:
                calm = 0 if has_work(connection) else calm + 1
                time.sleep(0.2)

    @contextlib.contextmanager
    def paused_worker(self) -> Iterator[None]:
        """The worker with the model stands still, as if it were busy."""
        pids = self.story.processes.pids(["worker-clips"]).values()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def _noted(self) -> Path:
        return self.story.folder / "filed.json"


@contextlib.contextmanager
def stage(folder: Path, *, fresh: bool) -> Iterator[Stage]:
    """The studio, up and indexed; what was indexed is kept in the folder for the next run."""
    whole = split(None, CLIP)
    keys = whole.project_keys()
    data = whole.of_projects(PROJECTS)
    with Stop() as stop, running(folder, stop, fresh=fresh, keep=True) as story:
        if not story.studio.has_tickets():
            read_history(story, data)
        entry = data.held_back
        found = Stage(
            story,
            data.folder / entry.file,
            keys[entry.game],
            entry.summary,
            entry.description,
        )
        with story.step("the tickets of the last run are deleted"):
            found.forget_tickets()
        yield found
    console.print("[dim]The studio is stopped.[/]")


def _read(path: Path) -> list[str]:
    found: list[str] = json.loads(path.read_text("utf-8")) if path.exists() else []
    return found
