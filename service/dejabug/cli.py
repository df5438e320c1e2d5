"""`dejabug …`: the one way in for people. Each command is a few calls into the rooms."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
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
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from dejabug.backfill import read_backlog
from dejabug.catalogue import ClipStatus
from dejabug.commenting import choose, find_for_issue
from dejabug.doctor import examine
from dejabug.encoders import EncoderError
from dejabug.index import IndexUnavailableError
from dejabug.jira.comments import span, strength
from dejabug.jira.errors import JiraError
from dejabug.jobs import SearchFailedError, ask
from dejabug.logs import configure_logs
from dejabug.rooms import QUEUES, Rooms, rooms
from dejabug.settings import Settings

app = typer.Typer(
    name="dejabug",
    help="Finds the historical bug videos that show the same bug as a new Jira ticket's clip.",
    epilog="Settings come from the environment; `dejabug settings` lists them. "
    "Try it without any: `dejabug demo`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,  # locals may hold tokens
)
console = Console()
complaints = Console(stderr=True)

# Seconds between two looks at how far the workers are.
POLL = 0.3
# Clips that `dejabug similar` and `dejabug search` list by default.
RESULTS = 10


def _plain_errors(command: Callable[..., Any]) -> Callable[..., Any]:
    """What a person can mend ends in one clear line and status 1, not in a traceback."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except redis.ConnectionError as error:
            _fail(
                f"Redis does not answer ({error}). Is DEJABUG_REDIS_URL right? See: dejabug doctor"
            )
        except (
            JiraError,
            EncoderError,
            IndexUnavailableError,
            SearchFailedError,
            ValueError,
        ) as error:
            _fail(str(error))

    return run


@app.command()
@_plain_errors
def demo(
    clip: Annotated[
        Path | None,
        typer.Option(help="File the new ticket with this video instead of one of the data set's."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Another data set: a folder with `manifest.jsonl` and its clips."),
    ] = None,
    query: Annotated[
        str | None, typer.Option(help="The data set's file to hold back as the new ticket's clip.")
    ] = None,
    state: Annotated[
        Path, typer.Option(help="Folder for logs, tickets and pictures of the demo.")
    ] = Path(".state"),
) -> None:
    """Play the whole story, in separate processes: history, new ticket, webhook, comment.

    Needs no account, no Docker, no GPU and no model hub. Ends with status 0 when the true duplicate
    is among the first three suggestions (with --clip: when the ticket was answered), else 1.
    """
    from dejabug.demo.story import tell_story

    raise typer.Exit(tell_story(state / "demo", data=data, query=query, clip=clip))


@app.command()
@_plain_errors
def up(
    data: Annotated[Path | None, typer.Option(help="Another data set, as for `demo`.")] = None,
    state: Annotated[Path, typer.Option(help="Folder that keeps everything.")] = Path(".state"),
) -> None:
    """Start the demo's studio and keep it running to play with; Ctrl-C ends it."""
    from dejabug.demo.story import keep_up

    raise typer.Exit(keep_up(state / "up", data=data))


@app.command()
@_plain_errors
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    threads: Annotated[int, typer.Option(min=1, help="Requests served at once.")] = 8,
) -> None:
    """Serve the webhooks and the health pages with gunicorn."""
    command = [
        sys.executable, "-m", "gunicorn", "dejabug.web:create_app()",
        "--bind", f"{host}:{port}", "--worker-class", "gthread", "--workers", "1",
        "--threads", str(threads), "--no-control-socket", "--access-logfile", "/dev/null",
    ]  # fmt: skip
    os.execv(sys.executable, command)  # noqa: S606 (no shell: gunicorn takes this process over)


@app.command()
@_plain_errors
def worker(
    queues: Annotated[
        list[str] | None,
        typer.Argument(help=f"Queues in order of precedence, of: {', '.join(QUEUES)}."),
    ] = None,
    burst: Annotated[bool, typer.Option(help="Stop when the queues are empty.")] = False,
) -> None:
    """Work on queues in one long-lived process that keeps its model warm.

    One worker a GPU for `clips` and `search`; one without a model for `default`. With no queue
    named, it works on all of them.
    """
    from dejabug.worker import run_worker

    names = queues or ["search", "default", "clips"]
    if unknown := sorted(set(names) - set(QUEUES)):
        _fail(f"no such queue: {', '.join(unknown)}; there are: {', '.join(QUEUES)}")
    run_worker(_rooms(service=True), names, burst=burst)


