"""The running parts of the demo: Redis, the stand-in Jira, the web service and two workers.

Every part is a separate process, as in production. The stand-in Jira is reached over HTTP only.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import requests
from rich.console import Console
from rich.markup import escape

from dejabug.demo.jira_standin.forge import APP_ID
from dejabug.demo.jira_standin.sign_in import CLIENT_ID
from dejabug.demo.processes import ProcessError, Processes, Stop
from dejabug.demo.studio import Data, Studio
from dejabug.infra.errors import UserError
from dejabug.infra.redis_server import RedisServer, free_port

console = Console(highlight=False)

# Seconds for the parts to start; loading the model takes ten on two cores.
START_TIMEOUT = 180.0
# The Jira app, in a checkout of the whole project. Its panel is shown once it is built.
PLUGIN = Path(__file__).parents[3] / "plugin"


@dataclass(frozen=True)
class Ports:
    """The ports of the web service and of Jira on 127.0.0.1."""

    service: int
    jira: int


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
        """Time a step, and print when it is done."""
        started = time.monotonic()
        yield
        self.steps[name] = time.monotonic() - started
        console.print(f"[green]✓[/] {name} [dim]{self.steps[name]:.1f} s[/]")

    def call(self, *arguments: str) -> int:
        """Run a `dejabug` command on this terminal, as a person would; its exit status."""
        command = [sys.executable, "-m", "dejabug", *arguments]
        environment = {**os.environ, **self.environment}
        return subprocess.run(command, env=environment, check=False).returncode


@contextlib.contextmanager
def running(
    folder: Path,
    stop: Stop,
    *,
    fresh: bool,
    keep: bool,
    together: str = "",
    ports: Callable[[], Ports] | None = None,
) -> Iterator[Story]:
    """Start everything and wait until it is ready; stop everything at the end.

    `fresh` deletes first what the folder has; with `keep`, Redis' data survives in it. `together`:
    projects that see each other. `ports` chooses them, by default free ones. Raises ProcessError,
    RedisServerError and UserError.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _only_one(folder), contextlib.ExitStack() as stack:
        if fresh:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(exist_ok=True)
        chosen = ports() if ports else Ports(free_port(), free_port())
        store = stack.enter_context(RedisServer(folder / "redis", keep=keep))
        token = secrets.token_urlsafe(24)
        port_file = folder / "jira" / "address"
        port_file.unlink(missing_ok=True)
        port_file.parent.mkdir(exist_ok=True)
        service = f"http://127.0.0.1:{chosen.service}"
        with Processes(folder / "logs", stop) as processes:
            standin = ["dejabug.demo.jira_standin", "--data", str(folder / "jira")]
            standin += ["--tickets", "none", "--verbose", "--port", str(chosen.jira)]
            standin += ["--port-file", str(port_file), "--plugin", str(PLUGIN), "--remote", service]
            processes.start("jira", standin, {"STANDIN_TOKEN": token})
            processes.wait_for("jira", port_file.exists, START_TIMEOUT)
            studio = Studio(port_file.read_text("utf-8"), token)
            environment = {
                **_environment(folder, store.url, studio.address, token, together),
                **_panel_environment(service, studio.address),
                **_sign_in_environment(studio.address, token),
            }
            story = Story(folder, processes, studio, environment, service)
            with story.step("Redis with vector search and a stand-in Jira are up"):
                processes.wait_for("jira", studio.is_up, START_TIMEOUT)
            default = ["dejabug", "worker", "default", "previews"]
            processes.start("worker-default", default, environment)
            processes.start("worker-clips", ["dejabug", "worker", "search", "clips"], environment)
            port = str(chosen.service)
            processes.start("web", ["dejabug", "serve", "--port", port], environment)
            with story.step("web service and two workers are up, model loaded"):
                processes.wait_for("worker-clips", lambda: _is_ready(story), START_TIMEOUT)
            ready = requests.get(f"{service}/readyz", timeout=10).json()
            console.print(f"  [dim]model {escape(ready['encoder'])}; index {ready['algorithm']}[/]")
            studio.register_webhook(
                f"{service}/webhooks/jira", environment["DEJABUG_WEBHOOK_SECRET"]
            )
            _write_environment(folder / "environment", environment)
            yield story


def read_history(story: Story, data: Data) -> dict[str, str]:
    """File the history's tickets in Jira and index them; the tickets' keys by clip file."""
    with story.step(f"{len(data.history)} old tickets with clips are in Jira"):
        keys = {entry.file: key for entry, key in story.studio.import_history(data)}
    projects = sorted({key.rpartition("-")[0] for key in keys.values()})
    with story.step("the history is indexed (dejabug backfill)"):
        if story.call("backfill", f"project in ({', '.join(projects)})") != 0:
            raise ProcessError("the backfill failed; see its output above")
    return keys


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Two demos in one folder would write the same Redis file. Raises UserError for the second."""
    with folder.with_name(f"{folder.name}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"a demo is already running in {folder}. Stop it with Ctrl-C in its terminal, or "
                "use another folder: --state FOLDER"
            ) from None
        yield


def _environment(
    folder: Path, redis_url: str, jira: str, token: str, together: str
) -> dict[str, str]:
    """The service's settings, by environment as in production."""
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
        # No proxy between two processes of one machine.
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def _panel_environment(service: str, jira: str) -> dict[str, str]:
    """The settings for the panel in Jira."""
    return {
        "DEJABUG_PUBLIC_URL": service,
        "DEJABUG_MEDIA_SECRET": secrets.token_urlsafe(32),
        "DEJABUG_FORGE_APP_ID": APP_ID,
        "DEJABUG_FORGE_API_URL": jira,
        "DEJABUG_FORGE_JWKS_URL": f"{jira}/.well-known/jwks.json",
    }


def _sign_in_environment(jira: str, token: str) -> dict[str, str]:
    """People sign in with the stand-in Jira, which is an OpenID Connect provider."""
    return {
        "DEJABUG_OIDC_ISSUER": jira,
        "DEJABUG_OIDC_CLIENT_ID": CLIENT_ID,
        "DEJABUG_OIDC_CLIENT_SECRET": f"{token}-oidc",
        "DEJABUG_OIDC_NAME": "the stand-in Jira",
    }


def _write_environment(path: Path, environment: dict[str, str]) -> None:
    """The settings for commands in another terminal. They are secrets: only the owner can read."""
    path.touch(mode=0o600)
    lines = (f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    path.write_text("".join(lines), "utf-8")


def _is_ready(story: Story) -> bool:
    try:
        return requests.get(f"{story.service}/readyz", timeout=10).ok
    except (requests.ConnectionError, requests.Timeout):
        return False
