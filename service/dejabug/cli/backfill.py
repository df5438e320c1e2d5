"""Index existing issues, and catch up on missed webhooks: `backfill`, `reconcile`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from dejabug.cli.common import (
    INTERRUPTED,
    JIRA,
    app,
    complaints,
    console,
    counted,
    duration,
    fail,
    open_services,
    plain_errors,
    progress_bars,
    seconds_of,
)
from dejabug.ingest import backfill as reading
from dejabug.ingest import reconcile as repairing
from dejabug.ingest.backfill_estimate import Survey
from dejabug.records.throughput import Estimate
from dejabug.records.types import ClipStatus
from dejabug.services import Services
from dejabug.worker.periodic import LEARNING, queue_if_due

# Seconds between checks of the workers' progress.
POLL = 0.3
# At most this many failed clips are listed; `--json` has their number.
LISTED = 20


@app.command(rich_help_panel=JIRA)
@plain_errors
def backfill(
    jql: Annotated[
        str,
        typer.Argument(help='The issues to index, e.g. `"project = GAME AND created > -104w"`.'),
    ],
    restart: Annotated[
        bool,
        typer.Option(
            "--restart", help="Start over, even if an earlier run of this JQL was interrupted."
        ),
    ] = False,
    wait: Annotated[
        bool, typer.Option(help="Wait until the workers have indexed the clips.")
    ] = True,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Show the number of clips and the time they need, and stop."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Index the clips of existing issues. No issue gets a comment.

    Reads the issues that match the JQL, oldest first. Safe to interrupt (Ctrl-C); run it again to
    resume. It pauses when Jira asks for it, and while the queue of clips is full. With `--no-wait`
    it exits once all issues are read; if no worker runs and the queue is full, it exits with an
    error.

    Examples:

    `dejabug backfill "project = GAME" --dry-run`

    `dejabug backfill "project = GAME AND created > -104w"`
    """
    services = open_services()
    if dry_run:
        _tell_survey(services, jql, as_json)
        return
    with _bars(as_json) as progress:
        step = _read(services, jql, restart, wait, progress)
        if wait:
            _wait_for_clips(services, progress)
    queue_if_due(services, LEARNING, now=True)  # from the duplicate links that were read
    indexed, failed = (
        services.collections.active.catalogue.count(status)
        for status in (ClipStatus.INDEXED, ClipStatus.FAILED)
    )
    if as_json:
        told = {"issues": step.issues, "queued": step.clips, "indexed": indexed, "failed": failed}
        typer.echo(json.dumps(told, indent=2))
        return
    console.print(
        f"{counted(step.clips, 'clip')} queued. {indexed:,} indexed, {failed:,} failed in total.",
        highlight=False,
    )
    _list_failed(services, failed)


def _read(
    services: Services, jql: str, restart: bool, wait: bool, progress: Progress
) -> reading.Progress:
    """Read all pages. Ctrl-C, and a full queue without workers, end the command with a message on
    how to resume."""
    bar = progress.add_task("Reading issues", total=None, note="")
    step = reading.Progress(0, 0)
    try:
        for step in services.backfill.run(jql, restart=restart):
            note = step.pause or counted(step.clips, "clip")
            progress.update(bar, completed=step.issues, total=step.total or None, note=note)
            if step.stuck and not wait:
                progress.stop()
                fail(
                    f"{step.pause}. {counted(step.issues, 'issue')} read so far. "
                    "Start a worker (dejabug worker clips) and run this again to resume"
                )
    except KeyboardInterrupt:
        progress.stop()
        complaints.print(
            f"Interrupted after {step.issues:,} of about {counted(step.total, 'issue')}. Run the "
            "same command again to resume. Workers keep working on the queued clips.",
            highlight=False,
        )
        raise typer.Exit(INTERRUPTED) from None
    return step


def _wait_for_clips(services: Services, progress: Progress) -> None:
    """Wait until no clip is queued; say so if no worker runs. Ctrl-C ends only the waiting."""
    total = services.collections.active.catalogue.count(ClipStatus.QUEUED)
    bar = progress.add_task("Indexing clips", total=total, note="")
    try:
        while waiting := services.collections.active.catalogue.count(ClipStatus.QUEUED):
            total = max(total, waiting)
            workers = services.queues.workers()["clips"]
            note = (
                counted(workers, "worker")
                if workers
                else "no worker: start one with `dejabug worker clips`"
            )
            progress.update(bar, completed=total - waiting, total=total, note=note)
            time.sleep(POLL)
    except KeyboardInterrupt:
        progress.stop()
        complaints.print(
            f"Stopped waiting. All issues are read; {counted(waiting, 'clip')} still to be "
            "indexed by the workers.",
            highlight=False,
        )
        raise typer.Exit(INTERRUPTED) from None
    progress.update(bar, completed=total, total=total, note="")


