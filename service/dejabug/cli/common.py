"""What all commands share: the application, its help, the terminal, errors, progress bars."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from importlib.metadata import version
from typing import Annotated, Any, NoReturn

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
from typer.core import TyperGroup

from dejabug.infra.errors import UserError
from dejabug.infra.logs import configure_logs
from dejabug.records.types import IssueRecord
from dejabug.services import Services, get_services

# The groups of `dejabug --help`.
TRY_IT = "Try it"
RUN_THE_SERVICE = "Run the service"
JIRA = "Jira"
SEARCH = "Search"
QUALITY = "Quality"
DATA_AND_BACKUP = "Data and backup"
ADMINISTRATION = "Administration"
# The order of the commands in `dejabug --help`, group by group.
ORDER = (
    *("demo", "up", "probe"),
    *("serve", "worker", "slack", "doctor", "worker-health"),
    *("jira", "backfill", "reconcile"),
    *("search", "similar"),
    *("eval", "verdict", "learn", "encoder"),
    *("export", "import", "purge", "index", "copy-media"),
    *("project", "token", "settings"),
)  # fmt: skip


class OrderedGroup(TyperGroup):
    """The commands in the order of `ORDER`."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands."""
        return sorted(super().list_commands(ctx), key=ORDER.index)


app = typer.Typer(
    name="dejabug",
    cls=OrderedGroup,
    help="Find earlier bug videos that show the same bug as a new Jira ticket's clip.",
    epilog="Settings come from environment variables; `dejabug settings` lists them. "
    "Try it without any: `dejabug demo`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,  # locals may hold tokens
)
# Without emoji: `ari:cloud:…` isn't a cloud.
console = Console(emoji=False)
complaints = Console(stderr=True, emoji=False)
# The exit status that shells use for a command stopped by Ctrl-C.
INTERRUPTED = 130


def product() -> str:
    """The product's name and version."""
    return f"Déjà Bug {version('dejabug')}"


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(product())
        raise typer.Exit


@app.callback()
def main(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Options of `dejabug` itself."""


def plain_errors(command: Callable[..., Any]) -> Callable[..., Any]:
    """Print errors that the user can fix as one line and exit with status 1, without a
    traceback."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except redis.ConnectionError as error:
            fail(f"Redis does not answer ({error}). Check {_which_redis()}, or run: dejabug doctor")
        except redis.RedisError as error:
            fail(f"Redis returned an error or was too slow ({error}). See: dejabug doctor")
        except UserError as error:
            fail(str(error))

    return run


def _which_redis() -> str:
    if get_services().settings.index_redis_url:
        return "DEJABUG_REDIS_URL and DEJABUG_INDEX_REDIS_URL"
    return "DEJABUG_REDIS_URL"


def open_services(*, service: bool = False) -> Services:
    """This process's services. A service logs all events; other commands log only problems."""
    services = get_services()
    configure_logs(services.settings.log_format, quiet=not service)
    return services


def fail(message: str) -> NoReturn:
    """Print an error and exit with status 1."""
    complaints.print(f"[red]dejabug:[/] {escape(message)}", soft_wrap=True, highlight=False)
    raise typer.Exit(1)


def progress_bars() -> Progress:
    """Progress bars with a note at the end of each line."""
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
    """Progress bars, one for each task that is reported."""
    with progress_bars() as progress:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=None, note="")
            progress.update(tasks[what], completed=done, total=total or None)

        yield tell


def counting(progress: Progress, title: str) -> Callable[[int, int], None]:
    """Add a progress bar; call the result with the number done and the total."""
    task = progress.add_task(title, total=None, note="")

    def update(done: int, total: int) -> None:
        progress.update(task, completed=done, total=total)

    return update


def seconds_of(text: str) -> float:
    """A duration such as `3d` in seconds. Raises UserError."""
    found = re.fullmatch(r"(\d{1,6})([mhdw])", text.strip(), re.ASCII)
    if found is None:
        raise UserError(
            f"{text!r} is not a valid duration; expected for example 90m, 12h, 3d or 2w"
        )
    return float(int(found[1]) * {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}[found[2]])


def duration(seconds: float) -> str:
    """Seconds in readable form: `3 h 20 min`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def known_issue(services: Services, key: str) -> IssueRecord:
    """The issue with this key. If it isn't indexed, exit with an error that says what to do."""
    record = services.collections.active.catalogue.issue_by_key(key)
    if record is None:
        fail(f'{key} isn\'t indexed. Index it with: dejabug backfill "key = {key}"')
    return record


def counted(number: int, thing: str, many: str = "") -> str:
    """A number and what it counts, in singular or plural: `1 clip`, `2,000 clips`."""
    return f"{number:,} {thing if number == 1 else many or thing + 's'}"