@app.command()
@_plain_errors
def backfill(
    jql: Annotated[
        str,
        typer.Argument(help='Which issues to read, e.g. `"project = GAME AND created > -104w"`.'),
    ],
    restart: Annotated[
        bool, typer.Option(help="Begin anew, even if a run of this JQL was broken off.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Wait until the workers have done the clips.")] = True,
) -> None:
    """Read a backlog in: the clips of all issues that a JQL finds. No issue gets a comment.

    May be broken off at any time (Ctrl-C) and called again: it goes on where it was.
    """
    place = _rooms()
    with _progress() as progress:
        total = place.jira.count(jql)
        bar = progress.add_task("Reading issues", total=total, note="")
        clips = 0
        for step in read_backlog(place, jql, restart=restart):
            clips = step.clips
            progress.update(bar, completed=step.issues, total=max(total, step.issues))
        if wait:
            _wait_for_clips(place, progress)
    indexed, failed = (
        place.catalogue.count(status) for status in (ClipStatus.INDEXED, ClipStatus.FAILED)
    )
    console.print(f"{clips} clips queued; {indexed} are indexed now, {failed} could not be.")
    for clip in sorted(place.catalogue.with_status(ClipStatus.FAILED), key=lambda clip: clip.id):
        issue = place.catalogue.issue(clip.issue_id)
        key = issue.key if issue else clip.issue_id
        console.print(f"  {key} {escape(clip.filename)}: {escape(clip.reason)}", style="yellow")


@app.command()
@_plain_errors
def search(
    words: Annotated[str, typer.Argument(help='What to look for: `"car sinks into the road"`.')],
    project: Annotated[
        list[str] | None, typer.Option("--project", "-p", help="Only these projects.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100)] = RESULTS,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for scripts.")] = False,
) -> None:
    """Find clips by words. Tickets with a security level are left out."""
    place = _rooms()
    projects = [name.upper() for name in project] if project else place.catalogue.projects()
    if not words.strip():
        _fail("say what to look for")
    # More than asked for, since some may be left out.
    found = ask(place, words, projects, limit * 2)
    issues = place.jira.issues([hit["issue_id"] for hit in found])
    shown = [
        {**hit, "summary": issues[hit["issue_id"]].summary}
        for hit in found
        if hit["issue_id"] in issues and issues[hit["issue_id"]].security is None
    ][:limit]
    if as_json:
        typer.echo(json.dumps(shown, indent=2))
        return
    table = Table("score", "issue", "summary", "at", title=escape(f"“{words}”"))
    for hit in shown:
        at = span(hit["start"], hit["end"])
        table.add_row(f"{hit['score']:.2f}", hit["issue"], escape(hit["summary"]), at)
    console.print(table if shown else "Nothing is indexed in these projects.")
    console.print(f"[dim]{escape(place.encoder_label())}[/dim]")