def _list_failed(services: Services, failed: int) -> None:
    for number, clip in enumerate(
        services.collections.active.catalogue.with_status(ClipStatus.FAILED)
    ):
        if number == LISTED:
            console.print(f"  … and {failed - LISTED:,} more", style="yellow")
            return
        issue = services.collections.active.catalogue.issue(clip.issue_id)
        key = issue.key if issue else clip.issue_id
        console.print(f"  {key} {escape(clip.filename)}: {escape(clip.reason)}", style="yellow")


def _tell_survey(services: Services, jql: str, as_json: bool) -> None:
    seen = Survey()
    with _bars(as_json) as progress:
        bar = progress.add_task("Reading issues", total=None, note="")
        for seen in services.backfill_estimate.run(jql):
            note = seen.pause or counted(seen.clips, "clip")
            progress.update(bar, completed=seen.issues, total=seen.total or None, note=note)
    workers = services.queues.workers()["clips"]
    estimate = services.collections.active.throughput.estimate(seen.new, seen.new_size, workers)
    if as_json:
        told = {**asdict(seen), "clips": seen.clips, "workers": workers}
        told.pop("pause")
        typer.echo(json.dumps({**told, "seconds": asdict(estimate)}, indent=2))
        return
    table = Table("type", "files", "size", "clips", title=counted(seen.issues, "issue"))
    for name, kind in sorted(seen.kinds.items(), key=lambda item: (-item[1].clips, item[0])):
        table.add_row(escape(name), f"{kind.files:,}", decimal(kind.size), f"{kind.clips:,}")
    console.print(table)
    console.print(
        f"{counted(seen.clips, 'clip')}: {seen.known:,} already known, {seen.too_large:,} larger "
        f"than DEJABUG_CLIP_MAX_BYTES ({decimal(services.settings.clip_max_bytes)}), "
        f"{seen.new:,} to index ({decimal(seen.new_size)}).",
        highlight=False,
    )
    if seen.unsure:
        files = "1 other file has" if seen.unsure == 1 else f"{seen.unsure:,} other files have"
        console.print(
            f"{files} an unknown type. A worker reads the first bytes of each and indexes it if it "
            "is a video or an image.",
            highlight=False,
        )
    if seen.new:
        console.print(_about(estimate, workers), highlight=False)
    console.print("[dim]Nothing was queued.[/]")


def _about(estimate: Estimate, workers: int) -> str:
    low, high = duration(estimate.low), duration(estimate.high)
    span = low if low == high else f"{low} to {high}"
    who = counted(max(workers, 1), "worker")
    if estimate.measured:
        last = "clip" if estimate.measured == 1 else f"{estimate.measured:,} clips"
        return f"About {span} with {who}, measured on this installation's last {last}."
    return f"About {span} with {who}. This is a rough guess: no clip was indexed here yet."


@contextmanager
def _bars(as_json: bool) -> Iterator[Progress]:
    """Progress bars; hidden when standard output is for a script."""
    progress = progress_bars()
    progress.disable = as_json
    with progress:
        yield progress


@app.command(rich_help_panel=JIRA)
@plain_errors
def reconcile(
    since: Annotated[
        str | None,
        typer.Option(
            help="Check at least the changes of this last period: `90m`, `12h`, `3d` or `2w`."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Catch up on changes that webhooks missed.

    Reads changed issues again and removes deleted ones. Workers do this automatically every
    DEJABUG_RECONCILE_MINUTES. Tickets and clips that are new since the last run (or since
    `--since`) can get a comment, as if their webhook had arrived.

    Example:

    `dejabug reconcile --since 3d`
    """
    back = seconds_of(since) if since else 0.0
    services = open_services()
    report = repairing.Report()
    with _bars(as_json) as progress:
        changes = progress.add_task("Changed issues", total=None, note="")
        check = progress.add_task("Deleted issues", total=None, note="")
        for report in services.reconciler.run(since=back, whole=True):
            progress.update(changes, completed=report.looked)
            progress.update(check, completed=report.checked, total=report.known or None)
        progress.update(changes, total=report.looked)
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=2))
    else:
        _tell_report(report)
    if report.doubt:
        fail(
            f"{report.doubt}. Nothing was deleted: this looks like a lost permission or another "
            "account. Check DEJABUG_JIRA_USER, DEJABUG_JIRA_TOKEN and the account's permission "
            "Browse Projects"
        )


def _tell_report(report: repairing.Report) -> None:
    if report.busy:
        console.print("Already running in another process. Nothing to do here.")
        return
    reasons = ", ".join(f"{count} {why}" for why, count in sorted(report.repaired.items()))
    count = sum(report.repaired.values())
    console.print(
        f"Checked {counted(report.looked, 'changed issue')} and "
        f"{counted(report.checked, 'known issue')}. "
        + (f"Reading {counted(count, 'issue')} again: {reasons}." if count else "Nothing missed."),
        highlight=False,
    )
    if report.refused:
        console.print(
            f"Jira doesn't show these projects to our account: {', '.join(report.refused)}. They "
            "are deleted, or the account lacks the permission Browse Projects.",
            style="yellow",
        )
