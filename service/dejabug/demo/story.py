"""The story that `dejabug demo` plays: history in, a new ticket, its webhook, its one comment.

Every part is a process of its own, as in production: Redis, the web service, RQ
workers, and a stand-in Jira that is spoken to over HTTP only.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import redis
import requests
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rq import Queue

from dejabug.demo.jira_standin.forge import APP_ID, Forge
from dejabug.demo.processes import ProcessError, Processes, Stop
from dejabug.demo.studio import Data, Studio, split
from dejabug.evaluation.manifest import Entry, ManifestError
from dejabug.infra.redis_server import RedisServer, RedisServerError, free_port
from dejabug.media import is_video

console = Console(highlight=False)
complaints = Console(stderr=True, highlight=False)

# Seconds that the parts have to come up; the model takes ten on two cores.
START_TIMEOUT = 180.0
# Seconds that the new ticket may wait for its comment, and for the workers to fall silent.
COMMENT_TIMEOUT = 180.0
# The true duplicate must be among this many first suggestions.
FIRST = 3
# Our Jira app, where this is a checkout of the whole project; its panel is shown once it is built.
PLUGIN = Path(__file__).parents[3] / "plugin"
# How a suggested ticket's key stands in our comment.
SUGGESTED = re.compile(r"\*\[([A-Z][A-Z0-9]*-\d+)\|")


@dataclass
class Story:
    """The running parts, and how long each step took, in seconds."""

    folder: Path
    processes: Processes
    studio: Studio
    environment: dict[str, str]
    service: str
    steps: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step and say when it is done."""
        started = time.monotonic()
        yield
        self.steps[name] = time.monotonic() - started
        console.print(f"[green]✓[/] {name} [dim]{self.steps[name]:.1f} s[/]")

    def call(self, *arguments: str) -> int:
        """Run a `dejabug` command as a person would, on this terminal; its exit status."""
        command = [sys.executable, "-m", "dejabug", *arguments]
        environment = {**os.environ, **self.environment}
        return subprocess.run(command, env=environment, check=False).returncode


def tell_story(folder: Path, *, data: Path | None, query: str | None, clip: Path | None) -> int:
    """Play it all, and end every process; the exit status (0: the true duplicate was found)."""

    def play(stop: Stop) -> int:
        told = split(data, query)
        if clip is not None:
            _check_clip(clip)
        shutil.rmtree(folder, ignore_errors=True)
        # A clip of one's own may be of any game: it is compared with all of them.
        together = ",".join(told.project_keys().values()) if clip is not None else ""
        with _running(folder, stop, keep=False, together=together) as story:
            keys = _read_history(story, told)
            return _new_ticket(story, told, keys, clip)

    return _to_its_end(play, broken_off="Interrupted; all its processes are ended.", status=130)


def keep_up(folder: Path, *, data: Path | None) -> int:
    """Start the same and keep it running until Ctrl-C. What was filed is kept for the next time."""

    def play(stop: Stop) -> int:
        told = split(data, None)
        with _running(folder, stop, keep=True) as story:
            if story.studio.has_tickets():
                console.print("[dim]The tickets of last time are still here.[/]")
            else:
                _read_history(story, told)
            _say_where(story)
            while True:
                story.processes.check()
                time.sleep(0.5)

    return _to_its_end(play, broken_off="All ended.", status=0)


def _to_its_end(play: Callable[[Stop], int], *, broken_off: str, status: int) -> int:
    """The exit status of a play, of one that failed (1), or of one interrupted (`status`)."""
    try:
        with Stop() as stop:
            return play(stop)
    except (ManifestError, ProcessError, RedisServerError, OSError, requests.RequestException) as e:
        complaints.print(f"[red]The demo failed:[/] {escape(str(e))}")
        return 1
    except KeyboardInterrupt:
        complaints.print(broken_off)
        return status


def _say_where(story: Story) -> None:
    built = Forge(PLUGIN, story.service).has_panel
    panel = "on every ticket" if built else "not built: make panel (needs node and npm)"
    console.print(
        Panel(
            f"Jira (a stand-in)   {story.studio.address}\n"
            f"File a ticket with a clip   {story.studio.address}/create\n"
            f"Déjà Bug's panel   {panel}\n"
            f"Health   {story.service}/readyz\n"
            f"Logs   {story.folder / 'logs'}\n\n"
            f"Search by words, in another terminal:\n"
            f"  env $(cat {story.folder / 'environment'}) dejabug search 'monsters in the air'",
            title="Déjà Bug is up; Ctrl-C ends it",
            expand=False,
        )
    )