@app.command()
@_plain_errors
def similar(
    issue: Annotated[str, typer.Argument(help="The issue's key, e.g. GAME-123.")],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=20)] = RESULTS,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for scripts.")] = False,
) -> None:
    """List the issues whose clips are most like this issue's, also those below the threshold."""
    place = _rooms()
    record = place.catalogue.issue_by_key(issue)
    if record is None:
        _fail(f'{issue} is not known here. Read it in with: dejabug backfill "key = {issue}"')
    clips = place.catalogue.clips_of(record.id)
    if not any(clip.status is ClipStatus.INDEXED for clip in clips):
        reasons = [f"{clip.filename}: {clip.reason or clip.status}" for clip in clips]
        _fail(f"{issue} has no clip that is indexed. {'; '.join(reasons)}".strip())
    answer = find_for_issue(place, record)
    pairs = choose(answer, record, place.settings, threshold=-1.0, limit=limit)
    commented = {pair.found_issue_id for pair in answer.chosen}
    rows = [
        {
            "issue": answer.tickets[pair.found_issue_id].key,
            "summary": answer.tickets[pair.found_issue_id].summary,
            "status": answer.tickets[pair.found_issue_id].status,
            "score": round(pair.score, 4),
            "commented": pair.found_issue_id in commented,
            "moments": [
                {
                    "here": [moment.query_start, moment.query_end],
                    "there": [moment.match_start, moment.match_end],
                }
                for moment in pair.moments
            ],
        }
        for pair in pairs
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("score", "issue", "summary", "status", "here", "there", title=f"Like {issue}")
    for row, pair in zip(rows, pairs, strict=True):
        first = pair.moments[0] if pair.moments else None
        here = span(first.query_start, first.query_end) if first else ""
        there = span(first.match_start, first.match_end) if first else ""
        table.add_row(
            f"{pair.score:.2f} {strength(pair.score) if row['commented'] else '[dim]silent[/dim]'}",
            str(row["issue"]),
            escape(str(row["summary"])),
            escape(str(row["status"])),
            here,
            there,
        )
    console.print(table)
    console.print(
        f"[dim]Comments need {place.settings.comment_threshold}; {escape(place.encoder_label())}[/]"
    )


@app.command()
@_plain_errors
def doctor(
    model: Annotated[bool, typer.Option(help="Also load the model (seconds).")] = True,
) -> None:
    """Look at every part (Redis, ffmpeg, model, Jira, …) and say what to do about what is wrong."""
    ill = 0
    for check in examine(_rooms(), model=model):
        mark = "[green]✓[/]" if check.well else "[red]✗[/]"
        console.print(f"{mark} [bold]{check.what}[/]  {escape(check.says)}", soft_wrap=True)
        if not check.well:
            ill += 1
            console.print(f"    {escape(check.remedy)}", style="yellow", soft_wrap=True)
    if ill:
        raise typer.Exit(1)


@app.command(name="settings")
@_plain_errors
def show_settings(
    markdown: Annotated[bool, typer.Option(help="The page docs/settings.md.")] = False,
) -> None:
    """List every setting with its value here and what it does. Secrets are masked."""
    if markdown:
        typer.echo(_settings_page(), nl=False)
        return
    values = _rooms().settings
    table = Table("variable", "value", "what it does")
    for name, field in Settings.model_fields.items():
        table.add_row(
            f"DEJABUG_{name.upper()}", escape(str(getattr(values, name))), field.description
        )
    console.print(table)


def _rooms(*, service: bool = False) -> Rooms:
    """The process's rooms. A service logs all events, a command for people only what is wrong."""
    place = rooms()
    configure_logs(place.settings.log_format, quiet=not service)
    return place


def _fail(message: str) -> NoReturn:
    complaints.print(f"[red]dejabug:[/] {escape(message)}", soft_wrap=True, highlight=False)
    raise typer.Exit(1)


def _progress() -> Progress:
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


def _wait_for_clips(place: Rooms, progress: Progress) -> None:
    """Until no clip waits; says so when nobody works on them."""
    total = place.catalogue.count(ClipStatus.QUEUED)
    bar = progress.add_task("Embedding clips", total=total, note="")
    while waiting := place.catalogue.count(ClipStatus.QUEUED):
        total = max(total, waiting)
        workers = place.workers()["clips"]
        note = f"{workers} workers" if workers else "no worker: start `dejabug worker clips`"
        progress.update(bar, completed=total - waiting, total=total, note=note)
        time.sleep(POLL)
    progress.update(bar, completed=total, total=total, note="")


def _settings_page() -> str:
    lines = [
        "# Settings",
        "",
        "Every setting is an environment variable. This page is made by "
        "`dejabug settings --markdown`. Sizes are bytes and times seconds unless a name says "
        "otherwise.",
        "",
        "| variable | default | what it does |",
        "| --- | --- | --- |",
    ]
    for name, field in Settings.model_fields.items():
        default = getattr(field.default, "get_secret_value", lambda d=field.default: d)()
        shown = f"`{default}`" if default not in ("", None) else "none"
        about = (field.description or "").replace("|", "\\|")
        lines.append(f"| `DEJABUG_{name.upper()}` | {shown} | {about} |")
    return "\n".join(lines) + "\n"
