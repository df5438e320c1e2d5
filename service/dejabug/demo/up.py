"""What `dejabug up` runs: the demo's studio, kept until Ctrl-C, and where to find everything."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.markup import escape

from dejabug.demo.jira_standin.forge import Forge
from dejabug.demo.parts import PLUGIN, Ports, Story, console, read_history, running
from dejabug.demo.ports import is_free
from dejabug.demo.processes import Stop
from dejabug.demo.story import SUGGESTED, play_to_the_end, wait_for_comment
from dejabug.demo.studio import Data, split
from dejabug.infra.errors import UserError
from dejabug.infra.redis_server import free_port

# The ports of the first start. Later starts use the same again: comments link to them.
PORTS = Ports(service=8765, jira=8766)
# Seconds between two checks that every process is alive.
CHECK_EVERY = 0.5


@dataclass(frozen=True)
class Kept:
    """What the next start must know: the ports, and the key of the ticket with our comment."""

    service: int
    jira: int
    ticket: str = ""


def keep_up(
    folder: Path, *, data: Path | None, service_port: int | None, jira_port: int | None, reset: bool
) -> int:
    """Start the studio and keep it running until Ctrl-C; the exit status. What was filed is kept
    for the next start, unless `reset`. Ports: None for the last ones, 0 for any free one."""

    def play(stop: Stop) -> int:
        split_data = split(data, None, spare=True)

        def ports() -> Ports:
            last = _read(folder) or Kept(**asdict(PORTS))
            return Ports(
                _port("--port", service_port, last.service),
                _port("--jira-port", jira_port, last.jira),
            )

        with running(folder, stop, fresh=reset, keep=True, ports=ports) as story:
            ticket = _tickets(story, split_data)
            _write(folder, story, ticket)
            _print_addresses(story, split_data, ticket)
            while True:
                story.processes.check()
                time.sleep(CHECK_EVERY)

    return play_to_the_end(play, interrupted="Stopped. Everything is kept.", status=0)


def _tickets(story: Story, data: Data) -> str:
    """See that the tickets are there; the key of the one that was filed after the others."""
    if story.studio.has_tickets():
        console.print("[dim]The tickets from last time are still here.[/]")
        kept = _read(story.folder)
        return kept.ticket if kept and story.studio.exists(kept.ticket) else ""
    read_history(story, data)
    entry = data.held_back
    with story.step("a new ticket is filed, and Déjà Bug answered"):
        key = story.studio.file_ticket(
            data.project_keys()[entry.game], entry, data.folder / entry.file
        )
        wait_for_comment(story, key)
    return key


def _print_addresses(story: Story, data: Data, ticket: str) -> None:
    """Where everything is, and what to try first. Addresses are printed whole, to be clicked."""
    jira, service = story.studio.address, story.service
    panel = f"{jira}/browse/{ticket}#panel" if ticket else "on each ticket in Jira"
    if not Forge(PLUGIN, service).has_panel:
        panel = "not built; run: make panel (needs Node.js and npm), then start again"
    rows = [
        ("Sign in", f"{service}/sign-in/oidc", "opens the search, signed in as Tess Tester"),
        ("Search", f"{service}/", ""),
        ("Status", f"{service}/status", ""),
        ("API docs", f"{service}/api/v1/docs", ""),
        ("Jira (stand-in)", f"{jira}/", "no sign-in needed"),
        ("Panel in Jira", panel, ""),
    ]
    _print("\n[bold green]Déjà Bug is running.[/] Press Ctrl-C to stop it.\n")
    for name, address, note in rows:
        _print(f"  {name:<16} [cyan]{escape(address)}[/]{f'  [dim]({note})[/]' if note else ''}")
    _print("\n[bold]Try first[/]")
    for number, line in enumerate(_first_steps(story, data, ticket), start=1):
        _print(f"  {number}. {line}")
    program = Path(sys.executable).with_name("dejabug")
    environment = story.folder / "environment"
    _print(f"\n[dim]Command line: (. {environment}; {program} search 'car stuck in a wall')[/]")
    _print(f"[dim]Logs: {story.folder / 'logs'}[/]\n")


def _first_steps(story: Story, data: Data, ticket: str) -> list[str]:
    jira = story.studio.address
    steps = []
    if ticket:
        address = f"[cyan]{jira}/browse/{ticket}[/]"
        steps.append(f"Open {address}: a new ticket with Déjà Bug's comment.")
        suggested = SUGGESTED.findall(story.studio.comment(ticket) or "")
        if suggested:
            steps.append(
                f"Comment [bold]/dejabug not {suggested[0]}[/] there. The suggestion disappears."
            )
    create, clip = f"{jira}/create", "a clip"
    if data.spare is not None:
        create += f"?project={data.project_keys()[data.spare.game]}"
        clip = f"this clip: {escape(str(data.folder / data.spare.file))}"
    steps.append(
        f"File a ticket at [cyan]{escape(create)}[/] with {clip}\n"
        "     Déjà Bug comments in a few seconds. Or drop the clip on the search page."
    )
    return steps


def _print(text: str) -> None:
    """Print without wrapping, so that no address is cut."""
    console.print(text, soft_wrap=True)


def _port(option: str, wanted: int | None, last: int) -> int:
    """The wanted port, or else the last one if it is free. Raises UserError."""
    if wanted:
        if not is_free(wanted):
            raise UserError(f"port {wanted} is in use; choose another one with {option}, or 0")
        return wanted
    if wanted == 0 or is_free(last):
        return free_port() if wanted == 0 else last
    port = free_port()
    console.print(f"[yellow]Port {last} is in use, so this start uses {port}.[/]")
    return port


def _read(folder: Path) -> Kept | None:
    path = folder / "kept.json"
    return Kept(**json.loads(path.read_text("utf-8"))) if path.exists() else None


def _write(folder: Path, story: Story, ticket: str) -> None:
    service, jira = (
        int(address.rpartition(":")[2]) for address in (story.service, story.studio.address)
    )
    (folder / "kept.json").write_text(json.dumps(asdict(Kept(service, jira, ticket))), "utf-8")