@contextlib.contextmanager
def _running(folder: Path, stop: Stop, *, keep: bool, together: str = "") -> Iterator[Story]:
    """Redis, Jira, web and workers, up and ready. `together`: projects that see each other."""
    folder.mkdir(parents=True, exist_ok=True)
    token = secrets.token_urlsafe(24)
    port_file = folder / "jira" / "address"
    port_file.unlink(missing_ok=True)
    port_file.parent.mkdir(exist_ok=True)
    service = f"http://127.0.0.1:{free_port()}"
    with (
        RedisServer(folder / "redis", keep=keep) as store,
        Processes(folder / "logs", stop) as processes,
    ):
        processes.start(
            "jira",
            [
                *("dejabug.demo.jira_standin", "--data", str(folder / "jira")),
                *("--port-file", str(port_file)),
                *("--plugin", str(PLUGIN), "--remote", service),
            ],
            {"STANDIN_TOKEN": token},
        )
        processes.wait_for("jira", port_file.exists, START_TIMEOUT)
        studio = Studio(port_file.read_text("utf-8"), token)
        environment = {
            **_environment(folder, store.url, studio.address, token, together),
            **_panel_environment(service, studio.address),
        }
        story = Story(folder, processes, studio, environment, service)
        with story.step("Redis with vector search and a stand-in Jira are up"):
            processes.wait_for("jira", studio.is_up, START_TIMEOUT)
        processes.start("worker-default", ["dejabug", "worker", "default", "previews"], environment)
        processes.start("worker-clips", ["dejabug", "worker", "search", "clips"], environment)
        port = service.rpartition(":")[2]
        processes.start("web", ["dejabug", "serve", "--port", port], environment)
        with story.step("web service and two workers are up, model loaded"):
            processes.wait_for("worker-clips", lambda: _is_ready(story), START_TIMEOUT)
        ready = requests.get(f"{story.service}/readyz", timeout=10).json()
        console.print(f"  [dim]model {escape(ready['encoder'])}; index {ready['algorithm']}[/]")
        studio.register_webhook(
            f"{story.service}/webhooks/jira", environment["DEJABUG_WEBHOOK_SECRET"]
        )
        _write_environment(folder / "environment", environment)
        yield story


def _read_history(story: Story, data: Data) -> dict[str, str]:
    """File the history in Jira and read it in; the tickets' keys by clip file."""
    with story.step(f"{len(data.history)} old tickets with clips are in the studio's Jira"):
        keys = {entry.file: key for entry, key in story.studio.import_history(data)}
    projects = sorted({key.rpartition("-")[0] for key in keys.values()})
    with story.step("the history is read in (dejabug backfill)"):
        if story.call("backfill", f"project in ({', '.join(projects)})") != 0:
            raise ProcessError("the backfill failed; what it said stands above")
    return keys


def _new_ticket(story: Story, data: Data, keys: dict[str, str], clip: Path | None) -> int:
    entry = data.held_back
    path = data.folder / entry.file
    if clip is not None:
        entry = Entry(file=clip.name, game=entry.game, summary=f"Seen in {clip.name}")
        path = clip
    started = time.monotonic()
    key = story.studio.file_ticket(data.project_keys()[entry.game], entry, path)
    console.print(f"\nTess files [bold]{key}[/]: {escape(entry.summary)}  [dim]({path.name})[/]")
    body = _wait_for_comment(story, key)
    story.steps["from the ticket to its comment"] = time.monotonic() - started
    strip = story.studio.picture(key)
    if body is None:
        console.print(Panel("Nothing similar enough: no comment is written.", expand=False))
        story.call("similar", key)
    else:
        console.print(Panel(_terminal_text(body), title=f"Comment on {key}", expand=False))
    if strip is not None:
        picture = story.folder / "strip.png"
        picture.write_bytes(strip)
        console.print(f"The comment's picture strip lies in [bold]{picture}[/]")
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


