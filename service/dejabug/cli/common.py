"""What all commands share: the application, the terminal, plain errors, progress bars."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, NoReturn

import redis
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from dejabug.infra.errors import UserError
from dejabug.infra.logs import configure_logs
from dejabug.records.types import IssueRecord
from dejabug.services import Services, get_services

app = typer.Typer(
    name="dejabug",
    help="Finds the historical bug videos that show the same bug as a new Jira ticket's clip.",
    epilog="Settings come from the environment; `dejabug settings` lists them. "
    "Try it without any: `dejabug demo`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,  # locals may hold tokens
)
# Without emoji: `ari:cloud:…` is no weather.
console = Console(emoji=False)
complaints = Console(stderr=True, emoji=False)
# Status of a command that Ctrl-C ended, as shells give it.
INTERRUPTED = 130


def plain_errors(command: Callable[..., Any]) -> Callable[..., Any]:
    """What a person can mend ends in one clear line and status 1, not in a traceback."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except redis.ConnectionError as error:
            fail(f"Redis does not answer ({error}). {_which_redis()} See: dejabug doctor")
        except redis.RedisError as error:
            fail(f"Redis refuses, or was too slow ({error}). See: dejabug doctor")
        except UserError as error:
            fail(str(error))

    return run


def _which_redis() -> str:
    if get_services().settings.index_redis_url:
        return "Are DEJABUG_REDIS_URL and DEJABUG_INDEX_REDIS_URL right?"
    return "Is DEJABUG_REDIS_URL right?"


def open_services(*, service: bool = False) -> Services:
    """The process's parts. A service logs all events, a command for people only what is wrong."""
    services = get_services()
    configure_logs(services.settings.log_format, quiet=not service)
    return services


def fail(message: str) -> NoReturn:
    complaints.print(f"[red]dejabug:[/] {escape(message)}", soft_wrap=True, highlight=False)
    raise typer.Exit(1)


def progress_bars() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<16}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", style="dim"),
        console=console,
    )


@contextmanager
def told_bars() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each thing that is told of."""
    with progress_bars() as progress:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=None, note="")
            progress.update(tasks[what], completed=done, total=total or None)

        yield tell


def counting(progress: Progress, title: str) -> Callable[[int, int], None]:
    """A new bar, to be called with how many are done and how many there are."""
    task = progress.add_task(title, total=None, note="")

    def update(done: int, total: int) -> None:
        progress.update(task, completed=done, total=total)

    return update


def seconds_of(text: str) -> float:
    """`3d` in seconds. Raises UserError."""
    found = re.fullmatch(r"(\d{1,6})([mhdw])", text.strip(), re.ASCII)
    if found is None:
        raise UserError(f"{text!r} is no length of time; give one like 90m, 12h, 3d or 2w")
    return float(int(found[1]) * {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}[found[2]])


def duration(seconds: float) -> str:
    """Seconds as people say them: `3 h 20 min`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def known_issue(services: Services, key: str) -> IssueRecord:
    """The issue with this key; an unknown one ends the command with what to do."""
    record = services.collections.active.catalogue.issue_by_key(key)
    if record is None:
        fail(f'{key} is not known here. Read it in with: dejabug backfill "key = {key}"')
    return record
