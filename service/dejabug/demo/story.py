"""What `dejabug demo` plays: old tickets, a new ticket, its webhook, and the comment on it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import redis
import requests
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rq import Queue

from dejabug.demo.parts import Story, console, read_history, running
from dejabug.demo.processes import ProcessError, Stop
from dejabug.demo.studio import Data, split
from dejabug.evaluation.manifest import Entry
from dejabug.infra.errors import UserError
from dejabug.media import is_video

complaints = Console(stderr=True, highlight=False)

# Seconds until the new ticket must have its comment, or the workers nothing left to do.
COMMENT_TIMEOUT = 180.0
# The true duplicate must be among this many first suggestions.
FIRST = 3
# How our comment writes a suggested ticket's key.
SUGGESTED = re.compile(r"\*\[([A-Z][A-Z0-9]*-\d+)\|")


def tell_story(folder: Path, *, data: Path | None, query: str | None, clip: Path | None) -> int:
    """Play it all, and stop every process; the exit status (0: the true duplicate was found)."""

    def play(stop: Stop) -> int:
        told = split(data, query)
        if clip is not None:
            _check_clip(clip)
        # Your own clip may be of any game: it is compared with all of them.
        together = ",".join(told.project_keys().values()) if clip is not None else ""
        with running(folder, stop, fresh=True, keep=False, together=together) as story:
            keys = read_history(story, told)
            return _new_ticket(story, told, keys, clip)

    return play_to_the_end(play, interrupted="Interrupted. All processes are stopped.", status=130)


def play_to_the_end(play: Callable[[Stop], int], *, interrupted: str, status: int) -> int:
    """The exit status of `play`: its own, 1 when it failed, or `status` when it was interrupted."""
    try:
        with Stop() as stop:
            return play(stop)
    except (UserError, ProcessError, OSError, requests.RequestException) as e:
        complaints.print(f"[red]The demo failed:[/] {escape(str(e))}")
        return 1
    except KeyboardInterrupt:
        complaints.print(interrupted)
        return status


def _new_ticket(story: Story, data: Data, keys: dict[str, str], clip: Path | None) -> int:
    entry = data.held_back
    path = data.folder / entry.file
    if clip is not None:
        entry = Entry(file=clip.name, game=entry.game, summary=f"Seen in {clip.name}")
        path = clip
    started = time.monotonic()
    key = story.studio.file_ticket(data.project_keys()[entry.game], entry, path)
    console.print(f"\nTess files [bold]{key}[/]: {escape(entry.summary)}  [dim]({path.name})[/]")
    body = wait_for_comment(story, key)
    story.steps["from the ticket to its comment"] = time.monotonic() - started
    strip = story.studio.picture(key)
    if body is None:
        console.print(Panel("No ticket is similar enough, so there is no comment.", expand=False))
        story.call("similar", key)
    else:
        console.print(Panel(_terminal_text(body), title=f"Comment on {key}", expand=False))
    if strip is not None:
        picture = story.folder / "strip.png"
        picture.write_bytes(strip)
        console.print(f"The comment's image: [bold]{picture}[/]")
    _print_steps(story)
    if clip is not None:
        return 0
    return _verdict(data, keys, body)


def _verdict(data: Data, keys: dict[str, str], body: str | None) -> int:
    suggested = SUGGESTED.findall(body or "")[:FIRST]
    truth = {keys[entry.file] for entry in data.truth()}
    hits = [key for key in suggested if key in truth]
    if hits:
        place = suggested.index(hits[0]) + 1
        console.print(
            f"[green]The same bug was filed before as {', '.join(sorted(truth))}; "
            f"{hits[0]} is suggestion {place}.[/]"
        )
        return 0
    console.print(
        f"[red]Missed:[/] the same bug was filed as {', '.join(sorted(truth))}, and the comment "
        f"names {', '.join(suggested) or 'nothing'}."
    )
    return 1


def wait_for_comment(story: Story, key: str) -> str | None:
    """The comment's text, or None when the workers are done without one. Raises ProcessError."""
    with redis.Redis.from_url(story.environment["DEJABUG_REDIS_URL"]) as connection:
        deadline = time.monotonic() + COMMENT_TIMEOUT
        idle_since: float | None = None
        while time.monotonic() < deadline:
            story.processes.check()
            body = story.studio.comment(key)
            if body is not None:
                return body
            if has_work(connection):
                idle_since = None
            else:
                idle_since = idle_since or time.monotonic()
                # Webhooks come in one by one: a short pause between two jobs is not the end.
                if time.monotonic() - idle_since > 3.0:
                    return None
            time.sleep(0.1)
    raise ProcessError(
        f"{key} got no comment within {COMMENT_TIMEOUT:.0f} s; see {story.folder / 'logs'}"
    )


def has_work(connection: redis.Redis) -> bool:
    """Whether a job is waiting, running or scheduled again."""
    queues = [Queue(name, connection=connection) for name in ("default", "previews", "clips")]
    # A registry's own `count` would also requeue abandoned jobs.
    return any(
        queue.count
        or queue.started_job_registry.get_job_count(cleanup=False)
        or queue.scheduled_job_registry.get_job_count(cleanup=False)
        for queue in queues
    )


def _check_clip(clip: Path) -> None:
    if not clip.is_file():
        raise UserError(f"{clip} doesn't exist")
    if not is_video(clip.name, None):
        raise UserError(f"{clip.name} doesn't have a video's suffix, such as .mp4")


def _print_steps(story: Story) -> None:
    table = Table("step", "seconds", title="How long it took", title_justify="left")
    for name, seconds in story.steps.items():
        table.add_row(name, f"{seconds:.1f}")
    table.add_row("slowest answer to a webhook", f"{story.studio.slowest_webhook() / 1000:.3f}")
    console.print(table)


def _terminal_text(body: str) -> str:
    """Our comment's wiki markup as Rich's markup."""
    text = escape(body.replace("\\[", "[").replace("\\]", "]"))
    text = re.sub(r"\\?\[([A-Z][A-Z0-9]*-\d+)\|[^\]]*\]", r"\1", text)
    text = re.sub(r"!([^!|\n]+)\|width=\d+!", r"[dim](image: \1)[/]", text)
    text = re.sub(r"\{color:[^}]*\}(.*?)\{color\}", r"[dim]\1[/]", text)
    text = re.sub(r"^\*\* ", "    ", text, flags=re.MULTILINE)
    text = re.sub(r"^\* \*(.*?)\*", r"  • [bold]\1[/]", text, flags=re.MULTILINE)
    text = re.sub(r"^\*(.*?)\*", r"[bold]\1[/]", text, flags=re.MULTILINE)
    text = re.sub(r"^_(.*)_$", r"[italic]\1[/]", text, flags=re.MULTILINE)
    return re.sub(r"\\([\\{}|*_\-+^~?!])", r"\1", text)