def _wait_for_comment(story: Story, key: str) -> str | None:
    """The comment's text, or None when the workers are done and stay silent."""
    with redis.Redis.from_url(story.environment["DEJABUG_REDIS_URL"]) as connection:
        deadline = time.monotonic() + COMMENT_TIMEOUT
        idle_since: float | None = None
        while time.monotonic() < deadline:
            story.processes.check()
            body = story.studio.comment(key)
            if body is not None:
                return body
            if _works(connection):
                idle_since = None
            else:
                idle_since = idle_since or time.monotonic()
                # Webhooks come in one by one: a short silence between two jobs is not the end.
                if time.monotonic() - idle_since > 3.0:
                    return None
            time.sleep(0.1)
    raise ProcessError(f"{key} got no answer within {COMMENT_TIMEOUT:.0f} s; see the logs")


def _works(connection: redis.Redis) -> bool:
    """Whether a job waits, runs or will be tried again."""
    queues = [Queue(name, connection=connection) for name in ("default", "previews", "clips")]
    # A registry's own `count` takes abandoned jobs back: here one only looks.
    return any(
        queue.count
        or queue.started_job_registry.get_job_count(cleanup=False)
        or queue.scheduled_job_registry.get_job_count(cleanup=False)
        for queue in queues
    )


def _environment(
    folder: Path, redis_url: str, jira: str, token: str, together: str
) -> dict[str, str]:
    """What the service's processes are told, as in production: settings by environment."""
    return {
        "DEJABUG_REDIS_URL": redis_url,
        "DEJABUG_INDEX_REDIS_URL": "",
        "DEJABUG_ENCODER": os.environ.get("DEJABUG_ENCODER", "starter"),
        "DEJABUG_JIRA_URL": jira,
        "DEJABUG_JIRA_USER": "bot@studio.example",
        "DEJABUG_JIRA_TOKEN": f"{token}-bot",
        "DEJABUG_WEBHOOK_SECRET": secrets.token_urlsafe(24),
        "DEJABUG_PROJECT_GROUPS": together,
        "DEJABUG_DATA_DIR": str((folder / "data").resolve()),
        "DEJABUG_MEDIA_STORE": "",
        # A proxy must not stand between two processes of one machine.
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def _panel_environment(service: str, jira: str) -> dict[str, str]:
    """The settings of the panel in Jira."""
    return {
        "DEJABUG_PUBLIC_URL": service,
        "DEJABUG_MEDIA_SECRET": secrets.token_urlsafe(32),
        "DEJABUG_FORGE_APP_ID": APP_ID,
        "DEJABUG_FORGE_API_URL": jira,
        "DEJABUG_FORGE_JWKS_URL": f"{jira}/.well-known/jwks.json",
    }


def _write_environment(path: Path, environment: dict[str, str]) -> None:
    """For playing on in another terminal; readable by its owner alone, since it holds secrets."""
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}={value}\n" for name, value in environment.items()), "utf-8")


def _is_ready(story: Story) -> bool:
    try:
        return requests.get(f"{story.service}/readyz", timeout=10).ok
    except (requests.ConnectionError, requests.Timeout):
        return False


def _check_clip(clip: Path) -> None:
    if not clip.is_file():
        raise OSError(f"there is no file {clip}")
    if not is_video(clip.name, None):
        raise OSError(f"{clip.name} is not named like a video, so Jira's bot would leave it alone")


def _print_steps(story: Story) -> None:
    table = Table("step", "seconds", title="How long it took", title_justify="left")
    for name, seconds in story.steps.items():
        table.add_row(name, f"{seconds:.1f}")
    table.add_row("slowest answer to a webhook", f"{story.studio.slowest_webhook() / 1000:.3f}")
    console.print(table)


def _terminal_text(body: str) -> str:
    """Our comment's wiki text with the terminal's marks instead of Jira's."""
    text = escape(body.replace("\\[", "[").replace("\\]", "]"))
    text = re.sub(r"\\?\[([A-Z][A-Z0-9]*-\d+)\|[^\]]*\]", r"\1", text)
    text = re.sub(r"!([^!|\n]+)\|width=\d+!", r"[dim](picture: \1)[/]", text)
    text = re.sub(r"\{color:[^}]*\}(.*?)\{color\}", r"[dim]\1[/]", text)
    text = re.sub(r"^\*\* ", "    ", text, flags=re.MULTILINE)
    text = re.sub(r"^\* \*(.*?)\*", r"  • [bold]\1[/]", text, flags=re.MULTILINE)
    text = re.sub(r"^\*(.*?)\*", r"[bold]\1[/]", text, flags=re.MULTILINE)
    text = re.sub(r"^_(.*)_$", r"[italic]\1[/]", text, flags=re.MULTILINE)
    return re.sub(r"\\([\\{}|*_\-+^~?!])", r"\1", text)
